"""A qualification as people read it: a table on the terminal, rows for the page, and the sentences both share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SHOWN_LAST = "fp32"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One variant in one band, ready to print. ``within``: the daemon admits it on this evidence; None for the reference."""

    band: str
    variant: str
    n: str
    score: str
    differs: str
    bound: str
    within: bool | None
    p50: str
    p90: str
    p99: str


def rows_of(record: dict[str, Any]) -> list[ReportRow]:
    """Bands in the policy's order, in each the reference first and the float32 source last."""
    bands = [*record["policy"]["bands"], "all"]
    seen = {band for bands_of in record["scores"].values() for band in bands_of}
    return [_row(record, band, name) for band in bands if band in seen for name in variants_of(record)]


def variants_of(record: dict[str, Any]) -> list[str]:
    """The variants, the reference first and the float32 source, which is no variant, last."""
    return sorted(record["scores"], key=lambda name: (name == SHOWN_LAST, name != record["reference"], name))


def verdicts(record: dict[str, Any]) -> list[str]:
    """One sentence per efficient variant and question: where it serves from the first frame, and whether it gains."""
    terms = f"at most {record['policy']['max_loss_ppm'] / 1e4:g} % of the pictures differ"
    sentences = []
    for name in variants_of(record):
        if name in (record["reference"], SHOWN_LAST):
            continue
        good = [row.band for row in rows_of(record) if row.variant == name and row.within]
        bad = [row.band for row in rows_of(record) if row.variant == name and row.within is False]
        where = f"from the first frame in {_and(good)}" if good else "nowhere from the first frame"
        rest = f"; in {_and(bad)} the reference serves until shadow frames have agreed" if good and bad else ""
        sentences.append(f"{name} serves {where} ({terms}){rest}")
        gain = record["gain"][name]
        sentences.append(f"{name} {'brings NO GAIN and is never chosen' if gain['no_gain'] else 'gains'}: {gain['why']}")
    return sentences


def precision_note(record: dict[str, Any]) -> str:
    """Said where a variant is not computed in the precision of its name."""
    odd = [f"{name} is computed in {kind}" for name, kind in sorted(record["precision"].items()) if kind != name]
    return "; ".join(odd)


def energy_rows(record: dict[str, Any]) -> list[tuple[str, ...]]:
    """Per variant: computed precision, energy above idle and with idle back to back, idle power, warm memory, frames a second.

    By the energy with idle inside: inferences a joule, and tera-operations a watt-second where the network's work is known.
    """
    rows: list[tuple[str, ...]] = []
    work = record.get("operations")
    for name in variants_of(record):
        if name not in record["energy"]:
            continue
        cost, run = record["energy"][name], record["saturated"][name]
        rate = run["frames"] * 1e6 / run["wall_us"]
        rows.append(
            (
                name,
                record["precision"][name],
                f"{cost['marginal_uj'] / 1000:.2f}",
                f"{cost['saturated_uj'] / 1000:.2f}",
                f"{cost['idle_mw'] / 1000:.2f}",
                f"{record['warm_memory_mb'][name]}",
                f"{rate:.0f}",
                f"{1e6 / max(1, cost['saturated_uj']):.3g}",
                f"{work / 1e6 / max(1, cost['saturated_uj']):.2g}" if work else "-",
            )
        )
    return rows


ENERGY_HEAD = ("variant", "computed", "mJ alone", "mJ in all", "idle W", "MB", "fps", "per J", "TOPS/W")
ROW_HEAD = ("band", "variant", "frames", "score %", "differ", "loss <=", "at once", "p50", "p90", "p99 ms")


def energy_kind(record: dict[str, Any]) -> str:
    """``estimated`` or ``measured``."""
    return str(record["energy"][record["reference"]]["method"]).split(":", 1)[0]


def print_table(record: dict[str, Any], console: "Console") -> None:
    """The whole report on a terminal."""
    sure_pct = 100 - record["policy"]["alpha_ppm"] / 1e4
    table = _table(f"{record['model']} on {record['backend']}; loss in points, at {sure_pct:g} %", ROW_HEAD, no_wrap=True)
    last = ""
    for row in rows_of(record):
        if last and row.band != last:
            table.add_section()
        cells = (row.variant, row.n, row.score, row.differs, row.bound, _coloured(row), row.p50, row.p90, row.p99)
        table.add_row("" if row.band == last else row.band, *cells, style="dim" if row.variant == SHOWN_LAST else "")
        last = row.band
    costs = _table(f"energy of one inference, {energy_kind(record)}", ENERGY_HEAD)
    for numbers in energy_rows(record):
        costs.add_row(*numbers)
    console.print(table, costs)
    for sentence in [*verdicts(record), *filter(None, [precision_note(record)])]:
        console.print(f"- {sentence}", highlight=False, soft_wrap=True)


def _table(title: str, head: tuple[str, ...], *, no_wrap: bool = False) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0))
    for index, name in enumerate(head):
        table.add_column(name, justify="left" if index < 2 else "right", no_wrap=no_wrap)
    return table


def _row(record: dict[str, Any], band: str, name: str) -> ReportRow:
    seen = record["scores"][name][band]
    is_reference = name == record["reference"]
    within = record["admitted"].get(name, {}).get(band)
    return ReportRow(
        band=band,
        variant=name,
        n=f"{seen['n']}",
        score="-" if seen["score_ppm"] is None else f"{seen['score_ppm'] / 1e4:.2f}",
        differs="" if is_reference else f"{seen['disagreed']}",
        bound="" if is_reference else f"{seen['disagreement_bound_ppm'] / 1e4:.2f}",
        within=within,
        p50=_ms(seen["latency_p50_us"]),
        p90=_ms(seen["latency_p90_us"]),
        p99=_ms(seen["latency_p99_us"]),
    )


def _ms(us: int) -> str:
    """Milliseconds in four places: 0.12, 34.7, 120."""
    ms = us / 1000
    return f"{ms:.{2 if ms < 10 else 1 if ms < 100 else 0}f}"


def proof(row: ReportRow) -> str:
    """``yes`` where the daemon tries the variant from its first frame, ``no`` where not, nothing for the reference."""
    return {None: "", True: "yes", False: "no"}[row.within]


def _coloured(row: ReportRow) -> str:
    return f"[{'green' if row.within else 'yellow'}]{proof(row)}[/]" if row.within is not None else ""


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
