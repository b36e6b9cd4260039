"""Where things lie when nothing is given."""

from pathlib import Path

from adaptd.config.shipped import policies_dir


def default_audit() -> Path:
    """``audit_logs/`` of the clone, the service's state folder in an installation."""
    clone = policies_dir().parent
    return clone / "audit_logs" if (clone / "pyproject.toml").is_file() else Path("/var/lib/adaptd/audit_logs")
