"""Scenarios: every shipped one loads, what makes no sense is refused by line, and human units become integers once."""

from pathlib import Path

import pytest

from adaptd.config.errors import ConfigError
from adaptd.config.shipped import policies_dir
from adaptd.lab.episode import load_episode
from adaptd.twin.scenario import facts_of, load_scenario, parse_scenario, scenarios_dir, with_truth_bands
from adaptd.twin.world import Disagreement, TrueLight
from adaptd.vocabulary import Prior
from tests.twin.worlds import TEXT, policy

SHIPPED = sorted(scenarios_dir().rglob("*.yaml"))

REFUSED = [
    ("duration_s: 600", "duration_s: 600s", "duration_s"),
    ("duration_s: 600", "duration_s: 0.5", "duration_s"),
    ("seed: 5", "seed: -5", "seed"),
    ("signals:", "battery: {capacity_wh: 0}\nsignals:", "battery.capacity_wh"),
    ("signals:", "battery: {start_pct: 50}\nsignals:", "battery.capacity_wh"),
    ("signals:", "battery: {capacity_wh: 50, start_pct: 120}\nsignals:", "battery.start_pct"),
    ("seed: 5", "seed: 5\nsed: 6", "sed"),
    ("energy_mj: 200", "energy_mj: .nan", "variants.fp16.energy_mj"),
    ("energy_mj: 200", "energy_mj: 0", "variants.fp16.energy_mj"),
    ("disagreed: 2", "disagreed: 3001", "variants.int8.qualified.bright"),
    ("[[0, 50]]", "[]", "signals.ambient_c"),
    ("[[0, 50]]", "[[0, 50], [10, true]]", "signals.ambient_c"),
    ("[[0, 50]]", "[[10, 50], [5, 51]]", "signals.ambient_c"),
    ("[[0, 50]]", "[[0, 500]]", "signals.ambient_c"),
    ("[[0, 50]]", "[[0, null]]", "signals.ambient_c"),
    ("[[0, 500]]", "[[0, -1]]", "signals.light_lux"),
    ("truth:", "truth:\n  energy_scale: {fp8: 1.0}", "truth.energy_scale.fp8"),
    ("truth:", "truth:\n  noise: {temperature_c: 99}", "truth.noise.temperature_c"),
    ("signals:", "faults:\n  - {sensor: smell, kind: zero, from_s: 0, to_s: 1}\nsignals:", "faults.0.sensor"),
    ("signals:", "faults:\n  - {sensor: light, kind: crash, from_s: 0, to_s: 1}\nsignals:", "faults.0"),
    ("signals:", "faults:\n  - {sensor: light, kind: zero, from_s: 2, to_s: 1}\nsignals:", "faults.0"),
    ("signals:", "faults:\n  - {sensor: light, engine: int8, kind: hang, at_s: 1}\nsignals:", "faults.0"),
    ("signals:", "faults:\n  - {engine: int8, kind: stuck, at_s: 1}\nsignals:", "faults.0"),
    ("signals:", "faults:\n  - {engine: int8, kind: crash, from_s: 1}\nsignals:", "faults.0"),
]

# The example of the design's section on scenarios, whole.
EXAMPLE = """
scenario: factory-heatwave
schema: 1
seed: 7
duration_s: 14400
tick_s: 1
profile: orin-nx-16gb
bundle: null
variants:
  fp16: {energy_mj: 36.2, latency_ms: 4.43}
  int8:
    energy_mj: 22.8
    latency_ms: 3.49
    qualified: {bright: {n: 3000, disagreed: 2}, dim: {n: 3000, disagreed: 5}}
truth:
  r_scale: 1.25
  tau_scale: 0.8
  idle_power_scale: 1.1
  energy_scale: {fp16: 1.0, int8: 1.15}
  latency_scale: {fp16: 1.0, int8: 1.0}
  disagreement_pct: {night: {int8: 3.0}, dim: {int8: 0.3}, bright: {int8: 0.05}}
  noise: {temperature_c: 0.3, power_w: 0.2, light_pct: 5}
  lag_s: {temperature: 2}
signals:
  ambient_c: [[0, 25], [7200, 45], [14400, 45]]
  light_lux: [[0, 500], [9000, 500], [10800, 2]]
  other_load_w: [[0, 1]]
  power_budget_w: [[0, 15]]
  slow_down: [[0, 1.0]]
faults:
  - {sensor: temperature, kind: missing, from_s: 600, to_s: 660}
  - {engine: int8, kind: crash, at_s: 5000}
"""


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_scenario_loads_with_its_policy_and_profile(path: Path) -> None:
    """A shipped scenario names itself, a shipped policy and a shipped profile, and says where its energies come from."""
    episode = load_episode(path)
    assert episode.scenario.name == path.stem
    assert path.read_text().startswith("#")


