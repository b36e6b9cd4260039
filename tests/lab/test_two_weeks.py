"""The long weather: what is counted in it fires when it should."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from adaptd.lab.episode import run
from adaptd.twin.words import PPM
from tests.lab.two_weeks import Watch, lived, main, world
from tests.twin.worlds import FULL, Script, episode


def test_a_dead_thermometer_is_noticed_and_none_is_seen_where_none_was_planted() -> None:
    """Hours of weather with every thermometer dead for a while; the same hours with nothing planted latch nothing."""
    number = next(n for n in range(20) if world(9501, n, 0.05).scenario.faults)
    short = world(9501, number, 0.05)
    cut = replace(short, scenario=replace(short.scenario, duration_us=short.scenario.faults[0].to_us))
    watch = Watch(short.scenario.faults[:1])
    run(cut, "adaptd", watch)
    assert watch.noticed == {0}
    assert watch.false_latches == 0
    assert lived(9501, number, 0.005)["over_critical_s"] == 0


def test_dust_heats_the_board() -> None:
    """A resistance 30 % larger gives 30 % more rise over the air in the end."""
    from adaptd.lab.harness import simulate

    peaks = []
    for ppm in (PPM, 1_300_000):
        case = episode(r_ppm=((0, ppm),), duration_us=1_200_000_000)
        seen: list[float] = []
        simulate(
            case.scenario,
            case.policy,
            case.profile,
            case.facts,
            Script(FULL),
            lambda device, *_, to=seen: to.append(device.temperature_mc),
        )
        peaks.append(seen[-1] / 1000 - 50)
    assert 1.25 < peaks[1] / peaks[0] < 1.31


def test_what_was_run_is_kept_and_only_the_rest_is_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A draw that stands in the file is not lived again; one for which no time was left is missing, and that is no success."""
    save = tmp_path / "rows.jsonl"
    none = [not world(9501, n, 0.002).scenario.faults for n in range(40)]
    quiet = next(n for n, both in enumerate(pairwise(none)) if all(both))
    words = ["--days", "0.002", "--save", str(save), "--first", str(quiet)]
    assert main([*words, "--draws", "1"]) == 0
    first = save.read_text()
    assert main([*words, "--draws", "2", "--time-box", "0"]) == 1
    assert "1 of 2 draws" in capsys.readouterr().out
    assert main([*words, "--draws", "2", "--jobs", "2"]) == 0
    assert save.read_text().startswith(first)
    assert len(save.read_text().splitlines()) == 2
