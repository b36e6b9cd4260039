"""Pure estimators: what the controller believes about power, temperature, pace, light and accuracy, and how sure it is."""
