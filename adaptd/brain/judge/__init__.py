"""The one judge of readings: raw samples in, what is believed and why not out. Pure, and run again by whoever verifies a log."""
