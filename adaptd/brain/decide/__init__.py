"""Pure decisions: conditions, the planner, the table of transitions, the shadow share, and a safety part that only vetoes."""
