"""The one error of the build room."""


class BuildError(Exception):
    """Something that cannot be built or measured. ``str(error)`` is one line: what, where, remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
