"""Whether the power modes that a policy lists can be: each is one of the board's, and none of them needs a reboot.

What a board has, its own ``nvpmodel.conf`` says, or where there is none the hardware profile.
"""

from collections.abc import Mapping

from adaptd.config.nvpmodel import DeclaredModes, needs_reboot
from adaptd.config.profile import HardwareProfile
from adaptd.config.strict_yaml import parse_document


def known_modes(profile: HardwareProfile) -> dict[str, bool]:
    """The board's modes as its profile knows them, and whether entering each needs a reboot."""
    return dict(profile.power_modes)


def declared_modes(declared: DeclaredModes, here: int) -> dict[str, bool]:
    """The same as the board's own file says, from the mode with the ID ``here``."""
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
