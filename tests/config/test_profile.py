"""Profiles: every shipped one loads, and a number without a class and a source is refused."""

from pathlib import Path

import pytest

from adaptd.config.errors import ConfigError
from adaptd.config.profile import load_profile, parse_profile
from tests.conftest import ROOT

SHIPPED = sorted((ROOT / "hw_profiles").glob("*.yaml"))
NAMES = set(
    "orin-nano-super orin-nx-16gb agx-orin xavier-nx agx-xavier jetson-thor jetson-nano jetson-tx2 raspberry-pi-4 raspberry-pi-5 "
    "rk3588 h200 generic-x86 generic-arm".split()
)


def test_the_promised_profiles_ship() -> None:
    """Every board the documentation names has a profile."""
    assert {path.stem for path in SHIPPED} >= NAMES


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_profile_loads(path: Path) -> None:
    """A profile that ships is a profile that runs, and its trips are in order."""
    profile = load_profile(path)
    assert profile.name == path.stem
    assert profile.ambient_mc < profile.passive_mc < profile.critical_mc
    assert profile.poles


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("class: derived", "class: guessed", "class"),
        ("class: measured", "klass: measured", "klass"),
        ("schema: 1", "schema: 3", "schema"),
        ("idle_power_w: {", "idle_power_w: 5 #{", "idle_power_w"),
    ],
)
def test_a_number_without_class_or_source_is_refused(before: str, after: str, key: str) -> None:
    """A number nobody can trace is refused with its line."""
    text = (ROOT / "hw_profiles" / "orin-nano-super.yaml").read_text()
    assert before in text
    with pytest.raises(ConfigError, match=key):
        parse_profile(text.replace(before, after, 1), "h.yaml")


def test_assumed_numbers_are_named() -> None:
    """What nobody published is listed, so that doctor can say so."""
    assert any(key.startswith("thermal.") for key in load_profile(ROOT / "hw_profiles" / "jetson-thor.yaml").assumed)
