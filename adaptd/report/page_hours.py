"""Accuracy against energy: one point an hour, in the colour of the engine that served most of it, and the policy's goal."""

from adaptd.drawing.axes import WIDE, ValueAxis, linear
from adaptd.drawing.panel import Panel
from adaptd.report.page_lines import TOP, variant_colours
from adaptd.report.story import Hour, Story

SIGNS = ("circle", "square", "diamond", "triangle")


def hours_svg(story: Story, width: int = WIDE) -> str:
    """The picture, or nothing where no hour has both a meter and a measured loss."""
    reference = story.policy.reference if story.policy is not None else ""
    placed = [
        (hour, hour.energy_uj / hour.metered / 1000, loss)
        for hour in story.hours.values()
        if hour.metered and (loss := hour.loss_points(reference)) is not None
    ]
    if not placed:
        return ""
    goals = sorted({one.policy.max_loss_ppm / 10_000 for one in story.reigns})
    energies = [energy for _, energy, _ in placed]
    air = 0.15 * (max(energies) - min(energies)) or 0.1 * max(energies)
    axis = ValueAxis(max(0.0, min(energies) - air), max(energies) + air, width)
    scale = linear([loss for _, _, loss in placed], goals, TOP, 220, zero=True)
    unit = "points of loss over mJ a frame, measured by shadow frames and the whole board's meter; lower left is better"
    panel = Panel(axis, scale, "Hours", unit)
    colours = variant_colours(story)
    for goal in goals:
        panel.mark(goal, f"policy: at most {goal:g}")
    for hour, energy, loss in placed:
        most = max(hour.served, key=lambda name: hour.served[name])
        sign = SIGNS[list(colours).index(most) % len(SIGNS)] if most in colours else "circle"
        panel.point(axis.x(energy), loss, sign, colours.get(most, "idle"), _said(hour, most, energy, loss))
    panel.key(list(colours.items()))
    return panel.svg("Accuracy against energy, one point an hour")


def _said(hour: Hour, most: str, energy: float, loss: float) -> str:
    simulated = ", simulated power" if hour.simulated else ""
    frames = f"{sum(hour.served.values()):,} frames, most on {most}"
    return f"{energy:.1f} mJ a frame{simulated}, {loss:.2f} points lost by {hour.shadows:,} shadow frames, {frames}"
