"""The world outside: page, metrics and plug-ins, in a process of its own that may die without moving a tick."""
