"""Where the shipped bundles, policies and profiles lie: beside the package in a clone, inside it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def _root() -> Path:
    inside = _PACKAGE / "_shipped"
    return inside if inside.is_dir() else _PACKAGE.parent


def engines_dir() -> Path:
    """The folder of bundles, one folder each."""
    return _root() / "engines"


def policies_dir() -> Path:
    """The folder of policies; scenarios are in ``scenarios/`` below it."""
    return _root() / "policies"


def profiles_dir() -> Path:
    """The folder of hardware profiles."""
    return _root() / "hw_profiles"
