"""The one error of the configuration room."""


class ConfigError(Exception):
    """A file that is refused. ``str(error)`` is one line a fault: ``FILE:LINE:COL: key: what is wrong, what would be right``."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
