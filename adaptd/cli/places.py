"""Where things lie when nothing is given."""

import os
from pathlib import Path

from adaptd.config.shipped import policies_dir


def default_socket() -> Path:
    """The service's socket for root, the user's run-time folder otherwise."""
    if os.geteuid() == 0:
        return Path("/run/adaptd/adaptd.sock")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(runtime or f"/tmp/adaptd-{os.geteuid()}") / "adaptd" / "adaptd.sock"  # noqa: S108 - a folder of mode 0750


def default_audit() -> Path:
    """``audit_logs/`` of the clone, the service's state folder in an installation."""
    clone = policies_dir().parent
    return clone / "audit_logs" if (clone / "pyproject.toml").is_file() else Path("/var/lib/adaptd/audit_logs")
