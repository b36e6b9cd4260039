"""One HTML page, complete in itself: no script, no font, no picture from elsewhere; light and dark."""

from typing import Any

from adaptd.bundle_build.qualify.curve import curve_svg
from adaptd.bundle_build.qualify.report import (
    ENERGY_HEAD,
    ROW_HEAD,
    SHOWN_LAST,
    ReportRow,
    energy_kind,
    energy_rows,
    precision_note,
    proof,
    rows_of,
    variants_of,
    verdicts,
)
from adaptd.drawing.axes import NARROW, ValueAxis, linear
from adaptd.drawing.pages import render
from adaptd.drawing.panel import Panel
from adaptd.drawing.svg import Svg, box, element, rule, text

TOP, BOTTOM = 30, 190
BAR = 26


def page(record: dict[str, Any], made: dict[str, Any] | None = None) -> str:
    """The report of one qualification. ``made`` is the bundle's build note, for the part on calibration."""
    rows = rows_of(record)
    return render(
        "bundle_build/qualify/qualification.html.j2",
        title=f"{record['model']}: qualification on {record['backend']}",
        device=record["device"],
        verdicts=_verdicts(record),
        caption=_caption(record),
        names=[name for name in variants_of(record) if name != SHOWN_LAST],
        curves=curve_svg(record),
        savings=_savings(record),
        bands=(ROW_HEAD, [_cells(row, previous) for previous, row in zip([None, *rows], rows, strict=False)]),
        energy_kind=energy_kind(record),
        energies=(ENERGY_HEAD, [("", [(cell, "") for cell in cells]) for cells in energy_rows(record)]),
        how=_how(record),
        built=_built(made) if made is not None else [],
    )


def _caption(record: dict[str, Any]) -> str:
    rates = ", ".join(f"{mfps / 1000:g}" for mfps in record["policy"]["levels_mfps"])
    sure = 100 - record["policy"]["alpha_ppm"] / 1e4
    return (
        f"One point per variant and frame rate ({rates} fps). Left is cheaper, up is better, each band has its own scale; a "
        f"whisker reaches down to the least score that this evidence proves at {sure:g} %. Energies are {energy_kind(record)}."
    )


def _verdicts(record: dict[str, Any]) -> list[tuple[str, str]]:
    items = [("", sentence) for sentence in verdicts(record)]
    note = precision_note(record)
    items += [("", note)] if note else []
    return items + [("warn", warning) for warning in record["warnings"]]


def _savings(record: dict[str, Any]) -> Svg:
    """One chart per efficient variant; a bar below its dash is a swap that nobody would notice."""
    gains, reference = record["gain"], record["reference"]
    names = [(at, name) for at, name in enumerate(variants_of(record)) if name in gains and gains[name]["rates"]]
    return Svg("".join(saving_svg(gains[name]["rates"], at, f"{name} instead of {reference}") for at, name in names))


def _cells(row: ReportRow, previous: ReportRow | None) -> tuple[str, list[tuple[str, str]]]:
    first = previous is None or previous.band != row.band
    kind = ("new " if first else "") + ("faint" if row.variant == SHOWN_LAST else "")
    mark = {None: "", True: "good", False: "bad"}[row.within]
    plain = [row.band if first else "", row.variant, row.n, row.score, row.differs]
    times = [(cell, "") for cell in (row.p50, row.p90, row.p99)]
    return kind, [*((cell, "") for cell in plain), (row.bound, mark), (proof(row), mark), *times]


def _how(record: dict[str, Any]) -> list[tuple[str, str]]:
    policy = record["policy"]
    return [
        ("score", str(record["score"])),
        ("loss of a frame", f"{record['loss']} than the reference ({record['reference']})"),
        ("bound on the loss", f"{record['bound']}, at {100 - policy['alpha_ppm'] / 1e4:g} %"),
        ("latency", "single inferences, variants in turns on the same frame, preprocessing not counted"),
        *((f"energy, {name}", str(cost["method"])) for name, cost in record["energy"].items()),
        ("policy", f"{policy['name']}, sha256 {policy['sha256'][:16]}..."),
        ("profile", str(record["profile"])),
        *((f"fingerprint, {name}", value) for name, value in record["fingerprint"].items()),
        ("holds for", "this device, bundle and light band; correlated frames prove less than their number says"),
    ]


def _built(made: dict[str, Any]) -> list[tuple[str, str]]:
    compared = [
        f"{name}: soft disagreement {seen['soft_ppm'] / 1e4:.3f} %, {seen['loss_ppm'] / 1e6:g} of {seen['n']} differ"
        for name, seen in made["compared"].items()
    ]
    dear = [f"{item['layer']} {item['soft_ppm'] / 1e4:.3f} %" for item in made["sensitivity"][:8]]
    return [
        ("calibration", f"{made['method']}, {len(made['calibration'])} pictures, {len(made['held_out'])} held out"),
        *([("methods compared", "; ".join(compared))] if compared else []),
        ("kept in FP16", ", ".join(made["kept_in_fp16"]) or "nothing"),
        *([("soft disagreement left with one layer free", ", ".join(dear))] if dear else []),
        *((f"operations, {name}", _operations(seen["computed"])) for name, seen in made["files"].items()),
    ]


def _operations(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} in {kind}" for kind, count in sorted(counts.items())) + " (as ONNX Runtime rewrote the graph here)"


def saving_svg(rates: list[dict[str, Any]], number: int, title: str = "") -> Svg:
    """Bars of the board power saved at each rate, a dash at what is needed; ``number`` is the variant's colour."""
    values = [float(value) for rate in rates for value in (rate["saved_mw"], rate["needed_mw"])]
    axis = ValueAxis(-0.5, len(rates) - 0.5, NARROW, names=tuple(f"{rate['mfps'] / 1000:g}" for rate in rates))
    panel = Panel(axis, linear([0.0, *values], [1.0], TOP, BOTTOM), title, "mW of the board over fps")
    for index, rate in enumerate(rates):
        _bar(panel, rate, axis.x(index), f"c{number % 4}")
    return panel.svg("power saved by rate")


def _bar(panel: Panel, rate: dict[str, Any], middle: float, colour: str) -> None:
    saved, needed, y = rate["saved_mw"], rate["needed_mw"], panel.scale.y
    top, height = min(y(saved), y(0)), abs(y(saved) - y(0))
    words = f"{rate['mfps'] / 1000:g} fps: saves {saved} mW of {rate['board_mw']} mW, {needed} mW are needed"
    kind = "bar" if saved >= needed else "bar useless"
    form = box(middle - BAR / 2, top, BAR, max(height, 1), element("title", words), cls=kind)
    panel.raw(element("g", form, cls=colour))
    panel.raw(rule(middle - BAR * 0.7, y(needed), middle + BAR * 0.7, y(needed), cls="needed"))
    above = min(top, y(needed) if saved < needed else top) - 6
    panel.raw(text(middle, above if saved >= 0 else top + height + 14, str(saved), anchor="middle"))
