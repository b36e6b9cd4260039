"""A box's own twin: what its verified log says of heat, power, pace, light and load, and how wrong that is on other days."""
