"""The profile held against the machine: names that lead nowhere, trip points that differ, numbers that nobody published."""

from adaptd.config.profile import HardwareProfile
from adaptd.config.shipped import profiles_dir
from adaptd.doctor import Finding, Level
from adaptd.sense.board import Board
from adaptd.sense.camera_light import parse_calibration, parse_gain
from adaptd.sense.catalog import JTOP_SOCKET, Catalog, parse_name
from adaptd.sense.sensor_hub import names_of
from adaptd.sense.sysfs import Sysfs

_OWN = {"camera", "push"}


def profile_findings(profile: HardwareProfile, sysfs: Sysfs, catalog: Catalog, board: Board) -> list[Finding]:
    """Everything the profile says that this machine does not bear out."""
    found = [_which(profile, board)]
    for quantity, names in names_of(profile).items():
        found += _names(quantity, names, sysfs, catalog, fits=board.certain and board.profile == profile.name)
    found += _trips(profile, catalog)
    said, remedy = "assumed: nobody published it", "measure it on the device and write it into a profile"
    return found + [Finding("profile", key, Level.NOTE, said, remedy) for key in profile.assumed]


def _which(profile: HardwareProfile, board: Board) -> Finding:
    if not board.certain:
        return Finding("profile", profile.name, Level.NOTE, "this machine does not tell its board", "give --profile, or keep it")
    if board.profile == profile.name:
        return Finding("profile", profile.name, Level.OK, f"fits the board: {board.model}")
    if not (profiles_dir() / f"{profile.name}.yaml").is_file():
        return Finding("profile", profile.name, Level.OK, f"a profile of your own, on {board.model}")
    return Finding("profile", profile.name, Level.BAD, f"the board is {board.model}", f"use --profile {board.profile}")


def _names(quantity: str, names: tuple[str, ...], sysfs: Sysfs, catalog: Catalog, *, fits: bool) -> list[Finding]:
    """A name that leads nowhere is bad only on the profile's own board, and only where no other name of the quantity is there."""
    lost = [(name, why) for name in names if (why := _why_not(quantity, name, sysfs, catalog))]
    bad = fits and len(lost) == len(names)
    remedy = f"look at the {quantity} sources above and name one of them in the profile" if bad else ""
    return [Finding("profile", f"{quantity} {name}", Level.BAD if bad else Level.NOTE, why, remedy) for name, why in lost]


def _why_not(quantity: str, text: str, sysfs: Sysfs, catalog: Catalog) -> str:
    name = parse_name(text)
    if name.kind == "camera" and name.key:
        return _calibration_fault(name.key)
    if name.kind in _OWN or (name.kind == "iio" and not name.key):
        return ""
    if name.kind == "jtop":
        return "" if sysfs.exists(JTOP_SOCKET) else "the jtop service is not running"
    found = catalog.resolve(quantity, name)
    return found if isinstance(found, str) else ""


def _calibration_fault(text: str) -> str:
    if parse_gain(text) is not None:
        return ""
    try:
        parse_calibration(text)
    except ValueError as error:
        return str(error)
    return ""


def _trips(profile: HardwareProfile, catalog: Catalog) -> list[Finding]:
    """A trip on the device that is lower than the profile's must be believed, whichever zone it belongs to."""
    found = []
    for kind, ours_mc in (("passive", profile.passive_mc), ("critical", profile.critical_mc)):
        lowest_mc = lowest_trip(catalog, kind)
        if lowest_mc is None:
            continue
        said = f"device {lowest_mc / 1000:g} C, profile {ours_mc / 1000:g} C"
        remedy = f"set thermal.{kind}_c to {lowest_mc / 1000:g} in the profile" if lowest_mc != ours_mc else ""
        level = Level.BAD if lowest_mc < ours_mc else Level.NOTE if lowest_mc > ours_mc else Level.OK
        found.append(Finding("profile", f"{kind} trip", level, said, remedy))
    return found


def lowest_trip(catalog: Catalog, kind: str) -> int | None:
    """The lowest trip point of a kind over all zones, mC."""
    return min((trip.at_mc for zone in catalog.zones for trip in zone.trips() if trip.kind == kind), default=None)
