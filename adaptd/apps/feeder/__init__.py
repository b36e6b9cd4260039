"""The feeder monitor: from results to bouts of eating, days, and an alert that says what it rests on."""
