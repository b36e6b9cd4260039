"""Imports the heavy libraries where a crash or a hang does no harm: a process of its own that prints one JSON object.

Started by `adaptd doctor` as ``python -m adaptd.cli.doctor_child NAME``.
"""

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any


def _pycuda(driver: Any) -> dict[str, Any]:
    driver.init()
    names = [driver.Device(index).name() for index in range(driver.Device.count())]
    version = importlib.import_module("pycuda").VERSION_TEXT
    return {"version": version, "gpus": names, "driver": driver.get_driver_version()}


def _cv2(library: Any) -> dict[str, Any]:
    return {"version": library.__version__, "gstreamer": "GStreamer:                   YES" in library.getBuildInformation()}


def _pynvml(library: Any) -> dict[str, Any]:
    library.nvmlInit()
    names = [library.nvmlDeviceGetName(library.nvmlDeviceGetHandleByIndex(i)) for i in range(library.nvmlDeviceGetCount())]
    return {"version": library.nvmlSystemGetDriverVersion(), "gpus": [str(name) for name in names]}


def _bundle(config: Any) -> dict[str, Any]:
    """Whether the shipped bundle's engines answer here as they did where they were qualified."""
    from adaptd.config.engine_answers import close, identity, packed
    from adaptd.engine.backends import EngineOptions, factory
    from adaptd.engine.base import answers_of, fingerprint_of, probe_batch
    from adaptd.engine.bundle import Bundle

    bundle = Bundle.open(config.engines_dir() / "pet-bowl", backend="ort")
    noted = identity(bundle.folder, bundle.manifest, "ort")
    make = factory(bundle, "ort", EngineOptions(threads=1))
    other = []
    for name in bundle.variants("ort"):
        with make(name) as engine:
            same = fingerprint_of(engine.infer(probe_batch(engine.input_shape))) == noted.prints.get(name)
            if not same and name == bundle.manifest.reference:
                same = close(noted.answers, packed(answers_of(engine)), noted.tolerance_ppm)
            if not same:
                other.append(name)
    return {"model": bundle.manifest.model, "other": other}


PROBES: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {  # what is imported, and what is said of it
    "onnxruntime": ("onnxruntime", lambda it: {"version": it.__version__, "providers": list(it.get_available_providers())}),
    "tensorrt": ("tensorrt", lambda it: {"version": it.__version__}),
    "pycuda": ("pycuda.driver", _pycuda),
    "cv2": ("cv2", _cv2),
    "nvml": ("pynvml", _pynvml),
    "bundle": ("adaptd.config.shipped", _bundle),
}


def main() -> int:
    """Print what one library says, or let its error end this process."""
    module, probe = PROBES[sys.argv[1]]
    print(json.dumps(probe(importlib.import_module(module))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
