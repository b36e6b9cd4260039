"""Every sensor fault in real time: noticed within two seconds, no tick later than twice its period, never a bolder reading.

python -m tests.faults.sensors

The same rehearsals as tests/sense/test_faults.py, ten ticks a second on the real clock with the daemon's own patience of 25 ms a
tick. At the end the negative control: with a patience of seconds a hung file must hold the ticks up.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from adaptd.sense.deadline import GRACE_S
from tests.sense.conftest import tree
from tests.sense.fakes import FaultySysfs
from tests.sense.rig import ONSET_S, Rig
from tests.sense.test_faults import KINDS, LIMIT_S, QUANTITIES

HZ = 10
AFTER_S, DRIFT_S = 3.0, 30.0
LATEST_PERIODS = 2.0


@dataclass(frozen=True)
class Seen:
    """One rehearsal: seconds until the fault was noticed, the longest time between two ticks in periods, and who was too bold."""

    quantity: str
    kind: str
    noticed_s: float | None
    longest_periods: float
    bold: str

    @property
    def good(self) -> bool:
        in_time = self.noticed_s is not None and (self.kind == "drift" or self.noticed_s <= LIMIT_S)
        return in_time and self.longest_periods < LATEST_PERIODS and not self.bold


def rehearse(quantity: str, kind: str, grace_s: float = GRACE_S) -> Seen:
    """One fault on one sensor, tick by tick on the real clock."""
    sysfs = FaultySysfs(tree("orin-nx-16gb"))
    rig = Rig(sysfs, quantity, kind, HZ, grace_s)
    due_s = done_s = time.monotonic()
    longest_s, bold = 0.0, ""
    try:
        for _ in range(round((ONSET_S + (DRIFT_S if kind == "drift" else AFTER_S)) * HZ)):
            due_s += 1 / HZ
            time.sleep(max(0.0, due_s - time.monotonic()))
            rig.run(1 / HZ)
            before_s, done_s = done_s, time.monotonic()
            longest_s = max(longest_s, done_s - before_s)
    except AssertionError as error:
        bold = str(error)
    finally:
        sysfs.release()
        rig.station.close()
    return Seen(quantity, kind, rig.detected_s, longest_s * HZ, bold)


def main(argv: list[str] | None = None) -> int:
    """All 42 rehearsals, three quantities side by side, and the control."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", action="append", choices=(*KINDS, "drift"))
    wanted = parser.parse_args(argv).kind or (*KINDS, "drift")
    pairs = [(quantity, kind) for kind in wanted for quantity in QUANTITIES]
    with ProcessPoolExecutor(len(QUANTITIES)) as pool:
        seen = list(pool.map(rehearse, *zip(*pairs, strict=True)))
    for one in seen:
        noticed = "never noticed" if one.noticed_s is None else f"noticed after {one.noticed_s:4.1f} s"
        print(f"{one.quantity:12} {one.kind:10} {noticed}, longest tick {one.longest_periods:.2f} periods {one.bold}")
    sharp = max((one.noticed_s for one in seen if one.kind != "drift" and one.noticed_s is not None), default=0.0)
    longest = max(one.longest_periods for one in seen)
    bad, bolder = [one for one in seen if not one.good], sum(bool(one.bold) for one in seen)
    print(f"{len(seen)} rehearsals, {len(bad)} failed, {bolder} bolder; noticed within {sharp:.1f} s")
    print(f"longest time between two ticks {longest:.2f} periods")
    control = rehearse("power", "hang", grace_s=5.0)
    print(
        f"control: with patience for a hung file the longest tick is {control.longest_periods:.0f} periods, and that is refused"
    )
    return 1 if bad or control.good else 0


if __name__ == "__main__":
    sys.exit(main())
