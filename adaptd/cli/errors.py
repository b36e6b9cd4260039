"""What every command group refuses with: one line for people, numbers that cannot be meant, and a library that is not there."""

import argparse
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from adaptd.config.errors import ConfigError

# Which optional part of adaptd brings a library, and what for: what `make run` installs is enough to serve, and no more.
EXTRAS = {
    "build": ("building and qualifying engines", ("onnx", "onnxconverter_common", "sympy")),
    "report": ("pages", ("jinja2", "markupsafe")),
    "gateway": ("the gateway", ("paho", "starlette", "uvicorn")),
    "twin": ("the oracle, the bench and twins of boxes", ("scipy",)),
    "tune": ("searching for policies", ("optuna",)),
    "export": ("Parquet tables", ("pyarrow",)),
    "fleet": ("the fleet's server and its lake", ("duckdb", "msgspec", "nacl")),
    "camera": ("cameras and videos", ("cv2",)),
    "serve": ("metrics", ("prometheus_client",)),
    "cuda": ("TensorRT", ("tensorrt", "pycuda")),
    "nvml": ("NVIDIA's sensors", ("pynvml",)),
    "jetson": ("jetson-stats", ("jtop",)),
    "train": ("training", ("torch",)),
}


class CommandError(Exception):
    """One line: what, where, remedy. ``code`` is the exit code, 1 unless the usage was wrong (2)."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@contextlib.contextmanager
def refusing(*kinds: type[Exception], where: str = "", code: int = 1) -> Iterator[None]:
    """What the rooms below raise inside, of these ``kinds``, is one line already: behind ``where`` it refuses the command."""
    try:
        yield
    except kinds as error:
        raise CommandError(f"{where}{error}", code) from None


@contextlib.contextmanager
def writing(place: Path, remedy: str, done: str = "written") -> Iterator[None]:
    """What the system refuses inside is said of ``place``, with the remedy; ``done`` is what was to be done to it."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{place}: cannot be {done} ({error.strerror or error}), {remedy}") from None


def read(place: Path, remedy: str) -> bytes:
    """The bytes of a file that was named."""
    with writing(place, remedy, "read"):
        return place.read_bytes()


@contextlib.contextmanager
def using(remedy: str) -> Iterator[None]:
    """What the system refuses inside is said of the file that it names, with the remedy."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}, {remedy}") from None


def fresh(place: Path | None) -> None:
    """Refuse to write over what is there."""
    if place is not None and place.exists():
        raise CommandError(f"{place}: exists already, name another file or remove it")


def checked(paths: list[Path], check: Callable[[Path], str]) -> int:
    """Say of each file what ``check`` finds good; what it refuses (ConfigError) is told of all of them at the end."""
    bad: list[str] = []
    for path in paths:
        try:
            print(check(path))
        except ConfigError as error:
            bad.extend(error.lines)
    if bad:
        raise CommandError("\n".join(bad))
    return 0


def named(path: Path, shipped: Path, what: str) -> Path:
    """The file, or the one of that name in the folder of those that are ``shipped``."""
    for file in (path, shipped / f"{path}.yaml"):
        if file.is_file():
            return file
    known = ", ".join(sorted(file.stem for file in shipped.glob("*.yaml")))
    raise CommandError(f"{path}: no such {what}, name a file or one of {known}", 2)


def whole(least: int) -> Callable[[str], int]:
    """For ``type=`` of an option: a whole number that is not below ``least``."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {least}")
        return value

    return number


def within(least: float, most: float, what: str) -> Callable[[str], float]:
    """For ``type=`` of an option: a number within the bounds."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no {what}, a number from {least:g} to {most:g} is needed")
        return value

    return number


def extra_of(library: str) -> str:
    """The extra that brings ``library``; empty where none does."""
    top = library.partition(".")[0]
    return next((extra for extra, (_, names) in EXTRAS.items() if top in names), "")


def install_words(library: str) -> str:
    """One line: what is missing, what for, and the command that brings it."""
    extra = extra_of(library)
    command = f"pip install 'adaptd[{extra}]', in a clone: .venv/bin/python -m pip install -e '.[{extra}]'"
    return f"needs {library.partition('.')[0]} for {EXTRAS[extra][0]}, which is not installed: {command}"


def missing_library(error: ModuleNotFoundError) -> str:
    """The line for an import that failed; empty where the module is none that an extra brings, which is a defect."""
    return install_words(error.name) if error.name and extra_of(error.name) else ""
