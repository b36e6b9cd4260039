"""Strict configuration: YAML in human units becomes frozen objects in integers."""
