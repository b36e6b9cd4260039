"""The writer's half of the log."""
