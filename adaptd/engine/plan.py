"""A TensorRT plan runs only where it was built: its name and the manifest say where, and elsewhere it is refused."""

import re
from dataclasses import dataclass
from pathlib import Path

from adaptd.config.manifest import PlanFact
from adaptd.engine.errors import PlanError


@dataclass(frozen=True, slots=True)
class Device:
    """What a plan is bound to: GPU name, compute capability (``8.7``) and TensorRT's full version."""

    gpu: str
    compute_capability: str
    tensorrt: str

    def slug(self) -> str:
        """The device as a part of a file name."""
        gpu = re.sub(r"[^a-z0-9]+", "-", self.gpu.lower()).strip("-")
        return f"{gpu}.sm{self.compute_capability.replace('.', '')}.trt{self.tensorrt}"


def plan_name(model: str, variant: str, device: Device) -> str:
    """The file name of a plan, for example ``pet-bowl.int8.nvidia-h200.sm90.trt8.6.0.plan``."""
    return f"{model}.{variant}.{device.slug()}.plan"


def timing_cache_name(device: Device) -> str:
    """The file name of the builder's timing cache, beside the plans of this device."""
    return f"{device.slug()}.timing"


def rebuild_command(folder: Path) -> str:
    """What a person types to build a bundle's plans anew on this device."""
    return f"adaptd engine build {folder} --backend tensorrt"


def refuse_foreign(name: str, plan: PlanFact | None, device: Device, command: str) -> None:
    """Raises PlanError, with the command that rebuilds, when there is no plan or it was built for another device."""
    if plan is None:
        raise PlanError(f"engine {name}: no TensorRT plan was built for this device; run: {command}")
    for what, built, here in (
        ("GPU", plan.gpu, device.gpu),
        ("compute capability", plan.compute_capability, device.compute_capability),
        ("TensorRT", plan.tensorrt, device.tensorrt),
    ):
        if built != here:
            raise PlanError(f"engine {name}: the plan was built for {what} {built}, here is {here}; run: {command}")
