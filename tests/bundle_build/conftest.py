"""One small bundle, built and qualified once, and the policy and profile it is measured against."""

from pathlib import Path

import pytest

from adaptd.bundle_build.data.pictures import PRESETS
from adaptd.bundle_build.model.make import Built, Order, build
from adaptd.bundle_build.qualify.findings import MeasurePlan
from adaptd.bundle_build.qualify.qualify import Qualified, qualify
from adaptd.config.policy import Policy, load_policy
from adaptd.config.profile import HardwareProfile, load_profile
from tests.bundle_build.nets import classifier, save
from tests.bundle_build.pictures import fill
from tests.conftest import ROOT


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The shipped feeder policy: bands night, dim and bright, 0.5 points at 99 %."""
    return load_policy(ROOT / "policies" / "feeder.yaml")


@pytest.fixture(scope="session")
def profile() -> HardwareProfile:
    """A machine of which nothing is known."""
    return load_profile(ROOT / "hw_profiles" / "generic-x86.yaml")


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small classifier as a user would bring it."""
    path: Path = save(classifier(), tmp_path_factory.mktemp("model") / "tiny.onnx")
    return path


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calibration pictures of three classes in three bands."""
    return fill(tmp_path_factory.mktemp("calibration"))


@pytest.fixture(scope="session")
def order(model_file: Path, pictures: Path, policy: Policy) -> Order:
    """The usual build of the small classifier."""
    return Order(model_file, pictures, policy.bands, PRESETS["unit"], method="minmax")


@pytest.fixture(scope="session")
def made(order: Order, tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Path]:
    """The built bundle and its folder; tests that change it copy it first."""
    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    return build(order, folder), folder


@pytest.fixture(scope="session")
def qualified(
    made: tuple[Built, Path], policy: Policy, profile: HardwareProfile, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Qualified, Path]:
    """The same bundle after qualification on other pictures."""
    data = fill(tmp_path_factory.mktemp("data"), each=4, seed=1)
    return qualify(
        MeasurePlan(made[1], (data,), policy, profile, saturated_s=0.1, root=tmp_path_factory.mktemp("no-meters"))
    ), made[1]
