"""Efficiency packs: every byte is covered, another machine is refused unless qualified there, and the index shows the figures."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from adaptd.cli.main import main
from adaptd.config.errors import ConfigError
from adaptd.config.manifest import seal as seal_manifest
from adaptd.packs import form, index
from adaptd.packs.form import parse_pack, read_pack
from adaptd.packs.install import Place, differences, here, install
from adaptd.packs.make import make
from tests.conftest import ROOT

POLICY, BUNDLE = ROOT / "policies" / "feeder.yaml", ROOT / "engines" / "pet-bowl"
PROFILE = ROOT / "hw_profiles" / "generic-x86.yaml"
PLACE = Place("generic-x86", "none", (("onnxruntime", "1.0"),))


class Owner:
    """A key of the test's own, as files."""

    def __init__(self, folder: Path) -> None:
        key = Ed25519PrivateKey.generate()
        self.private, self.public = folder / "owner.pem", folder / "owner.pub.pem"
        self.private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Owner:
    """The owner's key."""
    return Owner(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of service as evidence."""
    folder = tmp_path_factory.mktemp("log") / "log"
    assert main(["simulate", "--scenario", "room", "--audit", str(folder), "--json"]) == 0
    return folder


@pytest.fixture(scope="module")
def data(owner: Owner, log: Path) -> bytes:
    """A pack of the shipped bundle."""
    return make(POLICY, BUNDLE, PROFILE, PLACE, owner.private.read_bytes(), log)


def test_a_pack_holds_what_was_put_in(data: bytes, owner: Owner) -> None:
    """Policy, profile and every file of the bundle come out byte for byte, under the owner's key."""
    pack = parse_pack(data, "a.pack", owner.public)
    assert pack.files["policy.yaml"] == POLICY.read_bytes()
    assert {path for path in pack.files if path.startswith("bundle/")} >= {"bundle/manifest.json", "bundle/pet-bowl.fp32.onnx"}
    assert not pack.own_key
    assert parse_pack(data, "a.pack").own_key


def test_the_evidence_names_rate_idle_and_what_was_simulated(data: bytes) -> None:
    """Frames a joule stand beside the rate they were measured at, and simulated readings are called so."""
    service = parse_pack(data, "a.pack").manifest["evidence"]["service"]
    assert service["frames"] > 0
    assert service["inferences_per_kj"] > 0
    assert service["fps_x1000"] > 0
    assert service["simulated"] == ["light", "power", "temperature"]
    assert all(row["idle_power_mw"] >= 0 for row in parse_pack(data, "a.pack").manifest["evidence"]["qualification"])


def test_a_flipped_bit_anywhere_is_refused(data: bytes) -> None:
    """Head, manifest, signature, files: 80 places, every one of them seen; so are a cut and a byte more."""
    random = Random(18)
    head = data.index(b"\n", data.index(b"\n", len(form.MAGIC)) + 1)
    places = [random.randrange(head) for _ in range(40)] + [random.randrange(len(data)) for _ in range(40)]
    for at in places:
        flipped = bytearray(data)
        flipped[at] ^= 1 << random.randrange(8)
        with pytest.raises(ConfigError):
            parse_pack(bytes(flipped), "a.pack")
    for other in (data[:-1], data + b"x", data[:100], b""):
        with pytest.raises(ConfigError):
            parse_pack(other, "a.pack")


def test_a_newer_schema_and_another_key_are_refused(owner: Owner, tmp_path: Path) -> None:
    """What a newer adaptd wrote is not guessed at, and a stranger's signature is not the owner's."""
    files = {"policy.yaml": b"", "profile.yaml": b"", "bundle/manifest.json": b""}
    sealed = form.seal({}, files, owner.private.read_bytes())
    line = sealed[len(form.MAGIC) :].split(b"\n")[0]
    newer = json.loads(line)
    newer["schema"] = 2
    key = form.private_key(owner.private.read_bytes())
    text = form.canonical(newer)
    signed = form.base64.b64encode(key.sign(form.SIGNED + text))
    with pytest.raises(ConfigError, match="has schema 2, this adaptd reads 1"):
        parse_pack(form.MAGIC + text + b"\n" + signed + b"\n", "a.pack")
    with pytest.raises(ConfigError, match="newer form"):
        parse_pack(sealed.replace(b"adaptd-pack 1", b"adaptd-pack 2", 1), "a.pack")
    with pytest.raises(ConfigError, match="another key"):
        parse_pack(sealed, "a.pack", Owner(tmp_path).public)


def test_a_name_that_leaves_the_folder_is_refused(owner: Owner) -> None:
    """A signed pack cannot write outside its folder either."""
    files = {"policy.yaml": b"", "profile.yaml": b"", "bundle/manifest.json": b"", "bundle/../../x": b"x"}
    with pytest.raises(ConfigError, match="which no pack holds"):
        parse_pack(form.seal({}, files, owner.private.read_bytes()), "a.pack")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (replace(PLACE, board="orin-nx-16gb"), "board: the pack was measured on generic-x86, this is orin-nx-16gb"),
        (replace(PLACE, mode="2"), "mode: the pack was measured in power mode none, this is 2"),
        (replace(PLACE, runtimes=(("onnxruntime", "2.0"),)), "runtime: the pack was measured with onnxruntime 1.0, here is 2.0"),
    ],
)
def test_another_machine_is_refused(data: bytes, tmp_path: Path, place: Place, said: str) -> None:
    """Board, mode or runtime of its own: nothing is written, and the line says what differs and what helps."""
    with pytest.raises(ConfigError) as caught:
        install(parse_pack(data, "a.pack"), tmp_path / "to", place)
    assert said in str(caught.value)
    assert "--qualified" in str(caught.value)
    assert not (tmp_path / "to").exists()


