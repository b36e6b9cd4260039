"""A worker process whose engine fails on purpose: ``python -m tests.worker.faulty --fault nan --after 20 --fd N``.

Everything is the shipped worker but the engines, which are stubs of about 2 ms; the efficient one fails from the given frame on.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable

from adaptd.engine.base import WARM_UP_RUNS, Engine, EngineSpec
from adaptd.engine.bundle import Bundle
from adaptd.engine.pool import WarmPool
from adaptd.engine.stub import Misbehaviour, StubEngine
from adaptd.protocol.messages import Begin
from adaptd.worker.__main__ import main
from adaptd.worker.assembly import LATENCY_RUNS
from adaptd.worker.move_over import PoolMaker

BEFORE_SERVICE = WARM_UP_RUNS + 1 + LATENCY_RUNS
NORMAL_S, SLOW_S = 0.002, 0.030
KINDS = {"nan": Misbehaviour.NAN, "shape": Misbehaviour.WRONG_SHAPE, "hang": Misbehaviour.HANG, "die": Misbehaviour.DIE}


def pausing(fault: str, after: int) -> Callable[[], None]:
    """What happens before each inference of the faulty engine: a fake latency, longer or fatal from the ``after``-th on."""
    count = 0

    def pause() -> None:
        nonlocal count
        count += 1
        late = count > after
        if late and fault == "segv":
            os.kill(os.getpid(), signal.SIGSEGV)
        if late and fault == "bug":
            raise RuntimeError("a defect\nof ours")
        time.sleep(SLOW_S if late and fault == "slow" else NORMAL_S)

    return pause


def pool_maker(fault: str, variant: str, after: int) -> PoolMaker:
    """A pool of stubs, one of which fails on its ``after``-th frame in service."""

    def make(begin: Begin, bundle: Bundle, spinning: bool) -> WarmPool:
        def engine(name: str) -> Engine:
            guilty = name == variant
            spec = EngineSpec(name, "fp32", bundle.manifest.input_shape, bundle.manifest.output_shape)
            stub = StubEngine(spec, pause=pausing(fault if guilty else "", BEFORE_SERVICE + after))
            if guilty and fault in KINDS:
                stub.misbehave(KINDS[fault], BEFORE_SERVICE + after)
            return stub

        return WarmPool(engine, [name for name in begin.variants if name not in begin.quarantined], begin.variants[0])

    return make


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", default="")
    parser.add_argument("--variant", default="int8")
    parser.add_argument("--after", type=int, default=20)
    wanted, rest = parser.parse_known_args(sys.argv[1:])
    raise SystemExit(main(rest, pool_maker(wanted.fault, wanted.variant, wanted.after)))
