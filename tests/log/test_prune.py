"""Forgetting the oldest part keeps the rest provable, and only what is old is forgotten."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from adaptd.log.format.segment import segment_number
from adaptd.log.format.store import Store
from adaptd.log.format.verdicts import VerifyReport
from adaptd.log.verify.headline import headline
from adaptd.log.verify.reader import iter_records, segment_files
from adaptd.log.verify.timeline import Timeline
from adaptd.log.verify.trust import read_witness
from adaptd.log.verify.verify import Options, Outcome, verify
from adaptd.log.write.ledger import LedgerLimits
from adaptd.log.write.opening import open_ledger
from adaptd.log.write.prune import DAY_MS, _read, prune, remove
from tests.log import attacks
from tests.log.workload import SECOND, SMALL, Clock, Run

MANY = replace(SMALL, segment_bytes=1500, epoch_records=11)


def many_segments(folder: Path, count: int) -> Clock:
    """A closed log with at least ``count`` segments, one a day by the wall clock."""
    clock = Clock()
    ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=MANY)
    while len(segment_files(folder)) < count:
        clock.advance(SECOND)
        if ledger.rotation_due:
            ledger.rotate()
            clock.wall_ms += DAY_MS
        ledger.append("note", {"text": "x" * 60}, durable=True)
    ledger.close()
    return clock


def both(folder: Path) -> tuple[str, int | None]:
    """The verdict both verifiers agree on."""
    report = verify(folder, Options(replay=False))
    second = attacks.second_verifier().verify(str(folder))
    assert (report.verdict.value, report.first_bad_seq) == (second["verdict"], second["first_bad_seq"])
    return report.verdict.value, report.first_bad_seq


def pruned(base: Path, folder: Path, clock: Clock, count: int) -> Path:
    """A copy of the log with its oldest ``count`` segments removed on record."""
    shutil.copytree(base, folder)
    store = Store(folder)
    ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=MANY)
    numbers = [number for name in store.names() if (number := segment_number(name)) is not None]
    old = [_read(store, number) for number in numbers[:count]]
    remove(ledger, store, old, _read(store, numbers[count]).header, 184)
    ledger.close()
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Clock]:
    folder = tmp_path_factory.mktemp("base") / "log"
    return folder, many_segments(folder, 24)


def test_whatever_is_pruned_from_the_front_the_rest_verifies(base: tuple[Path, Clock], tmp_path: Path) -> None:
    """For every number of removed segments both verifiers find the rest valid, beginning at the record the prune record names."""
    for count in range(1, 22, 7):
        folder = pruned(*base[:1], tmp_path / str(count), base[1], count)
        assert both(folder) == ("valid", None)
        report = verify(folder, Options(replay=False))
        record = next(one for one in iter_records(folder) if one["kind"] == "prune")
        assert report.first_seq == record["to"] > 0
        assert len(record["segments"]) == count


def test_pruning_twice_keeps_the_way_to_the_root_key(base: tuple[Path, Clock], tmp_path: Path) -> None:
    """The second removal takes the first prune record with it or not; the keys still lead back to the root."""
    once = pruned(base[0], tmp_path / "once", base[1], 6)
    assert both(pruned(once, tmp_path / "twice", base[1], 9)) == ("valid", None)


def test_a_removal_without_its_record_is_damage(base: tuple[Path, Clock], tmp_path: Path) -> None:
    """Deleting the oldest files by hand is not pruning."""
    folder = Path(shutil.copytree(base[0], tmp_path / "log"))
    for path in segment_files(folder)[:3]:
        path.unlink()
    assert both(folder)[0] == "damaged"


def test_deleting_more_than_the_record_says_is_damage(base: tuple[Path, Clock], tmp_path: Path) -> None:
    """A prune record covers what it names and nothing more."""
    folder = pruned(base[0], tmp_path / "log", base[1], 5)
    segment_files(folder)[0].unlink()
    assert both(folder)[0] == "damaged"


def test_a_changed_prune_record_or_hand_over_file_is_found(base: tuple[Path, Clock], tmp_path: Path) -> None:
    """Every byte of the prune record's line and of the kept hand-overs counts."""
    folder = pruned(base[0], tmp_path / "log", base[1], 8)
    files = attacks.read_files(folder)
    name = next(name for name in attacks.segments(files) if b'"kind":"prune"' in files[name])
    start = files[name].rindex(b"\n", 0, files[name].index(b'"kind":"prune"'))
    end = files[name].index(b"\n", start + 1)
    bench = attacks.Bench(tmp_path / "bench", files)
    for target, bits in ((name, range(start * 8, end * 8, 397)), ("handovers", range(0, len(files["handovers"]) * 8, 997))):
        for bit in bits:
            assert both(bench.put(attacks.flipped(files, target, bit)))[0] != "valid"


