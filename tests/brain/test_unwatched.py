"""A machine without a thermometer: nothing is served unless its owner says so, and then no more than the floor."""

from dataclasses import replace

import pytest

from adaptd.config.errors import ConfigError
from adaptd.config.profile import HardwareProfile, load_profile, parse_profile
from adaptd.vocabulary import POWER, TEMPERATURE, Mode, OperatingPoint, Snapshot
from tests.brain.decide.plant import Board, Second, feeder
from tests.conftest import ROOT
from tests.readings import told

FILE = ROOT / "hw_profiles" / "no-thermometer.yaml"


def blind(_: int, snapshot: Snapshot) -> Snapshot:
    """Neither thermometer nor meter, as in a container."""
    return replace(snapshot, raw=tuple(one for one in snapshot.raw if one.quantity not in (TEMPERATURE, POWER)))


def last(profile: HardwareProfile, change: object = blind) -> Second:
    """After a minute on a machine with that profile."""
    return Board(profile=profile, change=change).last(60)  # type: ignore[arg-type]


def test_without_a_word_from_the_owner_nothing_is_served() -> None:
    """A machine that cannot say how hot it is counts as hot."""
    assert last(load_profile(ROOT / "hw_profiles" / "generic-x86.yaml")).verdict.point.fps_mfps == 0


def test_with_it_the_floor_is_served_and_no_more() -> None:
    """INT8 where it is proven, at floor_fps, and the conditions still say that the temperature is not known."""
    verdict = last(load_profile(FILE)).verdict
    assert verdict.point == OperatingPoint("int8", feeder().floor_mfps)
    assert verdict.mode is Mode.REDUCED
    assert ("temperature_known", False) in verdict.conditions


def test_a_thermometer_that_is_there_and_fails_is_no_permission() -> None:
    """Only a machine that has none may go unwatched: a lost sensor counts as hot, whatever the profile says."""

    def lost(_: int, snapshot: Snapshot) -> Snapshot:
        return replace(
            told(snapshot, TEMPERATURE), raw=tuple(one for one in told(snapshot, TEMPERATURE).raw if one.quantity != POWER)
        )

    verdict = last(load_profile(FILE), lost).verdict
    assert verdict.point.fps_mfps == 0


def test_a_profile_cannot_say_both() -> None:
    """None, and a list of them, is a contradiction."""
    text = FILE.read_text().replace("temperature_zones: []", "temperature_zones: [cpu-thermal]")
    with pytest.raises(ConfigError, match=r"sensors.thermometer: says none, but temperature_zones names some"):
        parse_profile(text)
