"""What this machine offers, and the remedy."""
