"""The file of power modes: what it declares, what needs a reboot, and which modes of a policy are refused by file and line."""

import pytest

from adaptd.config.errors import ConfigError
from adaptd.config.nvpmodel import NvpmodelError, declared_modes, mode_refusals, needs_reboot, parse_nvpmodel
from adaptd.config.policy import parse_policy
from adaptd.config.profile import load_profile
from adaptd.config.shipped import profiles_dir
from tests.board_modes import CONF
from tests.conftest import ROOT

FEEDER = (ROOT / "policies" / "feeder.yaml").read_text()


def test_names_numbers_and_memory_clocks_are_read_as_the_file_has_them() -> None:
    """IDs need not be in order, comments and fan sections say nothing, and a memory clock without a cap is 0."""
    declared = parse_nvpmodel(CONF)
    assert [(mode.number, mode.name, mode.memory_khz) for mode in declared.modes] == [
        (0, "MAXN", 0),
        (2, "15W", 2_133_000),
        (3, "25W", 3_199_000),
        (4, "40W", 3_199_000),
    ]
    assert declared.default == 4


def test_only_a_mode_that_differs_in_clocks_alone_can_be_entered_while_things_run() -> None:
    """From 40W, 25W and MAXN are free; 15W turns a core off, and that is a reboot."""
    declared = parse_nvpmodel(CONF)
    here = declared.modes[3]
    assert [mode.name for mode in declared.modes if needs_reboot(here, mode)] == ["15W"]


@pytest.mark.parametrize(
    ("before", "after", "there", "words"),
    [
        ("ID=3", "ID=4", "ID=4 NAME=40W", "repeats"),
        ("NAME=25W", "NAME=40W", "ID=4 NAME=40W", "repeats"),
        ("ID=3", "ID=x", "ID=3", "whole number"),
        ("DEFAULT=4", "DEFAULT=9", "# FORMAT", "no mode"),
        ("CPU_A78_0 MAX_FREQ 1497600", "CPU_A78_0 MAX_FREQ fast", "1497600", "whole number"),
        ("CPU_A78_0 MAX_FREQ 1497600", "CPU_A78_0 MAX_FREQ", "1497600", "has 2 words"),
        ("CPU_A78_0 MAX_FREQ 1497600", "GPU MAX_FREQ 1", "1497600", "not declared"),
        ("< POWER_MODEL ID=3 NAME=25W >", "< POWER_MODEL", "ID=3", "no section"),
    ],
)
def test_a_broken_file_is_named_with_its_line(before: str, after: str, there: str, words: str) -> None:
    """Whatever is wrong, the line that is wrong is told, and nothing is guessed."""
    with pytest.raises(NvpmodelError, match=words) as caught:
        parse_nvpmodel(CONF.replace(before, after, 1), "/etc/nvpmodel.conf")
    line = CONF[: CONF.index(there)].count("\n") + 1
    assert str(caught.value).startswith(f"/etc/nvpmodel.conf:{line}: ")


def test_a_file_without_modes_is_no_file_of_modes() -> None:
    """An empty file is refused, not taken for a board with nothing to switch."""
    with pytest.raises(NvpmodelError, match="declares no"):
        parse_nvpmodel("# nothing\n")


def test_a_mode_that_the_board_lacks_and_one_that_needs_a_reboot_are_refused_with_file_line_and_remedy() -> None:
    """Both by the board's own file and by its profile; modes that can be have no word said of them."""
    text = FEEDER + "modes: [25W, 30W, 15W]\n"
    line = len(text.splitlines())
    known = declared_modes(parse_nvpmodel(CONF), 4)
    unknown, reboot = mode_refusals(text, "p.yaml", ("25W", "30W", "15W"), known, "this board")
    assert unknown.startswith(f"p.yaml:{line}:14: modes.1: 30W is no power mode of this board (it has MAXN, 15W, 25W, 40W)")
    assert reboot.startswith(f"p.yaml:{line}:19: modes.2: 15W needs a reboot")
    profile = load_profile(profiles_dir() / "orin-nx-16gb.yaml")
    words = mode_refusals(text, "p.yaml", ("25W", "30W", "15W"), dict(profile.power_modes), profile.name)
    assert [line.split(": ")[1] for line in words] == ["modes.1", "modes.2"]


def test_a_policy_without_modes_has_none_and_one_that_repeats_a_mode_is_refused() -> None:
    """The knob is off unless it is written."""
    assert parse_policy(FEEDER).modes == ()
    assert parse_policy(FEEDER + "modes: [25W, 40W]\n").modes == ("25W", "40W")
    for bad in ("modes: [25W, 25W]", "modes: []", "modes: 25W", "modes: [25]", 'modes: ["25 W"]'):
        with pytest.raises(ConfigError, match="modes"):
            parse_policy(FEEDER + bad + "\n")
