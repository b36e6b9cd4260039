"""The numbers of the feeder monitor in one place, each with where it comes from.

Facts named F are from published studies of cats at the bowl (docs/feeder.md lists them); the others are choices, and
`python -m tests.apps.feeder_figures` shows what they cost and what they find.
"""

from dataclasses import dataclass

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US
WINDOW_S = 300
WINDOW_US = WINDOW_S * SECOND_US
PPM = 1_000_000
USUAL_FROM_DAYS = 8  # back: an illness of a week does not yet lower what it is compared with
USUAL_TO_DAYS = 63  # nine weeks: a decline over four weeks does not pull down what it is compared with; 35 days do
USUAL_LEAST_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What counts as a bout, what counts as seen, and when somebody is told."""

    # Bouts. F: 10 to 20 visits a day of 1 to 2 minutes, some 90 minutes apart.
    smooth_us: int = 2 * SECOND_US  # a state is the one that held most of these
    merge_us: int = 60 * SECOND_US  # a shorter pause belongs to the bout
    least_eating_us: int = 5 * SECOND_US  # less is a sniff or a flicker of the model
    resting_us: int = 15 * 60 * SECOND_US  # nobody eats this long without lifting the head: a pet that sleeps there
    # Seeing.
    blind_after_us: int = 5 * SECOND_US  # longer without a result is time in which nothing was seen
    dark_below_mlx: int = 5_000  # the shipped model's eating minutes are not to be trusted below; docs/feeder.md has the figures
    always_lit: bool = False  # the owner vouches for the light where no sensor tells it
    coverage_ppm: int = 600_000  # of a day's time, and of what is usually eaten in it; less is "cannot tell"
    # The usual and the drop.
    usual_from_days: int = USUAL_FROM_DAYS
    usual_to_days: int = USUAL_TO_DAYS
    usual_least_days: int = USUAL_LEAST_DAYS
    drop_ppm: int = 600_000
    drop_days: int = 3
    drop_gap_days: int = 3  # so many days in a row that cannot be told neither count nor end a run: an outage of a weekend
    # No eating. Vets' guidance: 24 h for an adult cat, 12 h for a kitten.
    refusal_us: int = 24 * HOUR_US
    # The watch: one-sided cumulative sum of standardised shortfalls.
    watch_slack_milli: int = 750
    watch_limit_milli: int = 6_000
    # What could explain a drop.
    mix_change_ppm: int = 200_000  # a shift of light, or of an engine without a bound, that is more than drift
    unproven_ppm: int = 10_000  # served unproven for a larger share: nothing is sent
    # How long things are kept.
    keep_windows_days: int = 120
    keep_days: int = 3_650


KITTEN = Settings(refusal_us=12 * HOUR_US)
