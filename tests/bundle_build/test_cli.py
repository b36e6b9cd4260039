"""`adaptd engine` as a person types it: one line an error, exit codes, and a model the repository has never seen."""

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adaptd.bundle_build.model.make import Built
from adaptd.bundle_build.qualify.qualify import Qualified
from adaptd.cli.engine import register
from adaptd.cli.errors import CommandError
from adaptd.config.manifest import load_manifest
from adaptd.engine.backends import EngineOptions, open_pool
from adaptd.engine.base import probe_batch
from adaptd.engine.bundle import Bundle
from tests.bundle_build.nets import mobile, save
from tests.bundle_build.pictures import fill

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `adaptd engine ...`; gives exit code, stdout and stderr."""
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())

    def call(*words: object) -> tuple[int, str, str]:
        arguments = parser.parse_args(["engine", *map(str, words)])
        try:
            code = arguments.handler(arguments)
        except CommandError as error:
            return error.code, capsys.readouterr().out, str(error)
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return call


def test_a_model_never_seen_goes_to_a_qualified_bundle_in_two_commands(run: Run, tmp_path: Path) -> None:
    """A torchvision-style classifier, 224 x 224, batch norms and dynamic batch inside: build, qualify, and it serves."""
    model = save(mobile(classes=3), tmp_path / "MobileThing.onnx")
    data = fill(tmp_path / "pictures", each=14, size=96)
    out = tmp_path / "engines" / "mobile"
    code, text, errors = run("build", model, "--calibration", data, "-o", out, "--method", "percentile")
    assert code == 0
    assert f"{out}: built; next: adaptd engine qualify {out} --data DIR" in text
    assert "input made static: 1x3x224x224" in text
    code, text, errors = run("qualify", out, "--data", data, "--html", tmp_path / "report.html")
    assert code == 0
    assert "63 pictures were used to calibrate and are left out" in errors
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    bundle = Bundle.open(out)
    assert bundle.manifest.preprocessing.fit == "centre_crop"
    assert bundle.manifest.classes == ("a", "b", "c")
    assert bundle.entry("int8", "ort").precision_computed.startswith("int8")
    with open_pool(bundle, "ort", options=EngineOptions(threads=1)) as pool:
        pool.swap("int8")
        assert pool.infer(probe_batch(bundle.manifest.input_shape)).shape == (1, 3)


def test_building_says_what_it_did_and_warned(run: Run, model_file: Path, tmp_path: Path) -> None:
    """Preprocessing by hand, kept layers and few pictures: files with their error on stdout, warnings on stderr."""
    data = fill(tmp_path / "p", each=2, bands=("dim",)) / "dim"
    words = ("--preset", "raw", "--mean", "1,2,3", "--std", "4,5,6", "--divisor", 2, "--colour", "rgb", "--fit", "letterbox")
    rest = ("--keep-fp16", "first", "--band", "dim", "--name", "my-model", "--pictures", 100)
    code, text, errors = run(
        "build", model_file, "--calibration", data, "-o", tmp_path / "b", "--method", "minmax", *words, *rest
    )
    assert code == 0
    assert "my-model.int8.trt.onnx" in text
    assert "calibrated by minmax on 3 pictures, in FP16 stay stem" in text
    assert "warning: only 6 pictures to calibrate with" in errors
    made = load_manifest(tmp_path / "b").preprocessing
    assert (made.divisor, made.mean_ppm, made.std_ppm) == (
        2,
        (1_000_000, 2_000_000, 3_000_000),
        (4_000_000, 5_000_000, 6_000_000),
    )
    assert (made.colour_order, made.fit) == ("rgb", "letterbox")


def test_wrong_usage_is_told_in_one_line(run: Run, model_file: Path, pictures: Path, tmp_path: Path) -> None:
    """Missing folders are usage errors (2), a model or data that is bad is 1, each with its remedy."""
    out = ("-o", tmp_path / "b")
    for words, code, said in (
        (("build", model_file), 2, "needs --calibration DIR and -o BUNDLE"),
        (("build", model_file, "--calibration", pictures, *out, "--pictures", 0), 2, "--pictures 0"),
        (("build", model_file, "--calibration", pictures, *out, "--band", "dusk"), 2, "the policy has night, dim, bright"),
        (("build", tmp_path / "no.onnx", "--calibration", pictures, *out), 1, "no.onnx: no such file"),
        (("build", model_file, "--calibration", tmp_path / "no", *out), 1, "no: is no folder"),
        (("build", model_file, "--calibration", pictures, *out, "--keep-fp16", "nope"), 1, "--keep-fp16 nope"),
        (("build", tmp_path, "--backend", "tensorrt"), 1, "manifest.json"),
        (("qualify", tmp_path, "--data", pictures), 1, "manifest.json"),
        (("qualify", tmp_path, "--data", pictures, "--profile", "toaster"), 2, "toaster: no such profile"),
        (("list", tmp_path), 1, "holds no bundles"),
        (("verify", tmp_path), 1, "manifest.json"),
    ):
        found, _, error = run(*words)
        assert (found, said in error, "\n" in error) == (code, True, False), (words, error)
    for words in (("build", "m", "--size", "224"), ("build", "m", "--mean", "1,2"), ("build", "m", "--std", "a,b,c")):
        with pytest.raises(SystemExit) as caught:
            run(*words)
        assert caught.value.code == 2


def test_list_verify_and_report_show_what_there_is(run: Run, qualified: tuple[Qualified, Path], tmp_path: Path) -> None:
    """A qualified bundle is listed with its variants, verifies, and shows its report again without measuring."""
    folder = qualified[1]
    code, text, _ = run("list", folder.parent)
    assert code == 0
    assert text.startswith("tiny")
    assert "classification of 3 classes, 3x32x32; fp16: ort, tensorrt (not qualified); int8: ort" in text
    said = run("verify", folder)[1].splitlines()
    assert said[0].endswith("not signed")
    assert said[1] == "  tiny.int8.ort.onnx: no pair of 8-bit weights can saturate: the same integers on every processor"
    assert "nowhere from the first frame" in run("report", folder, "--html", tmp_path / "r.html")[1]
    assert (tmp_path / "r.html").is_file()
    assert "cannot be written" in run("report", folder, "--html", tmp_path / "no" / "r.html")[2]
    assert run("report", folder, "--backend", "tensorrt")[2].startswith(f"{folder}: is not qualified for tensorrt")


def test_qualification_as_json_is_the_record(run: Run, made: tuple[Built, Path], tmp_path: Path) -> None:
    """stdout holds one JSON object and nothing else."""
    folder = shutil.copytree(made[1], tmp_path / "tiny")
    code, text, _ = run("qualify", folder, "--data", fill(tmp_path / "d", each=1, seed=2), "--json", "--energy-window", 1)
    assert code == 0
    assert json.loads(text)["model"] == "tiny"


def test_a_spoilt_bundle_does_not_verify(run: Run, made: tuple[Built, Path], tmp_path: Path) -> None:
    """A byte more, a byte less and a foreign link are each named."""
    for spoil, said in (
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "tiny.fp16.onnx"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "tiny.fp16.onnx"),
        (lambda path: (path.rename(path.with_name("o")), path.symlink_to("o")), "symbolic link"),
    ):
        folder = Path(shutil.copytree(made[1], tmp_path / said / str(spoil.__code__.co_firstlineno) / "tiny"))
        spoil(folder / "tiny.fp16.onnx")
        code, _, error = run("verify", folder)
        assert (code, said in error) == (1, True), error


def test_a_signed_bundle_verifies_with_the_owners_key_only(run: Run, made: tuple[Built, Path], tmp_path: Path) -> None:
    """Sign with a private key, verify with its public half; another key, no signature and no key file are refused."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    folder = shutil.copytree(made[1], tmp_path / "tiny")
    for name in ("owner", "stranger"):
        key = Ed25519PrivateKey.generate()
        (tmp_path / f"{name}.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (tmp_path / f"{name}.pub").write_bytes(public)
    assert "is not signed" in run("verify", folder, "--key", tmp_path / "owner.pub")[2]
    assert run("sign", folder, "--key", tmp_path / "owner.pem")[1] == f"{folder}: signed\n"
    assert "signature good" in run("verify", folder, "--key", tmp_path / "owner.pub")[1]
    assert "not checked" in run("verify", folder)[1]
    assert "is not of this key" in run("verify", folder, "--key", tmp_path / "stranger.pub")[2]
    assert "cannot be read" in run("sign", folder, "--key", tmp_path / "lost.pem")[2]
    assert run("sign", folder, "--key", tmp_path / "owner.pub")[0] == 1
