"""Twenty-five mutants of the log and of the API: each must make a quick test fail. ``python -m tests.faults.rooms [WORD ...]``

A mutant is one line of the source changed in a copy, where the change would cost a promise: a sync that does nothing, a key that
is not erased, a check that is not made. The tests named are part of ``make test``.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.faults.constants import _write, copied, fails


@dataclass(frozen=True)
class Mutant:
    """``old`` in ``file`` becomes ``new``; the tests must not survive that."""

    file: str
    old: str
    new: str
    tests: str


CALLS, CRASH, TAMPER = "log/test_store_calls.py", "log/test_crash.py", "log/test_tamper.py"
LEDGER, OPENING, ASIDE = "log/test_ledger.py", "log/test_opening.py", "log/test_quarantine.py"
REPLAY, PARTS, WITNESS = "log/test_replay.py", "log/test_parts.py", "log/test_witness.py"
API = "serve/test_api.py"
MUTANTS = (
    Mutant("log/format/store.py", "        os.fdatasync(fd)", "        pass", CALLS),
    Mutant("log/format/store.py", "        os.fsync(fd)", "        pass", CALLS),
    Mutant("log/format/store.py", "self.write(fd, bytes(len(self.read(name))), 0)", "pass", CALLS),
    Mutant("log/format/store.py", "if os.fstat(fd).st_nlink == 0:", "if False:", LEDGER),
    Mutant("log/format/epochs.py", "            self._store.erase(KEY_FILE)", "            pass", CALLS),
    Mutant("log/write/writer.py", "            self._segment.sync()", "            pass", CRASH),
    Mutant("log/write/writer.py", "        self.store.sync(self._head_fd)", "        pass", CALLS),
    Mutant("log/write/ledger.py", "if not self.sync() or self._checkpoint_size", "if self._checkpoint_size", LEDGER),
    Mutant("log/write/ledger.py", "if took_us >= self.limits.slow_us:", "if False:", LEDGER),
    Mutant("log/write/recovery.py", "    if found.head.size > found.chain.size:", "    if False:", CRASH),
    Mutant("log/write/recovery.py", "    if not all(any(note_holds", "    if False and not all(any(note_holds", OPENING),
    Mutant("log/write/quarantine.py", 'about = {**(about or {}), "quarantined": old}', "about = about or {}", ASIDE),
    Mutant("log/format/chain.py", 'if record["prev"] != self.last:', "if False:", TAMPER),
    Mutant("log/format/chain.py", 'raise ChainError(f"a record of version', 'print(f"a record of version', "log/test_golden.py"),
    Mutant("log/verify/trust.py", "if not note_holds(signed, self.key):", "if False:", WITNESS),
    Mutant("log/verify/trust.py", "        if witnesses and not one.cosigned:", "        if False:", WITNESS),
    Mutant("log/verify/trust.py", "        if key.name not in heard:", "        if False:", WITNESS),
    Mutant("log/verify/verify.py", "        if not self._trust.own(one):", "        if False:", WITNESS),
    Mutant("log/verify/verify.py", "        if one.size > size:", "        if False:", WITNESS),
    Mutant("log/verify/replay.py", 'if not same_bytes(record.get("state"), to_plain(self._state)):', "if False:", REPLAY),
    Mutant("log/verify/replay.py", 'if not same_bytes(record["state"], to_plain(state)):', "if False:", REPLAY),
    Mutant("log/verify/served_intervals.py", "            self._open.take(rest.under_way)", "            pass", PARTS),
    Mutant("serve/api.py", "        return allowed\n", "        return True\n", API),
    Mutant("serve/peer.py", "self._held.get(uid, 0) >= MAX_FOR_ONE", "False", API),
    Mutant("serve/api.py", "elif not (may_change(peer, os.getuid())", "elif False and not (may_change(peer, os.getuid())", API),
)  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Print a line for every mutant, then how many lived; 1 where one did or a test fails without any change."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only mutants with one of these words in file or line")
    words = parser.parse_args(argv).words
    import hypothesis  # noqa: F401
    import numpy  # noqa: F401, ICN001
    import pydantic  # noqa: F401
    import pytest  # noqa: F401
    import yaml  # noqa: F401

    chosen = [one for one in MUTANTS if not words or any(word in one.file + one.old for word in words)]
    lived = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        broken = [test for test in sorted({one.tests for one in chosen}) if fails(copy, test)]
        for one in chosen:
            path = copy / "adaptd" / one.file
            source = path.read_text()
            if source.count(one.old) != 1:
                print(f"{one.file}: {one.old.strip()!r} is not there once", file=sys.stderr)
                return 2
            _write(path, source.replace(one.old, one.new))
            died = fails(copy, one.tests)
            _write(path, source)
            lived += not died
            print(f"{'died' if died else 'LIVED'}  {one.file}: {one.old.strip()}", flush=True)
    print(f"{len(chosen)} mutants, {lived} lived; tests that fail without any change: {len(broken)} {broken or ''}".rstrip())
    return bool(lived or broken)


if __name__ == "__main__":
    sys.exit(main())