def test_a_crash_between_record_and_deletion_leaves_a_valid_log(base: tuple[Path, Clock], tmp_path: Path) -> None:
    """Whichever of the files were already gone, the log verifies, and pruning again finishes the work."""
    whole = attacks.read_files(base[0])
    folder = pruned(base[0], tmp_path / "log", base[1], 4)
    after = attacks.read_files(folder)
    bench = attacks.Bench(tmp_path / "bench", after)
    for kept in range(5):
        partly = {**{name: whole[name] for name in attacks.segments(whole)[kept:4]}, **after}
        assert both(bench.put(partly)) == ("valid", None)


def test_only_what_is_older_than_the_retention_goes(tmp_path: Path) -> None:
    """With 184 days kept nothing of a month-old log goes; with 10 days the older segments go and the newest two always stay."""
    folder = tmp_path / "log"
    clock = many_segments(folder, 30)
    ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=MANY)
    store = Store(folder)
    assert prune(ledger, store, now_ms=clock.utc_ms()) == 0
    assert prune(ledger, store, now_ms=clock.utc_ms(), keep_days=10) > 15
    assert prune(ledger, store, now_ms=clock.utc_ms() + 1000 * DAY_MS, keep_days=10) > 5
    assert len(segment_files(folder)) == 2
    ledger.close()
    assert both(folder) == ("valid", None)


def test_a_witness_of_what_was_pruned_bounds_nothing(base: tuple[Path, Clock], tmp_path: Path) -> None:
    """A kept checkpoint over records that are gone is not called a witness of those that are left, by either verifier."""
    records = list(iter_records(base[0]))
    notes = [str(record["note"]) for record in records if record["kind"] == "checkpoint"]
    folder = pruned(base[0], tmp_path / "log", base[1], 12)
    said = []
    for text in (notes[0], notes[-1]):
        (tmp_path / "note").write_text(text)
        one = read_witness(tmp_path / "note", ())
        report = verify(folder, Options(witnessed=(one,), replay=False))
        other = attacks.second_verifier().verify(str(folder), None, [text])
        assert report.verdict is Outcome.VALID
        assert report.witnessed == other["witnessed"] == (one.size if one.size >= report.first_seq else None)
        said.append(any("bounds nothing" in line for line in report.notes))
    assert said == [True, False]


