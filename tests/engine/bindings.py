"""Fetches TensorRT's own Python bindings for machines without a GPU; ``make conformance`` runs this once.

Two kinds. ``lean`` are the runtime bindings with their real libraries, which import anywhere. ``full`` are the builder's
bindings; their libraries come from elsewhere, so they are imported over empty ones made here, enough to read every name.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

FOLDER = ROOT / ".conformance"
SYMBOLS = (
    "createInferBuilder_INTERNAL createInferRefitter_INTERNAL createInferRuntime_INTERNAL createNvOnnxParser_INTERNAL "
    "createNvOnnxParserRefitter_INTERNAL getBuilderPluginRegistry getNvOnnxParserVersion getPluginRegistry initLibNvInferPlugins "
    "_ZN11nvuffparser15createUffParserEv _ZN11nvuffparser8FieldMapC1EPKcPKvNS_9FieldTypeEi "
    "_ZN14nvcaffeparser117createCaffeParserEv _ZN14nvcaffeparser123shutdownProtobufLibraryEv"
).split()
LIBRARIES = ("nvinfer", "nvinfer_plugin", "nvonnxparser", "nvparsers")


@dataclass(frozen=True)
class Bindings:
    """One version: what to install (wheel hashes for CPython 3.10, 3.11 and 3.12 on x86-64) and how to import it."""

    version: str
    kind: str
    module: str
    requirements: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def folder(self) -> Path:
        """Where it is installed."""
        return FOLDER / f"{self.kind}-{self.version}"

    @property
    def environment(self) -> dict[str, str]:
        """What the importing process needs."""
        return {"PYTHONPATH": str(self.folder), "LD_LIBRARY_PATH": str(self.folder / "empty")}


def _lean(version: str, libraries: str, *wheels: str) -> Bindings:
    name = "tensorrt-lean-cu13"
    wanted = ((f"{name}-bindings=={version}", wheels), (f"{name}-libs=={version}", (libraries,)))
    return Bindings(version, "lean", "tensorrt_lean_bindings", wanted)


def _full(package: str, version: str, *wheels: str) -> Bindings:
    return Bindings(version, "full", "tensorrt_bindings", ((f"{package}=={version}", wheels),))


ALL = (
    _lean(
        "10.16.1.11",
        "0ae1ad997a02e9cc0b260da4068eedabb34025f102d2ec6afda848f05cd2ce18",
        "beb88071608eb3ceebdde2dc056dd1fed63384ce51e32827e4f6cad7931d3fad",
        "39872e2a13478306164135128ea9250101e9c5dddf94ce3f5ca643ee71e54cc0",
        "4135f1636c302e09138acf92d5ab0b06539986958a1f70e7a8a33a5971aede4e",
    ),
    _lean(
        "11.4.0.106",
        "e022b8d0e21f19258657aec6760e1de8b454ed176f76217e3f7ec2036c5a9410",
        "9c5828a52253d80c67366b428eb037a779a4d17b47e8276631d1c9862c199b42",
        "539faf8524d7e8c5d893857d97d170ef3636f3e71262aafa670797f740e9086a",
        "c6b70743ca9de8314c7bea75ca2d6221ba9cbc6aadeb0703ed313363f8396071",
    ),
    _full(
        "tensorrt-bindings",
        "8.6.1",
        "6f9d26d5d8f6b87d62048c5ef4bb33b179cdf944d1b28480458d8c27d1e65456",
        "705cfab5c60f0bed7d939559d880165a761bd9ac0f4203004948a760eef99838",
    ),
    _full(
        "tensorrt-cu12-bindings",
        "10.3.0",
        "1d6e4cf08ef1f54f6fd44a33cf6b253050af2fc6e9a1d92e40e1436a1d858eb0",
        "59ace22d7f2ca1e9dcde2cb0cb5916912cb3cd5a9d72dd7852be0160d9b3a0ee",
        "f5c2582aeaa7f5628d2c4d4148a701ebe97be78f7ff3b46a617f0ee0cb5460f2",
    ),
    _full(
        "tensorrt-cu13-bindings",
        "10.13.3.9",
        "6cd47014553af9b48d19dddab3dd053c9b3cc9d4c9939a8f989566f0821067ff",
        "f40c9e488af125b232fcca85ac4b21e090d7b1be55c3062eeaf48c2a9a9ed808",
        "9e3adb281af85508518b90979d0bf3a1704a40c3165a99d5b27e2cfee72f1b14",
    ),
    _full(
        "tensorrt-cu13-bindings",
        "10.16.1.11",
        "c8e171511a01a2678cb3e00ca4792bc1d7ea6c48da9781ab127970f6ad1edc4a",
        "f986d47980d042cc126506a9b84586e55ad13737a7a46826fe45457c04d66294",
        "2fb87ac24a5e5f42e43f283c16d1b661dc72ef18568fd847ce2080b7db9ca232",
    ),
    _full(
        "tensorrt-cu13-bindings",
        "11.4.0.106",
        "1d17853da33a186c4d4d39995c1186bb59f643689aabac9c3e33ae5f0ba402f5",
        "d072ac2a095e2be749fefc847adfb25d5ebe70303401df62ede8fe67a59f27fc",
        "5fc7a6c412881f7212030893bd5531b1a0ff415c72c7678dfe4ead7a7765b38d",
    ),
)


def fetch(one: Bindings) -> None:
    """Install one version into its folder, and for the full ones make the empty libraries that its import asks for."""
    lines = [f"{name} {' '.join(f'--hash=sha256:{value}' for value in hashes)}" for name, hashes in one.requirements]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(lines))
        file.flush()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        subprocess.run([*command, "--target", str(one.folder), "--upgrade", "-r", file.name], check=True)
    if one.kind == "full":
        _empty_libraries(one)


def _empty_libraries(one: Bindings) -> None:
    folder = one.folder / "empty"
    folder.mkdir(exist_ok=True)
    source = folder / "empty.c"
    source.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in SYMBOLS))
    major = one.version.split(".", maxsplit=1)[0]
    for library in LIBRARIES:
        name = f"lib{library}.so.{major}"
        command = ["cc", "-shared", "-fPIC", "-o", str(folder / name), str(source), f"-Wl,-soname,{name}"]
        subprocess.run(command, check=True)


def main() -> int:
    """Fetch every version that is not there; one that cannot be had is named and left out."""
    for one in ALL:
        if one.folder.is_dir():
            continue
        print(f"fetching {one.kind} bindings of TensorRT {one.version}")
        try:
            fetch(one)
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            print(f"left out {one.kind} {one.version}: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