def test_every_shipped_policy_has_a_scenario_that_tests_it() -> None:
    """No policy is shipped that no scenario rehearses."""
    tested = {load_scenario(path).policy for path in SHIPPED if path.stem != "room"}
    assert {path.stem for path in policies_dir().glob("*.yaml")} == tested


@pytest.mark.parametrize(("old", "new", "key"), REFUSED, ids=[f"{key}-{n}" for n, (_, _, key) in enumerate(REFUSED)])
def test_nonsense_is_refused_with_its_place_and_key(old: str, new: str, key: str) -> None:
    """A scenario that makes no sense is one line of FILE:LINE:COL: key: what is wrong."""
    assert old in TEXT
    with pytest.raises(ConfigError) as refusal:
        parse_scenario(TEXT.replace(old, new, 1), "bad.yaml")
    line = str(refusal.value).splitlines()[0]
    assert line.startswith("bad.yaml:")
    assert f": {key}" in line


def test_the_example_of_the_design_becomes_integers() -> None:
    """Celsius, watts, lux, per cent and seconds of the file are milli-, micro- and ppm integers inside."""
    word = parse_scenario(EXAMPLE)
    assert (word.duration_us, word.tick_us, word.seed, word.policy) == (14_400_000_000, 1_000_000, 7, "feeder")
    assert word.variants[1].energy_uj == 22_800
    assert word.variants[1].priors == (Prior("bright", 3000, 2), Prior("dim", 3000, 5))
    assert word.truth.r_scale_ppm == 1_250_000
    assert [(band, name, scenes.mean_ppm) for band, name, scenes in word.truth.disagreement][1] == ("dim", "int8", 3_000)
    assert (word.truth.noise_temperature_mc, word.truth.noise_light_ppm, word.truth.lag_temperature_us) == (
        300,
        50_000,
        2_000_000,
    )
    assert word.ambient_mc[1] == (7_200_000_000, 45_000)
    assert word.budget_mw == ((0, 15_000),)
    assert [fault.kind for fault in word.faults] == ["missing", "crash"]
    assert word.faults[1].engine


def test_a_budget_may_be_given_for_a_while_only() -> None:
    """`null` in the budget's curve means that the policy's own budget holds from there on."""
    word = parse_scenario(TEXT + "  power_budget_w: [[0, null], [10, 8], [20, null]]\n")
    assert word.budget_mw == ((0, None), (10_000_000, 8_000), (20_000_000, None))


def test_truth_about_an_unknown_band_is_refused() -> None:
    """A disagreement in a band that no policy has would never be seen, so it is an error."""
    word = parse_scenario(TEXT.replace("night: {int8", "nihgt: {int8"))
    with pytest.raises(ConfigError, match="nihgt"):
        with_truth_bands(word, policy())


def test_under_a_policy_with_other_bands_the_truth_stays_in_the_light() -> None:
    """INT8 is wrong below 15 lux, whatever a policy calls that light: under agv-inspection it costs too much in `dark`."""
    rules = policy("agv-inspection")
    word = with_truth_bands(parse_scenario(TEXT), rules)
    assert with_truth_bands(parse_scenario(TEXT), policy()).truth_bands == ()
    assert [band.name for band in word.truth_bands] == ["night", "dim", "bright"]
    light, truth = TrueLight(word, rules), Disagreement(word)
    light.follow(2_000)
    assert (light.label.name, light.truth.name) == ("dark", "night")
    assert not truth.affordable(light.truth.inside, "int8", 0, rules.max_loss_ppm)
    assert truth.chance(light.truth.name, "int8", 0) == pytest.approx(0.03)
    light.follow(25_000)
    assert (light.label.name, light.truth.name) == ("dark", "dim")
    assert truth.affordable(light.truth.inside, "int8", 0, rules.max_loss_ppm)


def test_a_truth_about_an_unknown_variant_is_refused() -> None:
    """The truth can only speak of engines that exist."""
    word = parse_scenario(TEXT.replace("night: {int8: 3.0}", "night: {int4: 3.0}"))
    with pytest.raises(ConfigError, match="int4"):
        facts_of(word, policy())


def test_a_scenario_without_the_reference_is_refused() -> None:
    """The reference must be priced."""
    word = parse_scenario(TEXT.replace("fp16:", "fp32:"))
    with pytest.raises(ConfigError, match="fp16"):
        facts_of(word, policy())
