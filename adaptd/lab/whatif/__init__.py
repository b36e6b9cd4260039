"""What another policy would have done on a box's own days: figures with intervals, where they were tried, and what is a tie."""
