"""NVIDIA's ``nvpmodel.conf``: which power modes a board has, what each sets, and which a policy may list: none needs a reboot.

The file holds, in this order: parameters, ``< PARAM TYPE=FILE NAME=CPU_ONLINE >`` or ``TYPE=CLOCK``, each followed by lines of
an argument and the kernel file that it is written to; modes, ``< POWER_MODEL ID=2 NAME=15W >``, each followed by lines of
parameter, argument and value; and ``< PM_CONFIG DEFAULT=2 >``. -1 lifts a clock's cap. Sections of fans say nothing here.

Clocks can be capped at any time. What a mode sets besides (cores on line, parts of the GPU without power) may need a reboot, and
nvpmodel then keeps the old mode without a word where nobody can answer its question. So only modes that differ from the one in
force in clocks alone count as free to enter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from adaptd.config.strict_yaml import parse_document

MOST_BYTES = 1 << 18
_SECTION = re.compile(r"<\s+([A-Z_]+)\s+([^>]*)>")
_WORD = re.compile(r"(\w+)=(\S+)")
_MEMORY = ("EMC", "MAX_FREQ")


class NvpmodelError(ValueError):
    """The file is no nvpmodel.conf; one line with its number."""


@dataclass(frozen=True, slots=True)
class PowerModeSetting:
    """One value that a mode sets: ``CPU_A78_0 MAX_FREQ 1497600``, and the kernel file it goes to."""

    parameter: str
    argument: str
    value: str
    path: str
    clock: bool


@dataclass(frozen=True, slots=True)
class DeclaredMode:
    """One mode of the file, with the line that it begins at."""

    number: int
    name: str
    settings: tuple[PowerModeSetting, ...]
    line: int

    @property
    def fixed(self) -> frozenset[tuple[str, str, str]]:
        """What it sets besides clocks."""
        return frozenset((one.parameter, one.argument, one.value) for one in self.settings if not one.clock)

    @property
    def memory_khz(self) -> int:
        """The cap of the memory clock; 0 where it is not capped (the file says 0 or -1, or nothing)."""
        caps = (int(one.value) for one in self.settings if (one.parameter, one.argument) == _MEMORY)
        return max(0, next(caps, 0)) // 1000


@dataclass(frozen=True, slots=True)
class DeclaredModes:
    """What the file declares."""

    modes: tuple[DeclaredMode, ...]
    default: int

    def by_number(self, number: int) -> DeclaredMode | None:
        """The mode with this ID."""
        return next((mode for mode in self.modes if mode.number == number), None)

    def by_name(self, name: str) -> DeclaredMode | None:
        """The mode of this name: numbers differ between boards."""
        return next((mode for mode in self.modes if mode.name == name), None)


def needs_reboot(here: DeclaredMode, there: DeclaredMode) -> bool:
    """Whether entering ``there`` from ``here`` changes more than clocks."""
    return here.fixed != there.fixed


def parse_nvpmodel(text: str, name: str = "nvpmodel.conf") -> DeclaredModes:
    """The modes of a file.

    Raises:
        NvpmodelError: the first line that cannot be.
    """
    paths: dict[tuple[str, str], tuple[str, bool]] = {}
    modes: list[DeclaredMode] = []
    settings: list[PowerModeSetting] = []
    default, section, given = -1, "", {"NAME": ""}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.split("#", 1)[0].strip()
        if not stripped:
            continue
        if stripped.startswith("<"):
            section, given = _section(stripped, name, number)
            if section == "POWER_MODEL":
                settings = []
                modes.append(DeclaredMode(_number(given, "ID", name, number), given.get("NAME", ""), (), number))
            elif section == "PM_CONFIG":
                default = _number(given, "DEFAULT", name, number)
        elif section == "PARAM":
            argument, path = _columns(stripped, 2, name, number)
            paths[given.get("NAME", ""), argument] = (path, given.get("TYPE") == "CLOCK")
        elif section == "POWER_MODEL":
            settings.append(_setting(stripped, paths, name, number))
            modes[-1] = replace(modes[-1], settings=tuple(settings))
    return _checked(DeclaredModes(tuple(modes), default), name)


def _section(line: str, name: str, number: int) -> tuple[str, dict[str, str]]:
    match = _SECTION.fullmatch(line)
    if match is None:
        raise NvpmodelError(f"{name}:{number}: {line[:40]!r} is no section, < NAME KEY=VALUE > is needed")
    return match[1], dict(_WORD.findall(match[2]))


def _number(given: dict[str, str], key: str, name: str, line: int) -> int:
    text = given.get(key, "")
    if not text.isdigit() or len(text) > 4:
        raise NvpmodelError(f"{name}:{line}: {key} is {text!r}, a whole number is needed")
    return int(text)


def _columns(line: str, count: int, name: str, number: int) -> list[str]:
    columns = line.split()
    if len(columns) != count:
        raise NvpmodelError(f"{name}:{number}: has {len(columns)} words, {count} are needed")
    return columns


def _setting(line: str, paths: dict[tuple[str, str], tuple[str, bool]], name: str, number: int) -> PowerModeSetting:
    parameter, argument, value = _columns(line, 3, name, number)
    if (parameter, argument) not in paths:
        raise NvpmodelError(f"{name}:{number}: {parameter} {argument} is not declared above as a PARAM")
    path, clock = paths[parameter, argument]
    if clock and not re.fullmatch(r"-?[0-9]{1,12}", value):
        raise NvpmodelError(f"{name}:{number}: {parameter} {argument} is {value!r}, a whole number is needed")
    return PowerModeSetting(parameter, argument, value, path, clock)


def _checked(found: DeclaredModes, name: str) -> DeclaredModes:
    if not found.modes:
        raise NvpmodelError(f"{name}:1: declares no POWER_MODEL")
    for at, mode in enumerate(found.modes):
        earlier = found.modes[:at]
        if not mode.name or any(mode.number == one.number or mode.name == one.name for one in earlier):
            raise NvpmodelError(f"{name}:{mode.line}: repeats the ID or the NAME of a mode above, or has none")
    if found.by_number(found.default) is None:
        raise NvpmodelError(f"{name}:1: PM_CONFIG names no mode of the file as the default")
    return found


def declared_modes(declared: DeclaredModes, here: int) -> dict[str, bool]:
    """The board's modes as its own file says, and whether entering each from the mode with the ID ``here`` needs a reboot."""
    now = declared.by_number(here)
    return {mode.name: now is None or needs_reboot(now, mode) for mode in declared.modes}


def mode_refusals(text: str, name: str, modes: tuple[str, ...], known: Mapping[str, bool], whose: str) -> list[str]:
    """Why the policy in ``text`` cannot have its ``modes`` on this board: a line each, with file, line and remedy."""
    document, found = parse_document(text, name), []
    for at, mode in enumerate(modes):
        if mode not in known:
            there = ", ".join(known) or "none"
            words = f"{mode} is no power mode of {whose} (it has {there}), name one of those or remove it"
        elif known[mode]:
            words = f"{mode} needs a reboot of {whose}, and adaptd never reboots a board: remove it, or set it before the start"
        else:
            continue
        found.append(f"{document.where(('modes', at))}: modes.{at}: {words}")
    return found
