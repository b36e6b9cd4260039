"""The page about a search: the efficiency-accuracy curve with every tried point, and the points as a table."""

from typing import Any

from markupsafe import Markup

from adaptd.bundle_build.explore.halving import Outcome, Tried
from adaptd.drawing.axes import NARROW, WIDE, ValueAxis, linear
from adaptd.drawing.pages import render
from adaptd.drawing.panel import Panel
from adaptd.drawing.svg import Svg

TOP, BOTTOM = 34.0, 300.0


def page(name: str, runtime: str, outcome: Outcome) -> str:
    """The whole page."""
    plan = outcome.plan
    return render(
        "bundle_build/explore/search.html.j2",
        title=f"Engine search: {name}",
        runtime=runtime,
        plan="Nothing keeps the policy's limit on the loss" if plan is None else f"Plan of record: {plan.candidate.words}",
        good=plan is not None,
        energy=outcome.energy_words,
        objective=objective_words(outcome),
        failed=[f"{name}: {why}" for name, why in outcome.failed.items()],
        out_of_time=outcome.out_of_time,
        chart=Markup("".join(curve(outcome, width) for width in (WIDE, NARROW))),  # noqa: S704 - elements of adaptd.drawing
        tried=_table(outcome),
    )


def objective_words(outcome: Outcome) -> str:
    """What the plan of record was chosen by."""
    one = outcome.objective
    return (
        f"worth of frames within {one.deadline_us / 1000:g} ms ({one.frame_value_uj / 1000:g} mJ each, up to "
        f"{one.target_mfps / 1000:g} a second) less their energy, where at most {one.most_loss_ppm / 10_000:g} % differ"
    )


def curve(outcome: Outcome, width: int) -> Svg:
    """Soft disagreement over energy; those that nothing beats in both are joined."""
    energies = [one.energy_uj / 1000 for one in outcome.tried]
    low, high = min(energies, default=0.0), max(energies, default=1.0)
    air = (high - low or 1.0) * 0.06
    axis = ValueAxis(max(0.0, low - air), high + air, width)
    scale = linear([one.soft_ppm / 1e4 for one in outcome.tried], [], TOP, BOTTOM, zero=True)
    panel = Panel(axis, scale, "soft disagreement, %", "over mJ a picture")
    best = _front(outcome.tried)
    panel.line([axis.x(one.energy_uj / 1000) for one in best], [one.soft_ppm / 1e4 for one in best], "c0")
    for one in outcome.tried:
        sign = "diamond" if one is outcome.plan else "circle"
        served = "c0" if one.candidate.precision == "int8" else "c2"
        colour = "c1" if one is outcome.plan else "c3" if one.candidate.unserved else served
        panel.point(axis.x(one.energy_uj / 1000), one.soft_ppm / 1e4, sign, colour, one.candidate.words)
    panel.key([("INT8", "c0"), ("FP16, FP32", "c2"), ("not served", "c3"), ("plan", "c1")])
    return panel.svg(f"soft disagreement over energy of {len(outcome.tried)} tried candidates")


def _front(tried: list[Tried]) -> list[Tried]:
    kept: list[Tried] = []
    for one in sorted(tried, key=lambda one: (one.energy_uj, one.soft_ppm)):
        if not kept or one.soft_ppm < kept[-1].soft_ppm:
            kept.append(one)
    return kept


def _table(outcome: Outcome) -> dict[str, Any]:
    numbers = ("frames", "latency, ms", "energy, mJ", "soft differ, %", "differ, %", "worth, mW")
    return {
        "columns": [("", "candidate"), *[("n", name) for name in numbers], ("", "not served:")],
        "rows": [
            [one.candidate.words, one.frames, *_figures(one), outcome.objective.worth_mw(one), one.candidate.unserved]
            for one in outcome.tried
        ],
        "empty": "Nothing was tried.",
    }


def _figures(one: Tried) -> list[str]:
    cost = [f"{one.latency_us / 1000:.2f}", f"{one.energy_uj / 1000:.2f}"]
    return [*cost, f"{one.soft_ppm / 1e4:.3f}", f"{one.loss_ppm / 1e4:.2f}"]
