"""The bundle: what is hashed is what is loaded, and every trick with files is refused in one line."""

import json
import os
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from adaptd.config.manifest import seal
from adaptd.config.sealing import canonical, digest_of
from adaptd.engine.backends import EngineOptions, open_pool
from adaptd.engine.base import probe_batch
from adaptd.engine.bundle import Bundle
from adaptd.engine.errors import BackendMissing, BundleError, EngineError
from tests.engine.models import INPUT, classifier, division_by_first_pixel, plain_manifest, qualification, write_bundle


def refusal(folder: Path) -> str:
    """The one line with which opening a bundle is refused."""
    with pytest.raises(BundleError) as caught:
        Bundle.open(folder)
    line = str(caught.value)
    assert "\n" not in line
    assert str(folder) in line
    return line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good bundle."""
    return write_bundle(tmp_path / "tiny")


def test_a_good_bundle_serves_on_onnx_runtime(folder: Path) -> None:
    """From the folder to an answer: open, pool, infer, swap."""
    bundle = Bundle.open(folder)
    assert bundle.variants("ort") == ("fp16", "int8")
    with open_pool(bundle, "ort", options=EngineOptions(threads=1)) as pool:
        first = pool.infer(probe_batch(INPUT))
        pool.swap("int8")
        assert pool.infer(probe_batch(INPUT)).tobytes() != first.tobytes()
        assert pool.engine("fp16").precision == "fp32"


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_flipped_bit_is_refused(folder: Path, place: int) -> None:
    """One bit anywhere in a model file makes the bundle unusable, and the line names the file."""
    path = folder / "tiny.int8.onnx"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert "tiny.int8.onnx: sha256 does not match" in refusal(folder)


@pytest.mark.parametrize("spoil", ["flip", "cut", "gone", "link"])
def test_a_damaged_variant_is_set_aside_where_the_reference_does_without_it(tmp_path: Path, spoil: str) -> None:
    """The worker asks for this: the reference is loaded, and whoever asks for the damaged variant hears what is wrong with it."""
    folder = write_bundle(tmp_path / "b")
    victim, data = folder / "tiny.int8.onnx", (folder / "tiny.int8.onnx").read_bytes()
    victim.unlink()
    if spoil == "link":
        (tmp_path / "same").write_bytes(data)
        victim.symlink_to(tmp_path / "same")
    elif spoil != "gone":
        victim.write_bytes(data[:-1] if spoil == "cut" else bytes([data[0] ^ 1]) + data[1:])
    bundle = Bundle.open(folder, backend="ort", isolate=True)
    assert bundle.model_bytes("fp16", "ort")
    with pytest.raises(BundleError, match=r"tiny\.int8\.onnx") as caught:
        bundle.model_bytes("int8", "ort")
    assert "\n" not in str(caught.value)


def test_a_damaged_reference_is_never_set_aside(tmp_path: Path) -> None:
    """Without the reference there is nothing to fall back to: the bundle is refused."""
    folder = write_bundle(tmp_path / "b")
    (folder / "tiny.fp16.onnx").write_bytes(b"no model")
    with pytest.raises(BundleError, match=r"tiny\.fp16\.onnx"):
        Bundle.open(folder, backend="ort", isolate=True)


def test_a_truncated_file_is_refused(folder: Path) -> None:
    """A file cut short is named with both sizes."""
    path = folder / "tiny.fp16.onnx"
    size = path.stat().st_size
    os.truncate(path, size - 7)
    assert f"is {size - 7} bytes, not {size}" in refusal(folder)


def test_a_file_that_grew_is_refused(folder: Path) -> None:
    """Appended bytes are refused before they are read."""
    with (folder / "tiny.fp16.onnx").open("ab") as file:
        file.write(b"more")
    assert "at most" in refusal(folder)


def test_a_missing_file_is_refused(folder: Path) -> None:
    """A file that the manifest names and the folder lacks."""
    (folder / "tiny.int8.onnx").unlink()
    assert "No such file" in refusal(folder)


def test_a_symbolic_link_is_refused_even_to_the_right_bytes(folder: Path, tmp_path: Path) -> None:
    """A link can be turned elsewhere after the check, so it is refused whatever it points to."""
    path = folder / "tiny.int8.onnx"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in refusal(folder)


def test_a_manifest_behind_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    """The manifest itself must lie in the bundle."""
    path = folder / "manifest.json"
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    assert "symbolic link" in refusal(folder)


def test_a_hard_link_is_refused(folder: Path, tmp_path: Path) -> None:
    """A second name outside the bundle is a second door to the file."""
    os.link(folder / "tiny.int8.onnx", tmp_path / "second")
    assert "hard links" in refusal(folder)


def test_a_pipe_instead_of_a_file_is_refused_without_waiting(folder: Path) -> None:
    """A named pipe would block a careless reader for ever."""
    path = folder / "tiny.int8.onnx"
    path.unlink()
    os.mkfifo(path)
    assert "not a regular file" in refusal(folder)


def test_a_folder_instead_of_a_file_is_refused(folder: Path) -> None:
    """A directory of the right name is no model."""
    path = folder / "tiny.int8.onnx"
    path.unlink()
    path.mkdir()
    refusal(folder)


@pytest.mark.parametrize("name", ["../outside.onnx", "/etc/hostname", "sub/model.onnx", "..", ".hidden", "a\x00b", "", "a" * 200])
def test_a_path_instead_of_a_name_is_refused(folder: Path, name: str) -> None:
    """A manifest that names anything but a plain file of its own folder is refused although its digest is right."""
    variants = {"fp16": {"ort": {"file": name, "precision_computed": "fp32"}}}
    plain = plain_manifest({name: b"x"}, variants)
    plain["digest"], plain["signature"] = digest_of(plain), None
    (folder / "manifest.json").write_bytes(canonical(plain) + b"\n")
    assert "file" in refusal(folder)


def test_a_file_swapped_after_the_check_is_not_what_is_loaded(folder: Path) -> None:
    """The engine is made of the bytes that were hashed: a file replaced in between changes nothing."""
    bundle = Bundle.open(folder)
    with open_pool(bundle, "ort") as pool:
        wanted = pool.infer(probe_batch(INPUT)).tobytes()
    (folder / "tiny.fp16.onnx").write_bytes(classifier(seed=9))
    with open_pool(bundle, "ort") as pool:
        assert pool.infer(probe_batch(INPUT)).tobytes() == wanted


def test_a_bundle_exchanged_after_the_check_is_refused(folder: Path) -> None:
    """A whole other bundle, good in itself, is not the one whose digest was checked before."""
    checked = Bundle.open(folder).manifest.digest
    assert Bundle.open(folder, digest=checked).manifest.digest == checked
    plain = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_bytes(seal(plain | {"classes": ["e", "d", "c", "b", "a"]}))
    with pytest.raises(BundleError, match="not the bundle that was checked"):
        Bundle.open(folder, digest=checked)


def test_nothing_is_loaded_before_everything_matches(folder: Path) -> None:
    """A bad file of one backend refuses the whole bundle, also for those who only want the other's."""
    (folder / "tiny.int8.onnx").write_bytes(b"bad")
    with pytest.raises(BundleError):
        Bundle.open(folder, backend="stub")


