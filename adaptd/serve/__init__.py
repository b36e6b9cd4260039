"""The local API and what is published from it."""
