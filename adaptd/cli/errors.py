"""The error every command group raises for people."""


class CommandError(Exception):
    """One line: what, where, remedy. ``code`` is the exit code, 1 unless the usage was wrong (2)."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code
