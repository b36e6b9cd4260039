"""Packs on trial: what was signed runs, what was touched does not, and whatever goes wrong the box has something to serve."""

import json
from pathlib import Path

import pytest

from adaptd.cli.main import build_parser, main
from adaptd.cli.run_pack import choose, ended
from adaptd.config.errors import ConfigError
from adaptd.daemon.orders import AGAIN
from adaptd.packs.install import Place, here
from adaptd.packs.make import make
from adaptd.packs.slot import SIGNED, TRIES, Slot
from tests.conftest import ROOT
from tests.packs.test_packs import BUNDLE, PLACE, POLICY, PROFILE, Owner


class Box:
    """A box of an owner: two packs for it, and the folder that they are tried in."""

    def __init__(self, folder: Path) -> None:
        self.owner, self.slot, self._folder = Owner(folder), Slot(folder / "packs"), folder
        self.first, self.second = self.pack("limit_c: 84"), self.pack("limit_c: 83")

    def pack(self, limit: str, place: Place = PLACE) -> Path:
        """A pack of the shipped bundle under another limit."""
        policy, path = self._folder / "policy.yaml", self._folder / f"{limit[-2:]}-{place.board}.pack"
        policy.write_text(POLICY.read_text().replace("limit_c: 85", limit))
        path.write_bytes(make(policy, BUNDLE, PROFILE, place, self.owner.private.read_bytes(), None))
        return path

    def take(self, path: Path) -> str:
        return self.slot.take(path, self.owner.public, PLACE)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A box that has taken nothing."""
    return Box(tmp_path)


def test_a_pack_that_nobody_keeps_makes_way_for_the_one_before(box: Box) -> None:
    """Three starts are its trial; the one that was kept before runs again, and without one the owner's own files do."""
    first = box.take(box.first)
    assert [box.slot.begin() for _ in range(TRIES)] == [first] * TRIES
    assert box.slot.begin() == ""
    assert "nobody found it good" in box.slot.state.why
    box.take(box.first)
    assert box.slot.keep(first)
    second = box.take(box.second)
    assert [box.slot.begin() for _ in range(TRIES + 1)] == [second] * TRIES + [first]
    assert box.slot.state.refused == second
    assert [box.slot.begin() for _ in range(2 * TRIES)] == [first] * 2 * TRIES, "what was kept is not counted"
    box.take(box.second)
    box.slot.back("by hand")
    assert (box.slot.begin(), box.slot.state.kept) == (first, True)
    assert not box.slot.keep(second)


def test_only_the_announced_pack_of_the_owner_for_this_machine_is_taken(box: Box, tmp_path: Path) -> None:
    """Another hash, another key, another board: one line each, and nothing is chosen."""
    (tmp_path / "other").mkdir()
    stranger = Owner(tmp_path / "other")
    elsewhere = box.pack("limit_c: 84", Place("thor", "none", PLACE.runtimes))
    with pytest.raises(ConfigError, match="announced"):
        box.slot.take(box.first, box.owner.public, PLACE, "0" * 64)
    with pytest.raises(ConfigError, match="another key"):
        box.slot.take(box.first, stranger.public, PLACE)
    with pytest.raises(ConfigError, match="measured on thor"):
        box.take(elsewhere)
    assert box.slot.begin() == ""


@pytest.mark.parametrize("name", ["policy.yaml", "profile.yaml", "bundle/pet-bowl.fp32.onnx", SIGNED])
def test_a_file_that_was_changed_after_it_was_taken_never_runs(box: Box, name: str) -> None:
    """Whoever can write into the folder still cannot make the box run what its owner did not sign."""
    digest = box.take(box.first)
    assert box.slot.checked(digest, box.owner.public, PLACE).files
    file = box.slot.place(digest) / name
    file.write_bytes(file.read_bytes()[:-1] + b"#")
    with pytest.raises(ConfigError):
        box.slot.checked(digest, box.owner.public, PLACE)


def test_a_start_checks_machine_and_limits_and_says_what_it_set_aside(
    box: Box, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pack that loosens a limit, or that a new runtime no longer fits, is not run: the run goes on with the owner's files."""
    now = here()
    monkeypatch.setattr("adaptd.packs.install.here", lambda root=Path("/"): PLACE)
    base = ["run", "--policy", str(POLICY), "--packs", str(box.slot.folder), "--pack-key", str(box.owner.public)]
    words = build_parser("run").parse_args([*base, "--profile", str(PROFILE)])
    digest = box.take(box.first)
    choose(words)
    assert words.policy == box.slot.place(digest) / "policy.yaml"
    for path, place, why in ((box.pack("limit_c: 90"), PLACE, "limit_c: 90 C is offered"), (box.second, now, "measured with")):
        digest = box.take(path)
        monkeypatch.setattr("adaptd.packs.install.here", lambda root=Path("/"), place=place: place)
        words = build_parser("run").parse_args([*base, "--profile", str(PROFILE)])
        choose(words)
        assert (words.policy, box.slot.state.refused, box.slot.state.running) == (POLICY, digest, "")
        assert why in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_no_reason_not_to_serve(
    box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk: what was kept runs on, what is on trial does not begin, and a bad one leaves the owner's own files."""
    digest = box.take(box.first)

    def full(*_: object) -> None:
        raise ConfigError(f"{box.slot.folder}: cannot be written (No space left on device)")

    monkeypatch.setattr(Slot, "_write", full)
    assert box.slot.begin() == ""
    monkeypatch.undo()
    assert box.slot.keep(digest)
    (box.slot.place(digest) / SIGNED).write_bytes(b"damaged")
    monkeypatch.setattr(Slot, "_write", full)
    assert box.slot.begin() == digest
    words = ["run", "--policy", str(POLICY), "--packs", str(box.slot.folder), "--pack-key", str(box.owner.public)]
    arguments = build_parser("run").parse_args([*words, "--profile", str(PROFILE)])
    choose(arguments)
    assert arguments.policy == POLICY
    assert "the owner's own files are run" in capsys.readouterr().err


def test_the_commands_say_what_holds(box: Box, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`take` names the machine's difference, `keep` what is not chosen, `back` what runs next; --packs wants a key."""
    packs = ["--packs", str(box.slot.folder)]
    assert main(["pack", "take", str(box.first), "--key", str(box.owner.public), *packs]) == 1
    assert main(["pack", "keep", "0" * 64, *packs]) == 1
    assert main(["pack", "back", *packs]) == 0
    told = capsys.readouterr()
    assert "runtime" in told.err
    assert "own files" in told.out
    assert main(["run", "--packs", str(tmp_path), "--policy", str(ROOT / "policies" / "feeder.yaml")]) == 2
    assert json.loads((box.slot.folder / "state.json").read_text())["why"] == "by hand"


def test_a_run_that_is_to_begin_anew_leaves_that_to_its_service_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under systemd it ends with its own exit code; without one it becomes itself again; any other end stays an end."""
    began: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda program, words: began.append(words))
    assert ended(0) == 0
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/x")
    assert ended(AGAIN) == AGAIN
    assert began == []
    monkeypatch.delenv("NOTIFY_SOCKET")
    ended(AGAIN)
    assert began[0][1:3] == ["-m", "adaptd"]