def test_qualified_anew_here_it_installs(data: bytes, tmp_path: Path) -> None:
    """The same engines with a qualification of this machine go in; the pack's own measurement does not count as one."""
    pack, other = parse_pack(data, "a.pack"), replace(PLACE, board="orin-nx-16gb")
    with pytest.raises(ConfigError, match="was not qualified anew here"):
        install(pack, tmp_path / "to", other, BUNDLE)
    mine = Path(shutil.copytree(BUNDLE, tmp_path / "mine"))
    plain = json.loads((mine / "manifest.json").read_text())
    for backends in plain["variants"].values():
        for entry in backends.values():
            if entry["qualification"]:
                entry["qualification"]["device"] = "this one"
    (mine / "manifest.json").write_bytes(seal_manifest(plain))
    notes = install(pack, tmp_path / "to", other, mine)
    assert len(notes) == 1
    assert notes[0].startswith("board: the pack was measured on generic-x86, this is orin-nx-16gb: the bundle that was qualified")
    assert b"this one" in (tmp_path / "to" / "bundle" / "manifest.json").read_bytes()


def test_where_it_was_measured_it_installs(data: bytes, tmp_path: Path) -> None:
    """The same place takes it as it is, once; a folder that is there stays as it is."""
    install(parse_pack(data, "a.pack"), tmp_path / "to", PLACE)
    assert (tmp_path / "to" / "policy.yaml").read_bytes() == POLICY.read_bytes()
    with pytest.raises(ConfigError, match="is there already"):
        install(parse_pack(data, "a.pack"), tmp_path / "to", PLACE)


def test_the_power_mode_is_read_where_nvpmodel_keeps_it(tmp_path: Path) -> None:
    """`pmode:0002` is mode 2; a machine without the file has none."""
    assert here(tmp_path).mode == "none"
    (tmp_path / "var/lib/nvpmodel").mkdir(parents=True)
    (tmp_path / "var/lib/nvpmodel/status").write_text("pmode:0002 fmode:fanNull")
    assert here(tmp_path).mode == "2"
    assert differences({"board": here(tmp_path).board, "mode": "2", "runtime": {}}, here(tmp_path)) == []


def test_make_verify_install_and_index_on_the_command_line(
    owner: Owner, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The four verbs in a row on one machine; the index lists the pack and tells a damaged one beside it."""
    pack = tmp_path / "feeder.pack"
    words = ["--policy", str(POLICY), "--bundle", str(BUNDLE), "--profile", "generic-x86", "--key", str(owner.private)]
    assert main(["pack", "make", *words, "--audit", str(log), "-o", str(pack)]) == 0
    assert main(["pack", "verify", str(pack), "--key", str(owner.public)]) == 0
    said = capsys.readouterr().out
    assert "inferences a joule of board energy, idle included" in said
    assert main(["pack", "install", str(pack), "--to", str(tmp_path / "to"), "--key", str(owner.public)]) == 0
    (tmp_path / "bad.pack").write_bytes(pack.read_bytes()[:-1])
    assert main(["pack", "index", str(tmp_path)]) == 1
    listed = json.loads((tmp_path / index.FILE).read_text())["packs"]
    assert [one["file"] for one in listed] == ["feeder.pack"]
    assert listed[0]["inferences_per_kj"] > 0
    assert read_pack(pack).manifest["name"] == "feeder"