def test_a_log_that_is_pruned_while_it_is_verified_is_not_called_damaged(
    base: tuple[Path, Clock], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments that go on record between a verifier's look at the folder and its reading make it look again; once is enough."""
    numbers = [number for path in segment_files(base[0]) if (number := segment_number(path.name)) is not None]

    def forget(folder: Path) -> None:
        store = Store(folder)
        ledger, _ = open_ledger(folder, boot="b", mono_us=base[1].mono_us, utc_ms=base[1].utc_ms, limits=MANY)
        remove(ledger, store, [_read(store, number) for number in numbers[:4]], _read(store, numbers[4]).header, 184)
        ledger.close()

    folder = Path(shutil.copytree(base[0], tmp_path / "one"))
    told: list[int] = []

    def progress(done: int, total: int) -> None:
        told.append(done)
        if len(told) == 1:
            forget(folder)

    assert verify(folder, Options(replay=False), progress).verdict is Outcome.VALID
    folder = Path(shutil.copytree(base[0], tmp_path / "two"))
    module = attacks.second_verifier()
    real = module.Log.bytes
    reads: list[str] = []

    def reading(log: object, name: str) -> bytes | None:
        reads.append(name)
        if name == "00000002.log" and reads.count(name) == 1:
            forget(folder)
        return real(log, name)  # type: ignore[no-any-return]

    monkeypatch.setattr(module.Log, "bytes", reading)
    assert module.verify(str(folder))["verdict"] == "valid"


def test_silence_is_judged_also_where_the_start_record_was_pruned(tmp_path: Path) -> None:
    """The configuration that begins each segment repeats how long the log may be silent; without it a gap would pass."""
    clock = Clock()
    run = Run(tmp_path, clock=clock, limits=replace(LedgerLimits(), segment_bytes=20_000)).ticks(200)
    store = Store(tmp_path)
    numbers = [number for name in store.names() if (number := segment_number(name)) is not None]
    remove(run.ledger, store, [_read(store, numbers[0])], _read(store, numbers[1]).header, 184)
    clock.advance(run.ledger.limits.silence_us + SECOND)
    seq = run.recorder.note("note", {})
    run.close()
    assert both(tmp_path) == ("gap", seq)
    records = [record for record in iter_records(tmp_path) if record["kind"] in ("start", "config")]
    assert records[0]["kind"] == "config"
    report = VerifyReport()
    without = Timeline(report)
    for record in iter_records(tmp_path):
        without.feed({name: value for name, value in record.items() if name != "silence_us"})
    assert report.gaps == []


def test_nothing_goes_while_nobody_knows_the_date(tmp_path: Path) -> None:
    """After a step of the wall clock by more than a day, pruning waits until the step lies further back."""
    clock = Clock()
    run = Run(tmp_path, clock=clock, limits=replace(LedgerLimits(), segment_bytes=20_000)).ticks(200)
    run.recorder.clock_step(0, 400 * DAY_MS)
    run.ledger.rotate()
    run.ticks(3)
    assert prune(run.ledger, Store(tmp_path), now_ms=clock.utc_ms() + 400 * DAY_MS, keep_days=10) == 0
    run.ticks(200)
    assert prune(run.ledger, Store(tmp_path), now_ms=clock.utc_ms() + 400 * DAY_MS, keep_days=10) > 0
    run.close()
    report = verify(tmp_path)
    assert report.verdict is Outcome.VALID
    assert report.replayed == report.decisions > 0


def test_starts_and_stops_never_push_the_decisions_out(tmp_path: Path) -> None:
    """However often a log is opened and pruned with one day, the newest two segments that hold decisions stay."""
    folder, clock = tmp_path / "log", Clock()
    for kind in ("decision", "decision", "decision", "note", "note", "note", "note"):
        ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=MANY)
        for _ in range(20):
            if ledger.rotation_due:
                ledger.rotate()
            ledger.append(kind, {"text": "x" * 60})
            clock.advance(SECOND)
        ledger.close()
    clock.wall_ms += 20 * 3600 * 1000
    for _ in range(3):
        clock.wall_ms += 20 * 3600 * 1000  # by less than the step after which nobody knows how old anything is
        ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=MANY)
        prune(ledger, Store(folder), now_ms=clock.utc_ms(), keep_days=1)
        ledger.close()
    report = verify(folder, Options(replay=False))
    assert report.verdict is Outcome.VALID
    assert report.first_seq > 0
    assert report.decisions > 0
    assert all(one.keep_days == 1 for one in report.removals)
    assert sum(one.decisions or 0 for one in report.removals) + report.decisions == 60
    said = {one.topic: one for one in headline(report)}["complete"]
    assert said.standing == "unsure"
    assert "fewer than the 184 that are usual" in said.text
    second = attacks.second_verifier().verify(str(folder))
    assert dict(second["headline"])["complete"] == said.text
