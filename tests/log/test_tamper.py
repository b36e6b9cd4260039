"""Nobody can change a byte of a log without the verifiers saying so, and saying where.

These are the small sizes of what ``python -m tests.faults.torture`` runs in full.
"""

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from adaptd.base import decision_core as core
from adaptd.log.format import keys, note
from adaptd.log.format.epochs import KeyFolder
from adaptd.log.verify import walk
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.verify import Options, Outcome, verify
from tests.log import attacks
from tests.log.attacks import Bench, Files
from tests.log.workload import raw_log


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, Files]:
    """Two different logs signed by the same device key: the one under attack and one to take lines from."""
    base = tmp_path_factory.mktemp("logs")
    KeyFolder.beside(base / "one").create("example.com/one")
    (base / "two" / "private").mkdir(parents=True)
    (base / "two" / "private" / "epoch.key").write_bytes((base / "one" / "private" / "epoch.key").read_bytes())
    return raw_log(base / "one"), raw_log(base / "two", seed=2)


@pytest.fixture(scope="module")
def bench(logs: tuple[Files, Files], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A folder to put damaged copies in."""
    return Bench(tmp_path_factory.mktemp("bench"), logs[0])


def findings(bench: Bench, files: Files) -> tuple[tuple[str, int | None], tuple[str, int | None]]:
    """Verdict and first bad record of both verifiers."""
    folder = bench.put(files)
    first = verify(folder, Options(replay=False))
    second = attacks.second_verifier().verify(str(folder))
    return (first.verdict.value, first.first_bad_seq), (second["verdict"], second["first_bad_seq"])


def flips(files: Files, foreign: Files, random: Random) -> Iterator[tuple[int, Files]]:
    """Random single-bit flips of the segments."""
    del foreign
    for _ in range(120):
        name = random.choice(attacks.segments(files))
        bit = random.randrange(len(files[name]) * 8)
        yield attacks.seq_at(files, name, bit // 8), attacks.flipped(files, name, bit)


ATTACKS: dict[str, Callable[[Files, Files, Random], Iterator[tuple[int, Files]]]] = {
    "single-bit flips": flips,
    "deletions": lambda files, _, __: attacks.deletions(files),
    "duplications": lambda files, _, __: attacks.duplications(files),
    "neighbour swaps": lambda files, _, __: attacks.neighbour_swaps(files),
    "truncations": lambda files, _, __: attacks.truncations(files, 61),
    "segments removed, exchanged, copied": lambda files, _, __: attacks.segment_attacks(files),
    "headers of another log of the device": lambda files, foreign, _: attacks.foreign_headers(files, foreign),
    "splices from another log of the device": lambda files, foreign, random: attacks.splices(files, foreign, random, 60),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_every_change_is_found_and_placed_by_both_verifiers(name: str, logs: tuple[Files, Files], bench: Bench) -> None:
    """No attack of this kind passes, and both verifiers name the very record where it begins."""
    for seq, damaged in ATTACKS[name](*logs, Random(7)):
        first, second = findings(bench, damaged)
        assert first[0] != "valid"
        assert first == second
        assert first[1] == seq


def test_a_well_signed_header_of_another_log_is_blamed_and_not_the_record_before_it(
    logs: tuple[Files, Files], bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where header and record disagree, the record after them decides; a verifier that does not ask it blames a good one."""
    attempts = list(attacks.foreign_headers(*logs))

    def misplaced() -> list[int]:
        told = [(seq, verify(bench.put(damaged), Options(replay=False)).first_bad_seq) for seq, damaged in attempts]
        return [seq for seq, blamed in told if blamed != seq]

    assert misplaced() == []
    if core.running() == "compiled":
        return  # a compiled module asks its own functions; the control below is for the interpreted one
    monkeypatch.setattr(walk, "_prev", lambda _: None)
    assert misplaced() != []


def test_nothing_that_was_changed_is_ever_called_signed(logs: tuple[Files, Files], bench: Bench) -> None:
    """Where a fork fits the chain its beginning cannot be told; but the records that are called signed end before it."""
    second = attacks.second_verifier()
    for seq, damaged in [*attacks.grafts(*logs), *attacks.deletions(logs[0]), *flips(*logs, Random(5))]:
        report = verify(bench.put(damaged), Options(replay=False))
        other = second.verify(str(bench.folder))
        assert report.verdict is not Outcome.VALID
        assert (report.verdict.value, report.first_bad_seq, report.signed) == (
            other["verdict"],
            other["first_bad_seq"],
            other["signed"],
        )
        assert report.signed <= seq


def test_every_bit_of_the_head_file_and_of_the_key_file_counts(logs: tuple[Files, Files], bench: Bench) -> None:
    """A flip in either slot of the head file, its padding, or the public key beside the log is found."""
    files = logs[0]
    for name in ("head", "log.pub"):
        for bit in range(Random(name).randrange(31), len(files[name]) * 8, 67):
            first, second = findings(bench, attacks.flipped(files, name, bit))
            assert first[0] != "valid"
            assert first == second


def test_both_verifiers_agree_on_arbitrary_damage(logs: tuple[Files, Files], bench: Bench) -> None:
    """Whatever is cut, copied, inserted or shuffled, both give the same verdict on the same record, and it is never 'valid'."""
    random = Random(11)
    for _ in range(120):
        first, second = findings(bench, attacks.random_damage(logs[0], random))
        assert first == second
        assert first[0] != "valid"


def test_random_files_never_crash_a_verifier(tmp_path: Path) -> None:
    """A folder of arbitrary bytes under the right names is judged, never 'valid', and raises nothing."""
    random = Random(13)
    for _ in range(120):
        files = {name: random.randbytes(random.randrange(300)) for name in ("00000000.log", "00000001.log", "head", "log.pub")}
        if random.random() < 0.5:
            files["00000000.log"] = json.dumps({"v": 1, "seq": 0, "first": random.randrange(9)}).encode() + b"\n"
        bench = Bench(tmp_path / "w", files)
        first, second = findings(bench, files)
        assert first[0] != "valid"
        assert second[0] != "valid"


def test_pipes_devices_and_endless_files_do_not_hold_a_verifier_up(logs: tuple[Files, Files], tmp_path: Path) -> None:
    """A pipe nobody writes to, an endless device and a file of a terabyte under any name of a log are told, not waited for."""
    for name in ("00000000.log", "00000001.log", "head", "log.pub", "handovers"):
        for make in (
            os.mkfifo,
            lambda path: path.symlink_to("/dev/zero"),
            lambda path: (path.touch(), os.truncate(path, 1 << 40)),
        ):
            folder = Bench(tmp_path / "one", logs[0]).folder
            (folder / name).unlink(missing_ok=True)
            make(folder / name)
            report = verify(folder, Options(replay=False))
            other = attacks.second_verifier().verify(str(folder))
            assert report.verdict.value == other["verdict"] == ("valid" if name == "handovers" else "damaged")
            assert len(list(iter_records(folder))) < sum(not line.header for line in attacks.lines(logs[0])) + 1
            shutil.rmtree(folder)


def rewritten(files: Files, name: str, at: int, change: Callable[[dict[str, object]], None]) -> Files:
    """A record changed and every later hash of its segment set right: what someone can do who knows the format but has no key."""
    lines = files[name].split(b"\n")
    record = json.loads(lines[at])
    change(record)
    lines[at] = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    for later in range(at + 1, len(lines) - 1):
        record = json.loads(lines[later])
        record["prev"] = sha256(lines[later - 1]).hexdigest()
        lines[later] = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return {**files, name: b"\n".join(lines)}


def test_a_chain_made_right_again_without_the_key_is_forged_or_damaged(logs: tuple[Files, Files], bench: Bench) -> None:
    """Changing a record and repairing every hash after it does not get past the signatures."""
    files = logs[0]
    last = attacks.segments(files)[-1]
    for name in attacks.segments(files):
        damaged = rewritten(files, name, 1, lambda record: record.update(utc_ms=1))
        first, second = findings(bench, damaged)
        assert first == second
        assert first[0] in ("forged", "damaged")
        if name == last:
            assert first == ("damaged", max(line.seq for line in attacks.lines(files)))


def test_a_log_signed_anew_with_another_key_is_forged(logs: tuple[Files, Files], tmp_path: Path) -> None:
    """A whole log written by someone else is perfect in itself and fails at record 0 under the true key."""
    true_key = note.parse_verifier_key(logs[0]["log.pub"].decode())
    KeyFolder.beside(tmp_path / "fake").create(true_key.name)
    raw_log(tmp_path / "fake")
    assert verify(tmp_path / "fake", Options(replay=False)).verdict is Outcome.VALID
    report = verify(tmp_path / "fake", Options(key=true_key, replay=False))
    assert (report.verdict, report.first_bad_seq) == (Outcome.FORGED, 0)
    second = attacks.second_verifier().verify(str(tmp_path / "fake"), logs[0]["log.pub"].decode())
    assert (second["verdict"], second["first_bad_seq"]) == ("forged", 0)


def test_an_old_checkpoint_can_not_stand_in_for_the_head(logs: tuple[Files, Files], bench: Bench) -> None:
    """Cutting the log back to a checkpoint and offering that checkpoint as the head file is found."""
    files = logs[0]
    for record in list(iter_records(bench.put(files))):
        if record["kind"] != "checkpoint":
            continue
        size = record["seq"]
        kept = {name: data for name, data in files.items() if not name.endswith(".log")}
        for line in attacks.lines(files):
            if line.seq < size or (line.header and line.seq <= size):
                kept[line.name] = kept.get(line.name, b"") + files[line.name][line.start : line.end]
        kept["head"] = str(record["note"]).encode().ljust(1024, b"\0")
        first, second = findings(bench, kept)
        assert first == second
        assert first[0] != "valid"


def naive(files: Files) -> bool:
    """The verifier one would write first: parse JSON, recompute the hash chain over parsed records, check the signatures."""
    previous, key = None, note.parse_verifier_key(files["log.pub"].decode())
    for name in attacks.segments(files):
        for line in files[name].split(b"\n")[1:]:
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                if previous is not None and record["prev"].lower() != previous:
                    return False
                if record["kind"] == "checkpoint" and not keys.note_holds(note.parse_note(record["note"]), key):
                    return False
                if record["kind"] == "epoch":
                    body = note.parse_note(record["note"]).body
                    key = note.VerifierKey(key.name, note.ED25519, base64.b64decode(body.split("\n")[-2]))
            except (ValueError, KeyError, TypeError, AttributeError):
                return False
            previous = sha256(json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
    return True


def test_the_naive_verifier_misses_what_this_one_finds(logs: tuple[Files, Files], bench: Bench) -> None:
    """Negative control: hashing parsed records lets some single-bit flips and cut newlines pass; comparing bytes lets none."""
    files = logs[0]
    assert naive(files)
    missed = [damaged for _, damaged in flips(files, files, Random(3)) if naive(damaged)]
    missed += [damaged for _, damaged in attacks.truncations(files, 7) if naive(damaged)]
    assert missed
    for damaged in missed[:20]:
        assert findings(bench, damaged)[0][0] != "valid"
