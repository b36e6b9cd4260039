"""What a verdict rests on: engines, light, the account's bound, and how good the detector was qualified to be in that light."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Qualified = Mapping[str, Mapping[str, int]]
"""Light band, then variant: mAP at IoU 0.5 in ppm, as the bundle's qualification found it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a frame came about. ``map_ppm`` None: nobody qualified this engine in this light."""

    variant: str
    band: str
    efficient: bool
    unproven: bool
    map_ppm: int | None
    bound_ppm: int | None


def standing_of(status: Mapping[str, Any], variant: str, camera: str, qualified: Qualified, reference: str) -> Standing:
    """What the status document says of a frame that ``variant`` served. A thing it does not say is not taken for good."""
    band = str(status.get("band") or "unknown")
    efficient = variant != reference
    account = status.get("account") or {}
    row = account.get(f"{band}/{camera}") or account.get(band) or {}
    bound = row.get("bound_ppm")
    return Standing(
        variant=variant,
        band=band,
        efficient=efficient,
        unproven=efficient and not row.get("open", False),
        map_ppm=qualified.get(band, {}).get(variant),
        bound_ppm=int(bound) if efficient and bound is not None else None if efficient else 0,
    )


@dataclass(slots=True)
class Basis:
    """What the frames of one part rest on, together."""

    variants: dict[str, int] = field(default_factory=dict)
    bands: dict[str, int] = field(default_factory=dict)
    unproven: int = 0
    lowest_map_ppm: int | None = None
    unqualified: int = 0
    bound_ppm: int | None = 0

    def add(self, standing: Standing) -> None:
        self.variants[standing.variant] = self.variants.get(standing.variant, 0) + 1
        self.bands[standing.band] = self.bands.get(standing.band, 0) + 1
        self.unproven += standing.unproven
        if standing.map_ppm is None:
            self.unqualified += 1
        else:
            known = self.lowest_map_ppm
            self.lowest_map_ppm = standing.map_ppm if known is None else min(known, standing.map_ppm)
        if standing.bound_ppm is None or self.bound_ppm is None:
            self.bound_ppm = None
        else:
            self.bound_ppm = max(self.bound_ppm, standing.bound_ppm)

    def words(self) -> dict[str, Any]:
        """For store and messages."""
        return {
            "engines": dict(sorted(self.variants.items())),
            "light": dict(sorted(self.bands.items())),
            "unproven_frames": self.unproven,
            "lowest_map_ppm": self.lowest_map_ppm,
            "frames_without_qualification": self.unqualified,
            "loss_bound_ppm": self.bound_ppm,
        }
