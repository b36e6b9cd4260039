"""The report as a table and as a page that stands alone."""

import copy
import html.parser
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console

from adaptd.bundle_build.model.precision import operations
from adaptd.bundle_build.qualify.curve import curve_svg, points_of
from adaptd.bundle_build.qualify.page import page, saving_svg
from adaptd.bundle_build.qualify.qualify import Qualified
from adaptd.bundle_build.qualify.report import energy_rows, print_table, rows_of, verdicts


@pytest.fixture
def record(qualified: tuple[Qualified, Path]) -> dict[str, Any]:
    """A real record with clear numbers put in: int8 proven in bright, not in night."""
    record = copy.deepcopy(qualified[0].record)
    for band, (n, differ, bound) in {"night": (3000, 60, 26_000), "dim": (3000, 9, 6_300), "bright": (3000, 1, 2_200)}.items():
        for name, change in {"fp16": (n, 0, 1500), "int8": (n, differ, bound)}.items():
            seen = record["scores"][name][band]
            seen.update(n=change[0], disagreed=change[1], disagreement_bound_ppm=change[2], score_ppm=980_000 - change[1] * 300)
    record["admitted"]["int8"] = {"night": False, "dim": False, "bright": True}
    record["gain"]["int8"] = {
        "no_gain": False,
        "why": "saves 190 mW of 8300 mW at 15 fps (2.3 %)",
        "rates": [
            {"mfps": 5000, "board_mw": 8100, "saved_mw": 63, "needed_mw": 81, "keeps_time": False},
            {"mfps": 15_000, "board_mw": 8300, "saved_mw": 190, "needed_mw": 83, "keeps_time": False},
        ],
    }
    return record


class Balance(html.parser.HTMLParser):
    """Counts tags that are opened and not closed."""

    VOID = ("meta", "circle", "rect", "line", "path", "polyline")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Closed at once."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_verdict_says_where_it_serves_at_once_and_where_not(record: dict[str, Any]) -> None:
    """One sentence for the pictures, one for gain, with the terms of the policy."""
    proof, gain = verdicts(record)
    assert proof == (
        "int8 serves from the first frame in bright (at most 0.5 % of the pictures differ); "
        "in night and dim the reference serves until shadow frames have agreed"
    )
    assert gain == "int8 gains: saves 190 mW of 8300 mW at 15 fps (2.3 %)"


def test_a_useless_swap_is_said_in_the_report(record: dict[str, Any]) -> None:
    """A variant without gain is named as never chosen, with the numbers."""
    record["gain"]["int8"].update(no_gain=True, why="saves 3 mW of 8000 mW at 15 fps")
    assert verdicts(record)[1] == "int8 brings NO GAIN and is never chosen: saves 3 mW of 8000 mW at 15 fps"
    assert "NO GAIN" in page(record)


def test_the_table_fits_a_terminal_of_80_columns(record: dict[str, Any]) -> None:
    """Nothing is cut off: every number of the first band stands in the output."""
    console = Console(width=80, force_terminal=False, file=io.StringIO(), record=True)
    print_table(record, console)
    text = console.export_text()
    assert "…" not in text
    for row in rows_of(record):
        assert row.p99 in text
        assert row.score in text
    for numbers in energy_rows(record):
        assert all(number in text for number in numbers)


def test_rows_are_in_the_order_of_the_policy(record: dict[str, Any]) -> None:
    """Darkest band first, in each the reference first; only variants can be proven."""
    rows = rows_of(record)
    assert [(row.band, row.variant) for row in rows[:4]] == [
        ("night", "fp16"),
        ("night", "int8"),
        ("dim", "fp16"),
        ("dim", "int8"),
    ]
    assert [row.within for row in rows if row.band == "bright"] == [None, True]


