"""How this project draws: SVG, axes, panels, one style sheet and pages from templates. Never imported in service."""
