"""Changing, cutting, mixing and inventing bytes of logs that lie still."""

import argparse
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

from adaptd.log.format.epochs import KeyFolder
from adaptd.log.format.verdicts import LogFault, Outcome, VerifyReport
from adaptd.log.verify import verify as verify_module
from adaptd.log.verify import walk as walk_module
from adaptd.log.verify.verify import Options, verify
from adaptd.log.write.ledger import LedgerLimits
from tests.faults.result import Result, tracked
from tests.log import attacks
from tests.log.attacks import Bench, Files
from tests.log.test_prune import many_segments, pruned
from tests.log.test_tamper import naive
from tests.log.test_witness import history, kept_note
from tests.log.workload import make_log, raw_log

Args = argparse.Namespace


class Room:
    """A folder in memory where possible, removed at the end."""

    def __enter__(self) -> Path:
        base = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.path = Path(tempfile.mkdtemp(prefix="adaptd-torture-", dir=base))
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def pair(room: Path, records: int = 12) -> tuple[Files, Files]:
    """Two different small logs signed by one device key."""
    KeyFolder.beside(room / "one").create("example.com/one")
    (room / "two" / "private").mkdir(parents=True)
    shutil.copy(room / "one" / "private" / "epoch.key", room / "two" / "private" / "epoch.key")
    return raw_log(room / "one", records), raw_log(room / "two", records, seed=2)


def judge_all(bench: Bench, attempts: Iterable[tuple[int, Files]], result: Result, kind: str) -> None:
    """Both verifiers on each damaged log: undetected, misplaced, or told differently."""
    second = attacks.second_verifier().verify
    for seq, damaged in attempts:
        folder = bench.put(damaged)
        report, other = verify(folder, Options(replay=False)), second(str(folder))
        result.add(kind)
        if report.verdict is Outcome.VALID or other["verdict"] == "valid":
            result.fault("undetected", f"{kind} at record {seq}")
        if report.first_bad_seq != seq:
            result.fault("misplaced", f"{kind} at record {seq} told as {report.first_bad_seq}: {report.reason}")
        if (report.verdict.value, report.first_bad_seq) != (other["verdict"], other["first_bad_seq"]):
            result.fault("verifiers differ", f"{kind} at record {seq}: {report.verdict.value}/{other['verdict']}")


