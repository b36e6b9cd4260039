"""`adaptd audit pack`: what an auditor gets in one file: the log without its private key, kept witnesses, how to check it."""

import argparse
import io
import tarfile
import time
from pathlib import Path

from adaptd.cli.audit_args import need_log
from adaptd.cli.audit_send import kept_in
from adaptd.cli.errors import CommandError, read, writing
from adaptd.config.shipped import policies_dir

NAMES = ("log.pub", "head", "handovers")
MOST_LOOKS = 50
READ_ME = """This is the audit log {origin} of adaptd {version}, packed on {day} by the clock of the machine that packed it.

1. Compare the public key with the copy that left the device when the log began. A key that came with the log proves nothing.
   fingerprint of log/log.pub here: {fingerprint}
2. python3 verify_audit.py log --key YOUR_COPY_OF_log.pub{witness}
   It needs Python 3.10 and the package cryptography. It checks every byte, signature and coin, and runs no decision again.
3. With adaptd {version} installed: adaptd audit verify log --key YOUR_COPY_OF_log.pub{witness}
   It also runs every decision again. adaptd audit report log -o report.html draws the history.
Both print the same statements: what is complete, witnessed, sealed, and from which record on the holder of the device could
have rewritten it. {count} segments, {bytes} bytes. {kept}
"""


def run(args: argparse.Namespace) -> int:
    """Write the pack; nothing of ``private/`` and nothing but the files of a log goes in."""
    from adaptd.log.verify.reader import segment_files

    need_log(args.folder)
    segments = segment_files(args.folder)
    notes = sorted(path for path in (args.witnessed or kept_in(args.folder)).glob("*") if path.is_file())
    verifier = read(policies_dir().parent / "tools" / "verify_audit.py", "install adaptd whole: it is the second verifier")
    with writing(args.output, "name another file with -o"), tarfile.open(args.output, "w:gz", compresslevel=6) as pack:
        _add(pack, "README.txt", _words(args.folder, segments, notes).encode())
        _add(pack, "verify_audit.py", verifier)
        for path in segments[:-1]:
            _add(pack, f"log/{path.name}", path.read_bytes())
        for name, data in _end(args.folder, segments[-1]):
            _add(pack, f"log/{name}", data)
        for path in notes:
            _add(pack, f"witnessed/{path.name}", path.read_bytes())
    print(f"{args.output}: {len(segments)} segments, {len(notes)} kept notes; the public key must reach the auditor another way")
    return 0


def _end(folder: Path, newest: Path) -> list[tuple[str, bytes]]:
    """The files that a running daemon writes to, as they stood together at one moment."""
    for _ in range(MOST_LOOKS):
        names = [name for name in NAMES if (folder / name).is_file()]
        before = [(name, (folder / name).read_bytes()) for name in names]
        written = newest.read_bytes().rstrip(b"\0")
        if [(name, (folder / name).read_bytes()) for name in names] == before:
            break
    return [*before, (newest.name, written)]


def _add(pack: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(data), 0o644, 0
    pack.addfile(entry, io.BytesIO(data))


def _words(folder: Path, segments: list[Path], notes: list[Path]) -> str:
    from adaptd import __version__
    from adaptd.log.format.keys import fingerprint
    from adaptd.log.verify.headline import day

    try:
        text = (folder / "log.pub").read_text()
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"{folder}/log.pub: cannot be read; without the public key nobody can check the log") from None
    witness = "".join(f" --witness witnessed/{path.name}" for path in notes if path.suffix == ".note")
    kept = f"witnessed/ holds {len(notes)} files that came back from outside." if notes else "No witness note was kept here."
    return READ_ME.format(
        origin=text.partition("+")[0], version=__version__, day=day(time.time_ns() // 1_000_000), witness=witness, kept=kept,
        fingerprint=fingerprint(text), count=len(segments), bytes=sum(path.stat().st_size for path in segments),
    )  # fmt: skip
