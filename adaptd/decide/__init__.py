"""Pure decisions: conditions, planner, transitions and the veto."""