def test_the_curve_has_a_point_per_variant_and_rate(record: dict[str, Any]) -> None:
    """Energy of a frame falls with the rate, since idle power is shared; the whisker ends at the proven score."""
    points = points_of(record, "bright")
    assert len(points) == 2 * 6
    fp16 = [point.millijoules for point in points if point.variant == "fp16"]
    assert fp16 == sorted(fp16, reverse=True)
    assert next(point.proven for point in points if point.variant == "int8") == pytest.approx(98.0 - 0.22)
    assert curve_svg(record).count("<title>") == 3 * 12


def test_without_labels_the_curve_shows_agreement(record: dict[str, Any]) -> None:
    """No score: the panel shows the share of frames on which a variant agrees, and says that it does."""
    assert curve_svg(record).count(" score % over") == 3
    for name in record["scores"]:
        record["scores"][name]["bright"]["score_ppm"] = None
    assert [point.score for point in points_of(record, "bright")][-1] == pytest.approx(100 - 100 / 3000)
    assert "-" in [row.score for row in rows_of(record)]
    drawn = curve_svg(record)
    assert (drawn.count(" score % over"), drawn.count(" agreement % over")) == (2, 1)


def test_bars_below_their_mark_are_faint(record: dict[str, Any]) -> None:
    """A rate at which nobody would notice the saving is drawn faint; losses hang below zero."""
    svg = saving_svg(record["gain"]["int8"]["rates"], 1)
    assert svg.count('class="bar useless"') == 1
    record["gain"]["int8"]["rates"][0]["saved_mw"] = -500
    assert ">-500<" in saving_svg(record["gain"]["int8"]["rates"], 1)


def test_the_page_stands_alone_and_is_whole(record: dict[str, Any]) -> None:
    """No script, no address of anything elsewhere, every tag closed, names from outside escaped."""
    record["device"] = "<b>board</b> & co"
    text = page(
        record,
        {
            "method": "minmax",
            "calibration": ["x"],
            "held_out": [],
            "compared": {},
            "kept_in_fp16": [],
            "sensitivity": [],
            "files": {},
        },
    )
    assert not re.search(r"<script|src=|href=|url\(|https?://", text)
    assert "&lt;b&gt;board&lt;/b&gt; &amp; co" in text
    balance = Balance()
    balance.feed(text)
    assert not balance.open


def test_efficiency_is_said_with_the_idle_power_inside() -> None:
    """A network of a thousand million operations at 20 mJ a frame: 50 frames a joule, 0.05 TOPS/W; unknown work is a dash."""
    cost = {"marginal_uj": 9_000, "saturated_uj": 20_000, "idle_mw": 5_000}
    plain: dict[str, Any] = {
        "energy": {"fp16": cost},
        "saturated": {"fp16": {"frames": 100, "wall_us": 1_000_000}},
        "precision": {"fp16": "fp32"},
        "warm_memory_mb": {"fp16": 9},
        "scores": {"fp16": {}},
        "reference": "fp16",
    }
    assert energy_rows(plain | {"operations": 1_000_000_000})[0][-2:] == ("50", "0.05")
    assert energy_rows(plain)[0][-2:] == ("50", "-")


def test_the_work_of_a_network_is_counted_by_hand() -> None:
    """8 x 16 x 16 values of 3 x 3 x 3 products, then a product of 8 with 5 classes; two operations each."""
    make, info = helper.make_node, helper.make_tensor_value_info
    weights = [
        numpy_helper.from_array(np.zeros((8, 3, 3, 3), np.float32), "w"),
        numpy_helper.from_array(np.zeros((5, 8), np.float32), "v"),
    ]
    nodes = [
        make("Conv", ["x", "w"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1]),
        make("GlobalAveragePool", ["a"], ["b"]),
        make("Flatten", ["b"], ["c"]),
        make("Gemm", ["c", "v"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "tiny", [info("x", TensorProto.FLOAT, [1, 3, 32, 32])], [info("y", TensorProto.FLOAT, [1, 5])], weights
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert operations(model.SerializeToString()) == 2 * (8 * 16 * 16 * 27 + 5 * 8)
