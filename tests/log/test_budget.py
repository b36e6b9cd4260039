"""The step budget of the verifiers: what one record asks for is bounded, whatever stands in it or before it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adaptd.base import coin
from adaptd.brain import tick
from adaptd.log.format.codec import to_plain
from adaptd.log.format.verdicts import Outcome
from adaptd.log.verify import bounds, coins
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.replay import Replayer, ReplayError
from adaptd.log.verify.verify import Options, verify
from adaptd.vocabulary import Snapshot
from tests.log.attacks import second_verifier
from tests.log.minds import mind
from tests.log.test_coins import SHARE, log
from tests.log.workload import make_log

ROW = ["bright", "int8", SHARE, 1, 0, 0, 0, 0, 0]


def spans(count: int, length: int) -> list[list[Any]]:
    """Decisions of a hundred bytes, each of which tells of ``length`` frames that nobody served."""
    return [[*ROW, at * length, (at + 1) * length - 1, []] for at in range(count)]


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[None]:
    """One item for each draw of the coin."""
    draws: list[None] = []

    def fell(seed: coin.Seed, frame: int, share: int) -> bool:
        del seed, frame, share
        draws.append(None)
        return False

    monkeypatch.setattr(module, name, fell)
    return draws


@pytest.mark.parametrize(("count", "length"), [(5, 400_000), (3, 2**50), (1, coin.LONGEST_SPAN + coins.DRAWS + 1)])
def test_short_records_cannot_ask_for_draws_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, length: int
) -> None:
    """Decisions that tell of frames by the million are no worker's: both verifiers say so, and draw not once for them."""
    log(tmp_path, spans(count, length))
    other: ModuleType = second_verifier()
    first, second = counted(monkeypatch, coin, "drawn"), counted(monkeypatch, other, "coin_fell")
    report = verify(tmp_path, Options(replay=False))
    assert report.verdict is Outcome.REPLAY_MISMATCH
    assert "more than any worker serves between two decisions" in report.reason
    assert other.verify(str(tmp_path))["verdict"] == "replay_mismatch"
    assert len(first) + len(second) == 0


def test_what_fits_the_budget_is_drawn_again_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long silence and then full speed is taken; there are never more draws than for one silence and so many a decision."""
    log(tmp_path, [*spans(1, 300_000), *[[*ROW, 300_000 + at * 9000, 308_999 + at * 9000, []] for at in range(3)]])
    draws = counted(monkeypatch, coin, "drawn")
    assert verify(tmp_path, Options(replay=False)).verdict is Outcome.VALID
    assert len(draws) == 327_000 <= coin.LONGEST_SPAN + 4 * coins.DRAWS


@pytest.mark.parametrize(
    ("rows", "terms"),
    [([[*ROW, 0, 0, []]], {"shares": list(range(1, 30))}), ([[*ROW, 0, 0, []]] * (coins.STRETCHES + 1), None)],
)
def test_a_window_has_few_rates_and_a_decision_few_stretches(
    tmp_path: Path, rows: list[list[Any]], terms: dict[str, Any] | None
) -> None:
    """The bound is computed for every stretch over every rate: neither may be named by the thousand in one record."""
    log(tmp_path, rows, terms=terms, whole=terms is None)
    report = verify(tmp_path, Options(replay=False))
    assert report.verdict is Outcome.REPLAY_MISMATCH
    assert ("rates of the coin" if terms else "stretches") in report.reason
    assert second_verifier().verify(str(tmp_path))["verdict"] == "replay_mismatch"


Change = Callable[[dict[str, Any]], None]


def readings(record: dict[str, Any]) -> None:
    """A thousand readings in the first decision: each later one, of a hundred bytes, looks at them again."""
    if record["kind"] == "decision" and "bind" in record:
        record["in"]["raw"] = record["in"]["raw"][:1] * 1000


def variants(record: dict[str, Any]) -> None:
    """A thousand variants in the configuration."""
    if record["kind"] == "config":
        record["facts"] = record["facts"][:1] * 1000


def cameras(record: dict[str, Any]) -> None:
    """A thousand cameras in the configuration."""
    if record["kind"] == "config":
        record["cameras"] = [f"c{at}" for at in range(1000)]


def long_state(record: dict[str, Any]) -> None:
    """A state that must be taken as it is, since what led to it was pruned, with half a million bytes in it."""
    record["seq"] += 1
    if record["kind"] == "config":
        record["reason"], record["state"]["band"] = "rotation", "x" * 500_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 20 decisions."""
    path = tmp_path_factory.mktemp("log")
    make_log(path, 20)
    return path


def steps(folder: Path, change: Change) -> tuple[list[int], str]:
    """How many readings each step looked at when the changed records are run again, and why that ended."""
    seen: list[int] = []

    def step(state: tick.State, snapshot: Snapshot) -> Any:
        seen.append(len(snapshot.raw))
        return replayer._brain.brain.step(state, snapshot)

    replayer = Replayer(mind(step=step))
    for record in iter_records(folder):
        change(record)
        try:
            replayer.feed(record)
        except ReplayError as error:
            return seen, str(error)
    return seen, ""


@pytest.mark.parametrize(
    ("change", "words"),
    [(readings, "1000 things of one kind"), (variants, "16 variants"), (cameras, "32 names"), (long_state, "bytes, more than")],
)
def test_what_is_carried_on_is_bounded_before_it_is_looked_at(folder: Path, change: Change, words: str) -> None:
    """No step is run with more readings, variants, cameras or state than any device has; the sound log runs to its end."""
    assert steps(folder, lambda record: None)[1] == ""
    seen, why = steps(folder, change)
    assert words in why
    assert seen == []


def test_without_the_bound_every_step_would_look_at_all_of_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: with no bound on readings the step is run over a thousand of them."""
    monkeypatch.setattr(bounds, "MOST_CARRIED", 10_000)
    assert 1000 in steps(folder, readings)[0]


def test_the_bounds_leave_room_for_the_largest_device() -> None:
    """Thirty-two cameras, eight bands and eight efficient variants have a state that fits."""
    from adaptd.config.cells import MOST_CAMERAS
    from tests.log.workload import FACTS, POLICY, PROFILE

    bands = tuple(replace(POLICY.bands[0], name=f"band{at}") for at in range(8))
    efficient = tuple(f"int8-{at}" for at in range(8))
    names = tuple(f"a-camera-with-a-long-name-{at}" for at in range(MOST_CAMERAS))
    policy = replace(POLICY, bands=bands, efficient=efficient, cameras=names)
    facts = (FACTS[0], *[replace(FACTS[1], name=name, priors=()) for name in efficient])
    assert bounds.burden(to_plain(tick.Brain(policy, PROFILE, facts).start(7, 0))) == ""


def test_a_daemon_does_not_start_with_more_cameras_than_a_verifier_takes() -> None:
    """What a verifier refuses no daemon writes: one camera too many is one line before anything is read."""
    from adaptd.config.cells import MOST_CAMERAS
    from adaptd.daemon.assemble import AssemblyError, Request, check

    nowhere, names = Path("/nonexistent"), tuple((f"c{at}", str(at)) for at in range(MOST_CAMERAS + 1))
    with pytest.raises(AssemblyError, match="33 cameras, one device serves at most 32"):
        check(Request(nowhere, nowhere, nowhere, "", nowhere, None, names))
