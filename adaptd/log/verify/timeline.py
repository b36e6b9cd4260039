"""Whether time is accounted for: boots follow one another, the monotonic clock never goes back, silence is never long."""

from typing import Any

from adaptd.log.format.verdicts import Gap, Interruption, LogFault, Outcome, VerifyReport


class Timeline:
    """Fed with every record in order. Wall-clock time is reported and never judged."""

    def __init__(self, report: VerifyReport) -> None:
        self._report = report
        self._boot: int | None = None
        self._boot_id: object = None
        self._mono_us = 0
        self._silence_us: int | None = None
        self._stopped = False
        self._failing_since: int | None = None

    def feed(self, record: dict[str, Any]) -> None:
        """Take the next record; raises LogFault where it belongs to no boot that was started."""
        kind, seq, mono_us = record["kind"], record["seq"], record["mono_us"]
        if kind == "start":
            self._start(record)
        elif self._boot is None:
            self._boot = record["boot"]  # what came before was pruned
        elif record["boot"] != self._boot:
            raise LogFault(Outcome.FORGED, seq, f"record {seq} belongs to run {record['boot']}, which has no start record")
        else:
            silence_us = mono_us - self._mono_us
            if silence_us < 0:
                self._gap(seq, mono_us, "the monotonic clock went back")
            elif self._silence_us is not None and silence_us > self._silence_us:
                self._gap(seq, mono_us, f"{silence_us / 1e6:.0f} s without a record")
        if kind == "config" and self._silence_us is None:  # the start record was pruned
            self._silence_us = _number(record.get("silence_us"))
        if kind == "degraded":
            self._degraded(record)
        elif kind == "clock_step":
            self._report.clock_steps += 1
        self._mono_us = mono_us
        self._stopped = kind == "stop" or (self._stopped and kind == "checkpoint")
        self._report.last_ms = record["utc_ms"]

    @property
    def stopped(self) -> bool:
        """Whether the last records are those of a clean stop."""
        return self._stopped

    def _start(self, record: dict[str, Any]) -> None:
        seq, boot = record["seq"], record["boot"]
        expected = 0 if self._boot is None and seq == 0 else self._boot + 1 if self._boot is not None else boot
        if boot != expected or (seq > 0) != isinstance(record.get("before"), dict):
            raise LogFault(Outcome.FORGED, seq, f"record {seq} starts run {boot} where run {expected} was due")
        if seq > 0:
            self._interruption(record)
        self._report.boots += 1
        self._boot, self._boot_id = boot, record.get("boot_id")
        self._silence_us, self._report.window_us = _number(record.get("silence_us")), _number(record.get("window_us"))

    def _interruption(self, record: dict[str, Any]) -> None:
        before = record["before"]
        same_boot = self._boot_id is not None and record.get("boot_id") == self._boot_id
        down_us = record["mono_us"] - self._mono_us if same_boot else None
        torn = before.get("torn_bytes")
        clean = self._stopped if self._boot is not None else before.get("clean") is True
        self._report.interruptions.append(Interruption(record["seq"] - 1, clean, down_us, torn if type(torn) is int else 0))

    def _degraded(self, record: dict[str, Any]) -> None:
        if record.get("state") == "begun":
            self._report.degraded += 1
            self._failing_since = record["mono_us"]
            return
        lost, since = record.get("unrecorded"), self._failing_since
        if lost:
            self._gap(record["seq"], record["mono_us"], f"the disk failed and {lost} records could not be kept", since)
        self._failing_since = None

    def _gap(self, seq: int, to_us: int, why: str, since: int | None = None) -> None:
        gap = Gap(seq, self._mono_us if since is None else since, to_us, why)
        self._report.gaps.append(gap)
        self._report.settle(Outcome.GAP, seq, f"{why} (from {gap.from_us} to {to_us} us of run {self._boot})")


def _number(value: object) -> int | None:
    return value if type(value) is int else None
