"""Telemetry arithmetic: several stretches of counts as one."""

from collections.abc import Iterable
from dataclasses import replace

from adaptd.protocol.messages import WorkerReport
from adaptd.vocabulary import OperatingPoint, Served, Stretch, Telemetry

MARGIN_FRAMES = 4  # in flight, not in the books yet, and begun since


def merged(stretches: Iterable[Served]) -> tuple[Served, ...]:
    """One entry a variant, in alphabetical order: frames and sums added, the longest of the longest."""
    sums: dict[str, Served] = {}
    for served in stretches:
        known = sums.get(served.variant, Served(served.variant, 0, 0, 0))
        sums[served.variant] = Served(
            served.variant,
            known.frames + served.frames,
            known.latency_sum_us + served.latency_sum_us,
            max(known.latency_max_us, served.latency_max_us),
        )
    return tuple(sums[name] for name in sorted(sums))


def unheard(report: WorkerReport, band: str, variant: str, rate_mfps: int, now_us: int) -> tuple[Stretch, ...]:
    """What a worker that ended may have served since its last report, as stretches under no coin: the account counts it as lost.

    The numbers of these frames are not used again, so that no coin falls twice. One stretch a camera.
    """
    frames = max(0, now_us - report.at_us) * rate_mfps // 1_000_000_000 + MARGIN_FRAMES
    cells = [band + one.cell for one in report.cameras] or [band]
    last = report.frame + frames * len(cells)
    return tuple([Stretch(cell, variant, 0, frames, missed=frames, first=report.frame + 1, last=last) for cell in cells])


def gathered(reports: list[WorkerReport], last: WorkerReport, *, alive: bool) -> Telemetry:
    """What ``reports`` count, at the point that ``last`` reads back. Shadow results of an engine set aside since are left out."""
    out = {*last.quarantined, *last.slow}
    return Telemetry(
        alive=alive,
        point=OperatingPoint(last.variant, last.fps_mfps),
        delivered=sum(report.delivered for report in reports),
        missed=sum(report.missed for report in reports),
        dropped=sum(report.dropped for report in reports),
        shadow_frames=sum(report.shadow_frames for report in reports),
        served=merged(served for report in reports for served in report.served),
        shadows=tuple(shadow for report in reports for shadow in report.shadows if shadow.variant not in out),
        stretches=tuple(stretch for report in reports for stretch in report.stretches),
        quarantined=tuple(sorted(out)),
        source_mfps=last.source_mfps,
        tested=merged(served for report in reports for served in report.tested if served.variant not in out),
    )


def joined(first: Telemetry, then: Telemetry, quarantined: tuple[str, ...] = ()) -> Telemetry:
    """Two stretches as one; where the worker is, and whether it lives, is what ``then`` says."""
    bad = {*first.quarantined, *then.quarantined, *quarantined}
    return replace(
        then,
        delivered=first.delivered + then.delivered,
        missed=first.missed + then.missed,
        dropped=first.dropped + then.dropped,
        shadow_frames=first.shadow_frames + then.shadow_frames,
        served=merged((*first.served, *then.served)),
        shadows=tuple(shadow for shadow in (*first.shadows, *then.shadows) if shadow.variant not in bad),
        stretches=(*first.stretches, *then.stretches),
        quarantined=tuple(sorted(bad)),
        tested=merged(served for served in (*first.tested, *then.tested) if served.variant not in bad),
    )
