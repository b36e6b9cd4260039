"""The fakes keep the rules that the real things have, so that what passes on them has been checked for something."""

import pytest

from tests.gpu import fake_trt
from tests.gpu.fake_cuda import FakeGpu
from tests.gpu.gpu_contract import GpuContract, Holder


def test_the_fake_gpu_counts_what_is_not_given_back() -> None:
    """A forgotten stream or block shows in ``leaks``."""
    gpu = FakeGpu()
    holder = Holder(gpu)
    assert gpu.leaks() == {"memory": 1, "streams": 1, "pinned": 2, "users": 1}
    holder.deactivate()
    assert gpu.leaks() == {}


class TestFakeGpuContract(GpuContract):
    """The contract that the real GPU keeps too."""

    @pytest.fixture
    def gpu(self) -> FakeGpu:
        """A fresh fake, which holds nothing at the end."""
        return FakeGpu()


@pytest.mark.parametrize(
    ("version", "strong", "flags"), [("8.6.1", False, True), ("10.3.0", True, True), ("11.4.0", True, False)]
)
def test_the_fake_has_the_building_ways_of_its_version(version: str, strong: bool, flags: bool) -> None:
    """8.6 knows flags only, 10.x both, 11.x strong typing only."""
    trt = fake_trt.make(version, FakeGpu())
    assert hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED") == strong
    assert hasattr(trt.BuilderFlag, "FP16") == flags
