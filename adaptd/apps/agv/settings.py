"""The numbers of the inspection in one place: when a box is a defect, and when a part cannot be told."""

from dataclasses import dataclass

SECOND_US = 1_000_000
PPM = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What counts as a defect, and what a verdict needs. ``cameras`` must each see every part; empty: those that come."""

    reject_score_ppm: int = 400_000  # a box under this score is no defect
    confirm_frames: int = 2  # seen in so many frames of one camera, or in the share below, whichever is more
    confirm_share_ppm: int = 200_000
    least_frames: int = 5  # of every camera; a part that fewer have seen cannot be told
    map_floor_ppm: int = 850_000  # a part seen under a detector qualified for less cannot be passed
    every_us: int = 2 * SECOND_US  # how long a part is in view, where nobody says which part it is
    goal_mfps: int = 25_000
    cameras: tuple[str, ...] = ()
    keep_days: int = 90
