"""Pure decisions: what a reading is worth, what is believed, what to do."""
