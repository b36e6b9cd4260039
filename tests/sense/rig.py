"""An Orin NX whose truth is known, one tick after the other, with one sensor that a test breaks.

At the onset of every fault the load rises from 8 to 14 W, the junction goes on warming, and the light may change: whoever trusts
a broken sensor from then on is too bold. ``Rig.run`` checks every tick; ``Rig.detected`` says when the fault was noticed.
"""

import errno
from dataclasses import replace

from adaptd.sense.camera_light import Calibration, PictureStats
from adaptd.sense.sensor_hub import SensorHub
from adaptd.vocabulary import Measured
from tests.sense.conftest import profile
from tests.sense.fakes import FaultySysfs, HandClock
from tests.sense.judged import JudgedHub, Tick, WorkerFacts

ONSET_S = 5.0
FILES = {
    "temperature": "sys/class/thermal/thermal_zone8/temp",
    "power": "sys/class/hwmon/hwmon4/curr1_input",
    "light": "sys/bus/iio/devices/iio:device0/in_illuminance_input",
}
NAMES = {"temperature": "thermal:tj-thermal", "power": "hwmon:VDD_IN", "light": "iio:veml6030"}
ZONES = ("tj-thermal", "cpu-thermal")
CPU_ZONE = "sys/class/thermal/thermal_zone0/temp"
VOLTS_MV = 5_112
TABLE = Calibration(((50_000, 1_000), (250_000, 100_000), (600_000, 10_000_000)))
MEANS = {4_000: 110_206, 400_000: 355_370}
# How far below the truth a reading may be: what the cross-checks bound, no more.
MARGIN = {"temperature": 5_000, "power": 7_200, "light": 0}


