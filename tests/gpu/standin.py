"""A real GPU for the fake TensorRT: everything of CUDA is real, only the network is one small kernel of a chosen duration.

It lets context, streams, page-locked memory, graphs, swaps and the pool run on any NVIDIA GPU, with or without TensorRT. The
kernel is PTX text, which the driver compiles, so neither nvcc nor a compiler library is needed.
"""

from typing import Any

import numpy as np

from adaptd.config.manifest import PlanFact
from adaptd.engine.base import EngineSpec
from adaptd.engine.cuda import PycudaGpu, Stream
from adaptd.engine.trt import TrtEngine
from tests.gpu import fake_trt

THREADS = 64
VERSION = "10.3.0"
PTX = """
.version 6.4
.target sm_70
.address_size 64
.visible .entry read_out(
    .param .u64 p_source, .param .u64 p_target, .param .u32 p_inputs, .param .u32 p_outputs,
    .param .f32 p_shift, .param .u64 p_spin_ns
)
{
    .reg .pred %p<4>;
    .reg .f32 %f<4>;
    .reg .b32 %r<10>;
    .reg .b64 %rd<6>;
    mov.u64 %rd0, %globaltimer;
    ld.param.u64 %rd1, [p_source];
    cvta.to.global.u64 %rd1, %rd1;
    ld.param.u64 %rd2, [p_target];
    cvta.to.global.u64 %rd2, %rd2;
    ld.param.u32 %r1, [p_inputs];
    ld.param.u32 %r2, [p_outputs];
    ld.param.f32 %f1, [p_shift];
    mov.u32 %r3, %ctaid.x;
    mov.u32 %r4, %ntid.x;
    mov.u32 %r5, %tid.x;
    mad.lo.u32 %r6, %r3, %r4, %r5;
    setp.ge.u32 %p1, %r6, %r2;
    @%p1 bra WAIT;
    mul.lo.u32 %r7, %r6, 31;
    mov.u32 %r8, 0;
SUM:
    setp.ge.u32 %p2, %r8, %r1;
    @%p2 bra STORE;
    rem.u32 %r9, %r7, 13;
    sub.s32 %r9, %r9, 6;
    cvt.rn.f32.s32 %f2, %r9;
    ld.global.f32 %f3, [%rd1];
    fma.rn.f32 %f1, %f3, %f2, %f1;
    add.u64 %rd1, %rd1, 4;
    add.u32 %r7, %r7, 17;
    add.u32 %r8, %r8, 1;
    bra SUM;
STORE:
    mul.wide.u32 %rd3, %r6, 4;
    add.u64 %rd2, %rd2, %rd3;
    st.global.f32 [%rd2], %f1;
WAIT:
    mov.u64 %rd4, %globaltimer;
    sub.u64 %rd4, %rd4, %rd0;
    ld.param.u64 %rd5, [p_spin_ns];
    setp.lt.u64 %p3, %rd4, %rd5;
    @%p3 bra WAIT;
    ret;
}
"""


class StandInGpu(PycudaGpu):
    """A real GPU that can compute what the fake TensorRT asks for; every inference takes ``spin_us`` at least."""

    def __init__(self, ordinal: int = 0, *, spin_us: int = 0, most_inputs: int = 4096) -> None:
        super().__init__(ordinal)
        self.spin_us = spin_us
        self._most_inputs = most_inputs
        self._kernel: Any = None
        self._streams: dict[int, Any] = {}

    def stream(self) -> Stream:
        made: Any = super().stream()
        self._streams[made.handle] = made
        return made  # type: ignore[no-any-return]

    def read_out(self, handle: int, source: int, target: int, sizes: tuple[int, int], shift: float) -> None:
        """See ``fake_trt.Computer``; reads at most ``most_inputs`` of the input, so that its time is the chosen one."""
        if self._kernel is None:
            self._kernel = self._cuda.module_from_buffer(PTX.encode() + b"\0").get_function("read_out")
        self._kernel(
            np.uint64(source),
            np.uint64(target),
            np.uint32(min(sizes[0], self._most_inputs)),
            np.uint32(sizes[1]),
            np.float32(shift),
            np.uint64(self.spin_us * 1000),
            block=(THREADS, 1, 1),
            grid=(-(-sizes[1] // THREADS), 1),
            stream=self._streams[handle].held,
        )

    def holds(self, address: int, size: int) -> bool:
        return address > 0 and size > 0

    def _close(self) -> None:
        self._kernel = None
        self._streams.clear()
        super()._close()


def engine(
    gpu: StandInGpu, *, name: str = "fp16", cameras: int = 1, graphs: bool = True, side: int = 8, shift: float = 0.0
) -> TrtEngine:
    """The TensorRT backend over this GPU: input 1 x 3 x side x side, five outputs moved by ``shift``."""
    with_context = _Opened(gpu)
    fact = PlanFact(
        gpu=with_context.gpu,
        compute_capability=with_context.capability,
        tensorrt=VERSION,
        built_with="stand-in",
        source="stand-in.onnx",
    )
    plan = fake_trt.plan_bytes(input=[1, 3, side, side], shift=shift, activation=1 << 20)
    spec = EngineSpec(name, "fp16", (1, 3, side, side), (1, 5), cameras)
    return TrtEngine(spec, plan, fact, gpu, command="-", graphs=graphs, api=fake_trt.make(VERSION, gpu))


class _Opened:
    """Opens a GPU for a moment to read what it is."""

    def __init__(self, gpu: StandInGpu) -> None:
        gpu.acquire(self)
        self.gpu, self.capability = gpu.name, gpu.compute_capability
        gpu.release(self)

    def deactivate(self) -> None:
        """Nothing is held."""
