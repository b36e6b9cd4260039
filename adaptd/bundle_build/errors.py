"""The one error of the bundle build."""

from adaptd.vision.errors import ModelError


class BuildError(ModelError):
    """Something that cannot be built or measured. ``str(error)`` is one line: what, where, remedy."""