class Rig:
    """The machine, its station, and what is true at each tick."""

    def __init__(self, sysfs: FaultySysfs, quantity: str, kind: str, hz: int, grace_s: float | None = None) -> None:
        self.quantity, self.kind, self.hz = quantity, kind, hz
        self.sysfs = sysfs
        self.clock, self.reader_clock = HandClock(), HandClock()
        self.ticks, self.elapsed_s = 0, 0.0
        self.truths: list[int] = []
        self.detected_s: float | None = None
        self.noticed = ""
        self.good_at_onset = False
        names = ZONES if kind == "drift" else ("tj-thermal",)
        board = replace(
            profile("orin-nx-16gb"), temperature_zones=names, power_rails=("VDD_IN",), light_sources=("iio", "camera")
        )
        self._say_truth()
        if grace_s is None:
            grace_s = 0.5 if kind == "hang" else 20.0
        hub = SensorHub(board, sysfs.root, sysfs=sysfs, clock=self.reader_clock, camera=TABLE, grace_s=grace_s)
        self.station = JudgedHub(board, hub)

    def truth(self, quantity: str) -> int:
        """The machine as it is: mC, mW, mlx."""
        after_s = max(self.elapsed_s - ONSET_S, 0.0)
        if quantity == "temperature":
            return 60_000 + round(200 * self.elapsed_s + min(after_s, 1.0) * 1_500) + 31 * (self.ticks % 2)
        if quantity == "power":
            return (8_000 if self.elapsed_s < ONSET_S else 14_000) + 40 * (self.ticks % 2)
        return 4_000 if self.kind == "frozen" and self.elapsed_s >= ONSET_S else 400_000

    def run(self, seconds: float) -> None:
        """Tick on; every reading is held against the truth."""
        for _ in range(round(seconds * self.hz)):
            self.ticks += 1
            self.elapsed_s = self.ticks / self.hz
            self.clock.advance(1 / self.hz)
            self._advance_reader_clock()
            self._say_truth()
            if self.elapsed_s >= ONSET_S:
                self._break()
            self._judge(self.station.sample(self.clock.now_us, self._facts()))

    def _judge(self, sampled: Tick) -> None:
        reading = sampled.reading(self.quantity)
        quality, why = sampled.source(self.quantity, NAMES[self.quantity])
        if self.elapsed_s < ONSET_S:
            self.good_at_onset = isinstance(reading, Measured) and quality == "good"
        elif self.detected_s is None and quality != "good":
            self.detected_s = self.elapsed_s - ONSET_S
        if self.detected_s is not None and self.elapsed_s <= ONSET_S + self.detected_s + 2:
            self.noticed = why or self.noticed
        self.truths.append(self.truth(self.quantity))
        recent = self.truths[-(2 * self.hz + 1) :]
        if isinstance(reading, Measured):
            self._hold_against(reading.value, recent)

    def _hold_against(self, value: int, recent: list[int]) -> None:
        """A reading is bold when it is cooler, cheaper or brighter than anything that was true in the last two seconds."""
        if self.quantity == "light":
            assert value <= max(recent) * 16, f"{self.kind}: {value} mlx while it is {recent[-1]}"
        else:
            assert value >= min(recent) - MARGIN[self.quantity], f"{self.kind}: {value} while it is {recent[-1]}"

    def _facts(self) -> WorkerFacts:
        light = self.truth("light")
        picture = PictureStats(frame=self.ticks, at_us=self.clock.now_us, mean_ppm=MEANS[light])
        return WorkerFacts(delivered_mfps=15_000, expected_mw=self.truth("power") // 100 * 100, picture=picture)

    def _advance_reader_clock(self) -> None:
        if self.kind == "duplicate" and self.elapsed_s >= ONSET_S:
            return
        self.reader_clock.now_us = self.clock.now_us
        if self.kind == "backwards" and self.elapsed_s >= ONSET_S:
            self.reader_clock.now_us -= 3_600_000_000

    def _say_truth(self) -> None:
        for quantity, path in FILES.items():
            self.sysfs.say(path, self._text(quantity, self.truth(quantity)))
        self.sysfs.say(CPU_ZONE, f"{self.truth('temperature') - 150}\n")
        self.sysfs.say("sys/class/hwmon/hwmon4/in1_input", f"{VOLTS_MV}\n")

    @staticmethod
    def _text(quantity: str, value: int) -> str:
        """What the sensor's file says for a value in the quantity's unit."""
        if quantity == "power":
            return f"{-(-value * 1000 // VOLTS_MV)}\n"
        return f"{value / 1000:.6f}\n" if quantity == "light" else f"{value}\n"

    def _break(self) -> None:
        """Put the fault into the sensor's file."""
        path, value = FILES[self.quantity], self.truth(self.quantity)
        after_s = self.elapsed_s - ONSET_S
        numbers = {"eio": errno.EIO, "eagain": errno.EAGAIN, "enoent": errno.ENOENT}
        texts = {
            "empty": "",
            "garbage": "##??\n",
            "negative": self._text(self.quantity, -value),
            "zero": "0\n",
            "x1000": self._text(self.quantity, value * 1000),
            "frozen": self._text(self.quantity, self.truths[round(ONSET_S * self.hz) - 2]),
            "spike": self._text(self.quantity, _SPIKE[self.quantity]) if after_s < self._one_read_s() else "",
            "drift": self._text(self.quantity, self._drifted(value, after_s)),
        }
        if self.kind == "hang":
            self.sysfs.hang(path)
        elif self.kind in numbers:
            self.sysfs.fail(path, numbers[self.kind])
        elif self.kind in texts and not (self.kind == "spike" and not texts["spike"]):
            self.sysfs.say(path, texts[self.kind])

    def _one_read_s(self) -> float:
        """How long a fault must last to be read once: rails are read twice a second at most."""
        return max(1 / self.hz, 0.5 if self.quantity == "power" else 0.0) - 1e-6

    def _drifted(self, value: int, after_s: float) -> int:
        if self.quantity == "light":
            return round(value * 1.3**after_s)
        return max(value - round(300 * after_s), 1)


_SPIKE = {"temperature": 30_000, "power": 2_000, "light": 40_000_000}
