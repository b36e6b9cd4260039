"""The log for people: story, pages, charts, export."""
