"""Preprocessing and task heads, shared by the worker and the bundle build."""


class ModelError(Exception):
    """A model that cannot be read as what it is said to be. ``str(error)`` is one line: what, where, remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
