"""adaptd: keeps a vision model's engines warm and picks the operating point that is worth most and breaks no limit."""

import os

from adaptd.base.decision_core import refuse_stale

# onnxruntime 1.29 and later sends telemetry unless told not to before its first import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

refuse_stale(os.path.dirname(os.path.abspath(__file__)))
