"""What the `adaptd audit` commands share: the folder, whom to trust, a stretch of time, and the verifier's run."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.options import Words
from adaptd.config.shipped import policies_dir
from adaptd.log import KEEP_DAYS


def folder(words: Words) -> None:
    words.path("folder", "the log's folder", nargs="?", default=default_audit(), metavar="DIR")


def trust(words: Words) -> None:
    words.option(
        "--key", "root public key, file or text; without it the folder's own, which an attacker could replace", metavar="F"
    )
    words.many("--witness", "a checkpoint note kept elsewhere", type=Path, metavar="F")
    words.many("--witness-key", "public key of a witness, file or text", metavar="F")


def times(words: Words) -> None:
    words.option("--since", "from this time on (UTC): 2026-11-21T08:00, 08:00, or 90s, 15m, 2h, 3d ago", metavar="T")
    words.option("--until", "up to this time", metavar="T")


def kept_long_enough(args: argparse.Namespace) -> None:
    """Refuse a retention below the usual one that was not asked for in so many words."""
    if args.keep_days < KEEP_DAYS and not args.short_retention:
        raise CommandError(
            f"--keep-days {args.keep_days}: is fewer than {KEEP_DAYS} days; add --short-retention if that is meant", 2
        )


def span(args: argparse.Namespace) -> dict[str, int | None]:
    """What ``--since`` and ``--until`` mean, in UTC milliseconds; refuses an end before the start."""
    from adaptd.cli.audit_show import moment

    now_ms = time.time_ns() // 1_000_000
    since_ms, until_ms = moment(args.since, now_ms), moment(args.until, now_ms)
    if since_ms is not None and until_ms is not None and until_ms < since_ms:
        raise CommandError(f"--until {args.until}: lies before --since {args.since}; exchange the two", 2)
    return {"since_ms": since_ms, "until_ms": until_ms}


def judge(args: argparse.Namespace) -> Any:
    """Run the verifier as the options say."""
    from adaptd.cli.progress import bar
    from adaptd.log.format.note import NoteError
    from adaptd.log.verify.join import processors
    from adaptd.log.verify.trust import read_witness
    from adaptd.log.verify.verify import Options, verify

    need_log(args.folder, empty=True)  # that everything is gone is a finding
    with refusing(NoteError, code=2):
        key = None if args.key is None else public_key(args.key)
        witness_keys = tuple(public_key(text) for text in args.witness_key)
        witnessed = tuple(read_witness(path, witness_keys) for path in args.witness)
    if witness_keys and not witnessed:
        raise CommandError("--witness-key: there is no checkpoint to hold it against, give one with --witness", 2)
    options = Options(key=key, witnessed=witnessed, witness_keys=witness_keys, replay=not args.no_replay, processes=processors())
    with bar("verifying") as progress:
        return verify(args.folder, options, progress)


def public_key(text: str) -> Any:
    """A public key given as a file or as text."""
    from adaptd.log.format.note import NoteError, parse_verifier_key

    path = Path(text)
    try:
        return parse_verifier_key(path.read_text() if path.is_file() else text)
    except (NoteError, UnicodeDecodeError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CommandError(
            f"{text[:120]}: not a public key ({why}); give the file log.pub that 'adaptd audit keygen' made", 2
        ) from None


def newest_checkpoint(folder: Path) -> str:
    """The newest checkpoint note of a log."""
    from adaptd.log.verify.reader import last

    need_log(folder)
    record = last(folder, "checkpoint")
    if record is None:
        raise CommandError(f"{folder}: no checkpoint in this log yet; one is made every 1,024 records and at every stop")
    return str(record["note"])


def not_read(words: str) -> None:
    """Say which part of the log a reader leaves out."""
    print(f"not shown: {words}", file=sys.stderr)


def need_log(folder: Path, *, empty: bool = False) -> None:
    """Refuse a folder that does not exist or, unless it may be ``empty`` yet, holds no log."""
    from adaptd.log.verify.reader import segment_files

    if not folder.is_dir():
        raise CommandError(f"{folder}: no such folder; name the folder of the log", 2)
    if not empty and not segment_files(folder):
        raise CommandError(f"{folder}: no log here; name the folder of the log", 2)


def default_audit() -> Path:
    """``audit_logs/`` of the clone, the service's state folder in an installation."""
    clone = policies_dir().parent
    return clone / "audit_logs" if (clone / "pyproject.toml").is_file() else Path("/var/lib/adaptd/audit_logs")
