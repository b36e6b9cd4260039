"""Pictures and labels."""
