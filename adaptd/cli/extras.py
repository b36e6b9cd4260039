"""Which optional part of adaptd brings a library: what `make run` installs is enough to serve, and no more."""

EXTRAS = {
    "build": ("onnx", "onnxconverter_common", "sympy"),
    "twin": ("scipy",),
    "tune": ("optuna",),
    "export": ("pyarrow",),
    "fleet": ("duckdb",),
    "camera": ("cv2",),
    "serve": ("prometheus_client",),
    "cuda": ("tensorrt", "pycuda"),
    "nvml": ("pynvml",),
    "jetson": ("jtop",),
    "train": ("torch",),
}
_WHAT = {
    "build": "building and qualifying engines",
    "twin": "the oracle and the bench",
    "tune": "searching for policies",
    "export": "Parquet tables",
    "fleet": "questions to the fleet's lake",
    "camera": "cameras and videos",
    "serve": "metrics",
    "cuda": "TensorRT",
    "nvml": "NVIDIA's sensors",
    "jetson": "jetson-stats",
    "train": "training",
}


def extra_of(library: str) -> str:
    """The extra that brings ``library``; empty where none does."""
    top = library.partition(".")[0]
    return next((extra for extra, names in EXTRAS.items() if top in names), "")


def install_words(library: str) -> str:
    """One line: what is missing, what for, and the command that brings it."""
    extra = extra_of(library)
    command = f"pip install 'adaptd[{extra}]', in a clone: .venv/bin/python -m pip install -e '.[{extra}]'"
    return f"needs {library.partition('.')[0]} for {_WHAT[extra]}, which is not installed: {command}"


def missing_library(error: ModuleNotFoundError) -> str:
    """The line for an import that failed; empty where the module is none that an extra brings, which is a defect."""
    return install_words(error.name) if error.name and extra_of(error.name) else ""