def test_only_the_wanted_backends_bytes_stay_in_memory(folder: Path) -> None:
    """A device that serves one backend does not hold the other's files; asking for them is one line."""
    bundle = Bundle.open(folder, backend="tensorrt")
    assert bundle.kept == {}
    with pytest.raises(BundleError, match="open the bundle for ort"):
        bundle.model_bytes("fp16", "ort")


def test_what_a_bundle_lacks_is_named_with_the_remedy(folder: Path) -> None:
    """An unknown variant lists the known ones; a backend that was not built names the command that builds it."""
    bundle = Bundle.open(folder)
    with pytest.raises(BundleError, match="it has fp16, int8"):
        bundle.model_bytes("int4", "ort")
    with pytest.raises(BundleError, match=r"adaptd engine build .*tiny --backend tensorrt"):
        bundle.model_bytes("fp16", "tensorrt")
    with pytest.raises(EngineError, match="no backend cuda"):
        open_pool(bundle, "cuda", ("fp16",))


def test_a_signed_bundle_opens_with_its_key_and_with_no_other(tmp_path: Path) -> None:
    """The owner's key opens it, another key does not, and a policy that demands a signature refuses a bundle without one."""
    folder = write_bundle(tmp_path / "signed")
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    paths = {}
    for name, one in (("own", key), ("other", other)):
        paths[name] = tmp_path / f"{name}.pem"
        paths[name].write_bytes(one.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(BundleError, match="is not signed"):
        Bundle.open(folder, public_key=paths["own"], require_signature=True)
    (folder / "manifest.json").write_bytes(seal(json.loads((folder / "manifest.json").read_bytes()), pem))
    Bundle.open(folder, public_key=paths["own"], require_signature=True)
    with pytest.raises(BundleError, match="is not of this key"):
        Bundle.open(folder, public_key=paths["other"])
    with pytest.raises(BundleError, match="without the owner's public key"):
        Bundle.open(folder, require_signature=True)


def test_a_model_whose_answers_turn_infinite_is_set_aside_and_the_reference_serves(tmp_path: Path) -> None:
    """A real model that divides by a pixel: infinite on a black frame, so that frame is answered by the reference."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    files = {"good.onnx": classifier(), "bad.onnx": division_by_first_pixel()}
    variants = {
        name: {"ort": {"file": file, "precision_computed": "fp32", "qualification": qualification()}}
        for name, file in (("fp16", "good.onnx"), ("int8", "bad.onnx"))
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "manifest.json").write_bytes(seal(plain_manifest(files, variants)))
    black = probe_batch(INPUT) * 0
    with open_pool(Bundle.open(folder), "ort", options=EngineOptions(threads=1)) as pool:
        wanted = pool.infer(black).tobytes()
        pool.swap("int8")
        pool.infer(probe_batch(INPUT))
        assert pool.served_by == "int8"
        assert pool.infer(black).tobytes() == wanted
        assert "NaN or infinite" in pool.faults["int8"]


def test_files_that_a_package_installer_links_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installers link files from their cache: inside the shipped folder several names are allowed, the hash still decides."""
    folder = write_bundle(tmp_path / "engines" / "tiny")
    os.link(folder / "tiny.int8.onnx", tmp_path / "cache")
    monkeypatch.setattr("adaptd.engine.bundle.engines_dir", lambda: tmp_path / "engines")
    assert Bundle.open(folder).variants("ort")


def test_a_machine_without_tensorrt_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle asked to serve on TensorRT where it is not installed: one line with the remedy, nothing stays open."""
    plain = json.loads((folder / "manifest.json").read_bytes())
    for backends in plain["variants"].values():
        backends["tensorrt"] = backends["ort"]
    (folder / "manifest.json").write_bytes(seal(plain))
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    pool = open_pool(Bundle.open(folder, backend="tensorrt"), "tensorrt")
    with pytest.raises(BackendMissing, match="python3-libnvinfer") as caught:
        pool.activate()
    assert "\n" not in str(caught.value)
    assert pool.warm == ()
