"""The log that proves itself."""
