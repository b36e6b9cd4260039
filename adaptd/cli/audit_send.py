"""`adaptd audit send`: the newest checkpoint leaves the device, to a file, a program, a C2SP witness or a time stamp authority.

A witness (C2SP tlog-witness) is asked to cosign: it gets the size it knows, a consistency proof and the note, and answers with
signature lines, which are kept with the note. A time stamp authority (RFC 3161) gets the hash of the note alone.
"""

import argparse
import os
import sys
from pathlib import Path

from adaptd.cli.audit_args import folder, newest_checkpoint, public_key
from adaptd.cli.errors import CommandError
from adaptd.cli.options import Sub, verb

COMMAND_S = 60
PROGRAM, STAMP = "cmd:", "tsa:"


def register(group: Sub) -> None:
    send = verb(group, "send", "send the newest checkpoint to where this device cannot take it back", run, folder)
    words = "FILE, 'cmd:PROGRAM ARGS' (note on its input), http(s)://WITNESS, or tsa:http(s)://AUTHORITY; may be repeated"
    send.many("--to", words, default=None, required=True, metavar="T")
    send.path("--keep", "folder for what comes back (default: DIR.witnessed)", metavar="DIR")
    send.option("--witness-key", "public key of the witness: its answer must hold under it", metavar="F")


def kept_in(folder: Path) -> Path:
    """Where cosigned checkpoints and time stamps of a log are kept if nothing else is said."""
    return folder.resolve().with_name(f"{folder.resolve().name}.witnessed")


def run(args: argparse.Namespace) -> int:
    """Send to each target; 1 where one of them did not take it."""
    keep, text, failed = args.keep or kept_in(args.folder), newest_checkpoint(args.folder), 0
    for target in args.to:
        try:
            print(_send(args, target, text, keep))
        except (CommandError, OSError) as error:
            print(f"{target}: {error}" if isinstance(error, OSError) else error, file=sys.stderr)
            failed = 1
    return failed


def _send(args: argparse.Namespace, target: str, text: str, keep: Path) -> str:
    if target.startswith(PROGRAM):
        return _program(target, text)
    if target.startswith(STAMP):
        return _stamp(target.removeprefix(STAMP), text, keep)
    if target.startswith(("http://", "https://")):
        return _witness(args, target, text, keep)
    if not Path(target).parent.is_dir():  # an unmounted stick must not become a folder of this device
        raise CommandError(f"{target}: its folder is not there; mount or make it first")
    write_durably(Path(target), text.encode())
    return f"{target}: holds the checkpoint over {_size(text)} records"


def _size(text: str) -> int:
    from adaptd.log.format.note import NoteError, parse_checkpoint, parse_note

    try:
        return parse_checkpoint(parse_note(text).body).size
    except NoteError as error:
        raise CommandError(f"the newest checkpoint cannot be read ({error}); check the log with 'adaptd audit verify'") from None


def _program(target: str, text: str) -> str:
    import shlex
    import subprocess

    words = shlex.split(target.removeprefix(PROGRAM))
    try:
        done = subprocess.run(words, input=text.encode(), timeout=COMMAND_S, check=False, capture_output=True)  # noqa: S603 - what the owner named
    except subprocess.TimeoutExpired:
        raise CommandError(f"{target}: the program did not end within {COMMAND_S:g} s; try it by hand") from None
    except (OSError, ValueError, IndexError) as error:
        why = getattr(error, "strerror", None) or f"{error}" or "no program is named"
        raise CommandError(f"{target}: the program did not run ({why}); try it by hand") from None
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())[-200:]
        raise CommandError(f"{target}: the program ended with exit code {done.returncode}{': ' + said if said else ''}")
    return f"{target}: took the checkpoint over {_size(text)} records"


def _witness(args: argparse.Namespace, url: str, text: str, keep: Path) -> str:
    """Ask a witness to cosign: from the size that it says it knows, where it knows another one than we think."""
    from adaptd.gateway.post import UnreachableError, post
    from adaptd.log.verify.witnesses import ProofError, Refused, consistency, cosigned, request

    size, address = _size(text), f"{url.rstrip('/')}/add-checkpoint"
    try:
        answer = post(address, request(0, [], text), "text/plain")
        if answer.status == 409 and answer.body.strip().isdigit():
            known = int(answer.body[:20])
            if known > size:
                raise CommandError(f"{url}: has seen {known} records of this log, which holds {size} now: it was rolled back")
            answer = post(address, request(known, consistency(args.folder, known, size), text), "text/plain")
        if answer.status != 200:
            said = " ".join(answer.body[:200].decode(errors="replace").split())
            raise CommandError(f"{url}: did not cosign (status {answer.status}{': ' + said if said else ''})")
        note, words = cosigned(text, answer.body, None if args.witness_key is None else public_key(args.witness_key))
    except (UnreachableError, ProofError, Refused) as error:
        raise CommandError(f"{url}: {error}" if not str(error).startswith(url) else str(error)) from None
    target = keep / f"{size:012d}.{_host(url)}.note"
    write_durably(target, note.encode())
    return f"{url}: cosigned the checkpoint over {size} records{words}, kept as {target}"


def _stamp(url: str, text: str, keep: Path) -> str:
    """Have the note's hash time-stamped; what comes back is checked for status and hash, its signature is for openssl."""
    from adaptd.gateway.post import UnreachableError, post
    from adaptd.log.verify.witnesses import StampError, check_reply, query

    size = _size(text)
    asked = query(text.encode(), os.urandom(8))
    try:
        answer = post(url, asked.der, "application/timestamp-query")
        if answer.status != 200:
            raise CommandError(f"{url}: did not stamp (status {answer.status})")
        check_reply(answer.body, asked)
    except (UnreachableError, StampError) as error:
        raise CommandError(f"{url}: {error}" if not str(error).startswith(url) else str(error)) from None
    note, stamp = keep / f"{size:012d}.{_host(url)}.stamped", keep / f"{size:012d}.{_host(url)}.stamped.tsr"
    write_durably(note, text.encode())
    write_durably(stamp, answer.body)
    return f"{url}: stamped the checkpoint over {size} records; openssl ts -verify -data {note} -in {stamp} -CAfile THEIR_CA"


def _host(url: str) -> str:
    """The name of a server as a part of a file name."""
    from urllib.parse import urlsplit

    where = urlsplit(url)
    return "".join(one if one.isalnum() or one in ".-" else "_" for one in where.netloc)[:80] or "unknown"


def write_durably(path: Path, data: bytes) -> None:
    """Write a whole file under its name or leave the old one; raises OSError."""
    from adaptd.log.format.store import Store

    store = Store(path.parent)
    store.make_folder()
    store.write_file(path.name, data)
