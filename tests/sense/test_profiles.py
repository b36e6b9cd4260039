"""The shipped profiles: every one loads, says what is assumed, and is true to the sheet it was written from."""

import pytest

from adaptd.config.profile import load_profile, read_profile_model
from adaptd.config.shipped import profiles_dir
from adaptd.sense.catalog import parse_name

PROFILES = sorted(path.stem for path in profiles_dir().glob("*.yaml"))


def test_the_boards_are_there() -> None:
    """Every board that the documentation names has a profile."""
    wanted = (
        "agx-orin agx-xavier generic-arm generic-x86 h200 jetson-nano jetson-thor jetson-tx2 no-thermometer "
        "orin-nano-super orin-nx-16gb "
        "raspberry-pi-4 raspberry-pi-5 rk3588 xavier-nx"
    )
    assert wanted.split() == PROFILES


def test_old_jetpacks_say_what_works_there_and_what_does_not() -> None:
    """On JetPack 4 and 5 TensorRT's bindings are of a Python below adaptd's: nobody should find that out by trying."""
    for name in ("jetson-nano", "jetson-tx2", "xavier-nx", "agx-xavier"):
        notes = read_profile_model(profiles_dir() / f"{name}.yaml").notes
        assert "What works: adaptd and ONNX Runtime" in notes
        assert "What does not: TensorRT" in notes


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_named_like_its_file_and_leaves_room_below_the_trip(name: str) -> None:
    """The default limit of 85 C lies below the passive trip, except where the chip itself slows down earlier."""
    profile = load_profile(profiles_dir() / f"{name}.yaml")
    assert profile.name == name
    assert profile.ambient_mc < profile.passive_mc < profile.critical_mc <= profile.range_mc[1]
    assert profile.range_mw[0] < profile.idle_power_mw < profile.range_mw[1]
    assert profile.range_mw[0] > 0
    assert profile.passive_mc > 85_000 or name.startswith("raspberry-pi")


@pytest.mark.parametrize("name", PROFILES)
def test_every_name_of_a_sensor_map_can_be_taken_apart(name: str) -> None:
    """No profile names a kind of source that does not exist."""
    profile = load_profile(profiles_dir() / f"{name}.yaml")
    for text in (*profile.temperature_zones, *profile.power_rails, *profile.light_sources):
        named = parse_name(text)
        assert named.kind or ":" not in named.key


def test_what_a_chip_gains_from_int8_is_said_as_it_was_measured() -> None:
    """Nano has no INT8 path, Thor gains nothing, Orin gains a fifth and more."""
    gains = {}
    for name in PROFILES:
        facts = {fact.name: fact for fact in load_profile(profiles_dir() / f"{name}.yaml").precisions}
        gains[name] = (facts["int8"].gains, facts["int8"].speedup_ppm)
    assert gains["jetson-nano"] == ("unsupported", None)
    assert gains["jetson-thor"] == ("no", 930_000)
    assert gains["orin-nx-16gb"] == ("yes", 1_210_000)
    assert gains["agx-orin"] == ("yes", 1_170_000)


def test_poles_come_from_where_they_say() -> None:
    """Orin Nano Super: 0.25 K/W in a second and 0.95 K/W in 38 s; Orin NX sums to the soak's 1.39 K/W."""
    nano, nx = (load_profile(profiles_dir() / f"{name}.yaml").poles for name in ("orin-nano-super", "orin-nx-16gb"))
    assert [(pole.r_uk_per_mw, pole.tau_ms) for pole in nano] == [(250, 1_000), (950, 38_000)]
    assert sum(pole.r_uk_per_mw for pole in nx) == 1_390


@pytest.mark.parametrize("name", PROFILES)
def test_no_number_is_without_a_source_and_none_is_a_saving_on_a_jetson(name: str) -> None:
    """The schema refuses a number without a source; nobody here has run a Jetson, so no profile speaks of our own runs on one."""
    model = read_profile_model(profiles_dir() / f"{name}.yaml")
    assert len(model.idle_power_w.source) > 20
    text = (profiles_dir() / f"{name}.yaml").read_text()
    assert " we " not in text
    assert "saves" not in text