def flips_small(share: float, _: Args) -> Result:
    """Every bit of a small log, with the verifier one would write first beside it."""
    result = Result(zero=("undetected", "misplaced", "verifiers differ"), above_zero=("missed by the naive verifier",))
    with Room() as room:
        files, _ = pair(room, 6)
        bench = Bench(room / "bench", files)
        bits = [(name, bit) for name in attacks.segments(files) for bit in range(len(files[name]) * 8)]
        bits = bits[:: max(1, round(1 / share))]
        for name, bit in tracked(bits, "flips-small"):
            damaged = attacks.flipped(files, name, bit)
            judge_all(bench, [(attacks.seq_at(files, name, bit // 8), damaged)], result, "flips of segments")
            result.add("missed by the naive verifier", int(naive(damaged)))
        second = attacks.second_verifier().verify
        for name in ("head", "log.pub"):
            for bit in range(0, len(files[name]) * 8, max(1, round(1 / share))):
                folder = bench.put(attacks.flipped(files, name, bit))
                report, other = verify(folder, Options(replay=False)), second(str(folder))
                result.add("flips of head and key")
                if report.verdict is Outcome.VALID or other["verdict"] == "valid":
                    result.fault("undetected", f"{name} bit {bit}")
                if (report.verdict.value, report.first_bad_seq) != (other["verdict"], other["first_bad_seq"]):
                    result.fault("verifiers differ", f"{name} bit {bit}")
    return result


class Resumed:
    """The verifier, begun at any segment of a known log with the state it has there: a flip costs one segment and not all.

    The state is taken from an undisturbed walk. Segments before the flipped one are byte for byte the same, so nothing is lost by
    not reading them again; a sample of flips is judged by the whole verifier as well.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.states: list[tuple[Any, ...]] = []
        audit = verify_module._Audit(folder, Options(replay=False), VerifyReport(), None)
        walk = audit._walk
        original = walk._header

        def noting(data: bytes, piece: Any, before: int, first: bool, begin: Any) -> Any:
            self.states.append((walk.chain.copy(), audit._trust.__dict__ | {"_epochs": list(audit._trust._epochs)}, before))
            return original(data, piece, before, first, begin)

        walk._header = noting  # type: ignore[method-assign]
        audit.run()

    def first_bad(self, at: int) -> int | None:
        """The first bad record when the walk begins at segment number ``at`` of the folder."""
        audit = verify_module._Audit(self.folder, Options(replay=False), VerifyReport(), None)
        walk, (chain, trust, before) = audit._walk, self.states[at]
        walk.chain = chain.copy()
        audit._trust.__dict__.update(trust | {"_epochs": list(trust["_epochs"])})
        pieces = walk._pieces
        try:
            for number in range(at, min(at + 3, len(pieces))):
                data = pieces[number].read()
                header = walk._header(data, pieces[number], before, number == 0, lambda _: None)
                assert header is not None
                following = walk._next_header(number)
                for record, root in walk._lines(data[data.index(b"\n") + 1 :], following, last=number + 1 == len(pieces)):
                    if record["kind"] in ("checkpoint", "epoch"):
                        audit._take(record, root)
                before = len(data)
        except LogFault as fault:
            return fault.seq
        return None


def flips_large(share: float, _: Args) -> Result:
    """Random flips of a 10 MB log of real decisions."""
    result = Result(zero=("undetected", "misplaced", "differs from the whole verifier"))
    with Room() as room:
        limits = LedgerLimits(segment_bytes=24 << 10, chunk_bytes=24 << 10)
        make_log(room / "log", max(600, round(19_000 * min(1.0, share * 10))), limits=limits)
        files = attacks.read_files(room / "log")
        names = attacks.segments(files)
        place = {name: at for at, name in enumerate(names)}
        lines = {name: [] for name in names}
        for line in attacks.lines(files):
            lines[line.name].append(line)
        total = sum(len(files[name]) for name in names)
        result.counts["bytes"] = total
        resumed, random = Resumed(room / "log"), Random(1)
        for at in tracked(range(round(100_000 * share)), "flips-large"):
            offset, bit = random.randrange(total), random.randrange(8)
            name = next(name for name in names if (offset := offset - len(files[name])) < 0)
            offset += len(files[name])
            seq = next(line.seq for line in lines[name] if line.start <= offset < line.end)
            damaged = attacks.flipped(files, name, offset * 8 + bit)
            (room / "log" / name).write_bytes(damaged[name])
            found = resumed.first_bad(max(0, place[name] - 1))
            result.add("flips")
            if found is None:
                result.fault("undetected", f"{name} byte {offset} bit {bit}")
            elif found != seq:
                result.fault("misplaced", f"{name} byte {offset} bit {bit}: record {seq} told as {found}")
            if at % 500 == 0:
                result.add("judged by the whole verifier too")
                if verify(room / "log", Options(replay=False)).first_bad_seq != found:
                    result.fault("differs from the whole verifier", f"{name} byte {offset} bit {bit}")
            (room / "log" / name).write_bytes(files[name])
    return result


def structure(share: float, _: Args) -> Result:
    """All single deletions, duplications, swaps, truncations, segment attacks, splices, grafts, and a foreign key."""
    result = Result(
        zero=("undetected", "misplaced", "verifiers differ", "called signed"),
        above_zero=("misplaced by a verifier that does not ask the next record", "undetected without the true key"),
    )
    step = max(1, round(1 / share))
    with Room() as room:
        files, foreign = pair(room, 30)
        bench = Bench(room / "bench", files)
        kinds = {
            "deletions": attacks.deletions(files),
            "duplications": attacks.duplications(files),
            "neighbour swaps": attacks.neighbour_swaps(files),
            "truncations": attacks.truncations(files, step),
            "segment attacks": attacks.segment_attacks(files),
            "foreign headers": attacks.foreign_headers(files, foreign),
            "splices": attacks.splices(files, foreign, Random(1), max(20, round(2000 * share))),
        }
        for kind, attempts in kinds.items():
            judge_all(bench, tracked(attempts, kind), result, kind)
        real, walk_module._prev = walk_module._prev, lambda _: None
        for seq, damaged in attacks.foreign_headers(files, foreign):
            wrong = verify(bench.put(damaged), Options(replay=False)).first_bad_seq != seq
            result.add("misplaced by a verifier that does not ask the next record", int(wrong))
        walk_module._prev = real
        for seq, damaged in attacks.grafts(files, foreign):
            report = verify(bench.put(damaged), Options(replay=False))
            result.add("grafts")
            if report.verdict is Outcome.VALID:
                result.fault("undetected", f"graft at record {seq}")
            if report.signed > seq:
                result.fault("called signed", f"graft at record {seq}, signed {report.signed}")
        from adaptd.log.format.note import parse_verifier_key

        true_key = parse_verifier_key(files["log.pub"].decode())
        KeyFolder.beside(room / "fake").create(true_key.name)
        raw_log(room / "fake", 30)
        report = verify(room / "fake", Options(key=true_key, replay=False))
        result.add("signed with another key")
        own = verify(room / "fake", Options(replay=False)).verdict
        result.add("undetected without the true key", int(own is Outcome.VALID))
        if (report.verdict, report.first_bad_seq) != (Outcome.FORGED, 0):
            result.fault("undetected", "another key")
    return result


def rollback(share: float, _: Args) -> Result:
    """Every older copy of a log against every checkpoint that was kept outside, and against none."""
    result = Result(zero=("undetected", "bound is not the truth"), above_zero=("undetected without a witness",))
    with Room() as room:
        copies = history(room / "log", max(4, round(30 * share)))
        notes = [kept_note(copy, room / f"note{at}") for at, copy in enumerate(copies)]
        for copy in copies[:-1]:
            result.add("undetected without a witness", int(verify(copy, Options(replay=False)).verdict is Outcome.VALID))
        for at, outside in enumerate(notes):
            for back, copy in enumerate(copies):
                report = verify(copy, Options(witnessed=(outside,), replay=False))
                result.add("pairs")
                if back < at and report.verdict is Outcome.VALID:
                    result.fault("undetected", f"copy {back} against checkpoint {at}")
                if back >= at and (report.witnessed, report.self_signed) != (outside.size, report.records - outside.size):
                    result.fault("bound is not the truth", f"copy {back} against checkpoint {at}")
    return result


def differential(share: float, _: Args) -> Result:
    """Two verifiers on arbitrarily damaged logs, half of them of decisions."""
    result = Result(zero=("verifiers differ", "undetected"), above_zero=("told apart from the naive verifier",))
    second = attacks.second_verifier().verify
    with Room() as room:
        make_log(room / "decisions", 40)
        for seed, files in enumerate((pair(room, 20)[0], attacks.read_files(room / "decisions"))):
            bench, random = Bench(room / f"bench{seed}", files), Random(seed)
            for at in tracked(range(round(5000 * share)), "differential"):
                damaged = attacks.random_damage(files, random)
                folder = bench.put(damaged)
                report, other = verify(folder, Options(replay=False)), second(str(folder))
                result.add("damaged logs")
                if (report.verdict.value, report.first_bad_seq) != (other["verdict"], other["first_bad_seq"]):
                    result.fault("verifiers differ", f"{seed}/{at}: {report.verdict.value} {report.first_bad_seq}, {other}")
                if report.verdict is Outcome.VALID:
                    result.fault("undetected", f"{seed}/{at}")
                result.add("told apart from the naive verifier", int(naive({**damaged, "log.pub": files["log.pub"]})))
    return result


def random_files(share: float, _: Args) -> Result:
    """Folders of noise, of noise after sound lines, and of sound files under wrong names."""
    result = Result(zero=("crashes", "called valid"), above_zero=("sound folders called valid",))
    second = attacks.second_verifier().verify
    with Room() as room:
        files, _ = pair(room, 8)
        bench, random = Bench(room / "bench", files), Random(3)
        names = [*files, "00000009.log", "handovers"]
        result.add("sound folders called valid", int(verify(bench.put(files), Options(replay=False)).verdict is Outcome.VALID))
        for at in tracked(range(round(100_000 * share)), "random-files"):
            noise = {name: _noise(files, random) for name in random.sample(names, random.randrange(1, len(names)))}
            folder = bench.put(noise if at % 2 else {**files, **noise})
            result.add("folders")
            try:
                verdicts = verify(folder, Options(replay=at % 50 == 0)).verdict.value, second(str(folder))["verdict"]
            except Exception as error:
                result.fault("crashes", f"{at}: {type(error).__name__} {error}")
                continue
            if "valid" in verdicts and set(noise) & {*files, "handovers"} - {"handovers"}:
                result.fault("called valid", f"{at}: {sorted(noise)}")
    return result


def _noise(files: Files, random: Random) -> bytes:
    kind = random.randrange(5)
    some = files[random.choice(sorted(files))]
    if kind == 0:
        return random.randbytes(random.randrange(2000))
    if kind == 1:
        return some[: random.randrange(len(some))] + random.randbytes(random.randrange(1, 200))
    if kind == 2:
        return bytes(random.choice(b'{}[]",:0123456789truefalsn\n') for _ in range(random.randrange(400)))
    if kind == 3:
        return b"[" * random.randrange(1, 3000) + b"\n" + some
    return some[::-1]


def prunes(share: float, _: Args) -> Result:
    """A log of 50 segments pruned by every number of segments."""
    result = Result(zero=("not valid", "tampered record undetected"), above_zero=("removals without a record found",))
    with Room() as room:
        clock = many_segments(room / "log", 50)
        for count in tracked(range(1, 48, max(1, round(1 / share / 4))), "prune"):
            folder = pruned(room / "log", room / "pruned", clock, count)
            result.add("prunings")
            if verify(folder, Options(replay=False)).verdict is not Outcome.VALID:
                result.fault("not valid", f"{count} segments removed")
            if attacks.second_verifier().verify(str(folder))["verdict"] != "valid":
                result.fault("not valid", f"{count} segments removed, second verifier")
            files = attacks.read_files(folder)
            name = next(name for name in attacks.segments(files) if b'"kind":"prune"' in files[name])
            at = files[name].index(b'"to":') + 5
            (folder / name).write_bytes(attacks.flipped(files, name, at * 8)[name])
            if verify(folder, Options(replay=False)).verdict is Outcome.VALID:
                result.fault("tampered record undetected", f"{count} segments removed")
            shutil.rmtree(folder)
            shutil.copytree(room / "log", folder)
            for path in sorted(folder.glob("*.log"))[:count]:
                path.unlink()
            found = verify(folder, Options(replay=False)).verdict is Outcome.DAMAGED
            result.add("removals without a record found", int(found))
            shutil.rmtree(folder)
    return result
