"""The report is one page that opens offline, says what the verifier said, and draws what was sensed and decided."""

import csv
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from adaptd.drawing.axes import Scale, TimeAxis, linear, nice, robust
from adaptd.drawing.panel import steps
from adaptd.log.format.verdicts import Outcome
from adaptd.log.verify.decided import decisions, last_decision
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.verify import Options, verify
from adaptd.report.export import COLUMNS, ExportError, export, row_of
from adaptd.report.page import page, write_page
from adaptd.report.page_hours import hours_svg
from adaptd.report.page_lines import draw
from adaptd.report.page_swaps import runs, swaps
from adaptd.report.page_tables import policies
from adaptd.report.report_data import MOST_BUCKETS, tell
from adaptd.report.story import Bucket, Story, Swap, ValueRange
from adaptd.vocabulary import Bound, Limit, Lowered, OperatingPoint, believed
from tests.conftest import ROOT
from tests.log.workload import POLICY_TEXT, Run, make_log, settings

FP16 = OperatingPoint("fp16", 15_000)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --enable-logging=stderr --v=0 --virtual-time-budget=2000"
).split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed log of 1,100 decisions with swaps, a fault, and a clock step."""
    path = tmp_path_factory.mktemp("log")
    run = Run(path).ticks(560)
    run.recorder.note("fault", {"fault": "<script>alert(1)</script>", "variant": "int8"}, durable=True)
    run.recorder.clock_step(1, 5000)
    run.ticks(540).close()
    return path


@pytest.fixture(scope="module")
def story(folder: Path) -> Story:
    return tell(folder)


@pytest.fixture(scope="module")
def html(folder: Path, story: Story) -> str:
    return page(story, verify(folder))


def test_a_budget_that_changed_is_drawn_as_it_changed(folder: Path, html: str) -> None:
    """A supply that sagged explains the frames that were not served: its budget is a line in time, one that held is a mark."""
    assert ">budget 12</text>" in html
    sagged = tell(folder)
    for bucket in sagged.buckets[: len(sagged.buckets) // 2]:
        bucket.budget = ValueRange()
        bucket.budget.add(9000)
    assert "budget, 9 to 12" in page(sagged, verify(folder))


class Elements(HTMLParser):
    """Collects tags and attributes, and that every element that opens is closed."""

    VOID = frozenset({"meta", "br", "path", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def elements(html: str) -> Elements:
    parser = Elements()
    parser.feed(html)
    assert parser.open == []
    return parser


def test_the_page_is_complete_in_itself(html: str) -> None:
    """No address of anything elsewhere occurs in it, its policy forbids to load any, and its elements are well nested."""
    found = elements(html)
    assert not re.search(r"https?://|//[a-z]|url\(|@import", html)
    assert "default-src 'none'" in html
    assert not {"img", "link", "iframe", "object", "embed", "audio", "video"} & set(found.tags)
    assert not any(name in ("src", "href", "srcset") for name, _ in found.attributes)
    assert found.tags.count("script") == 1


def test_the_verdict_stands_first_and_every_line_is_drawn(html: str) -> None:
    """Verdict, figures, seven time lines, hours, policies, intervals, swaps and bindings follow one another."""
    places = [
        html.index(text)
        for text in (
            "Valid: records", "board energy per frame", "Temperature", ">Power", ">Light", "Engine and frame rate",
            "Energy per frame", "Inferences per joule", "Bound on the accuracy loss",
            "hour by hour", "Policies in force", "The loss account", "Every swap",
            "What else is on record", "What every decision is bound to",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert html.count('<svg class="panel"') == 8


def test_every_swap_is_in_the_table_with_reason_and_outcome(html: str, story: Story) -> None:
    """Every intent on record is in a row, each applied here, each row with the words of the decision that called for it."""
    rows = runs(story.swaps)
    assert [one for row in rows for one in row] == story.swaps != []
    table = html[html.index("Every swap") : html.index("What else is on record")]
    assert table.count("<tr><td") == len(rows)
    assert table.count("applied") == len(rows)
    assert table.count("because it is worth most") + table.count("keeps every limit at floor_fps") >= len(rows) // 2


def change(at: int, old: OperatingPoint, new: OperatingPoint, outcome: str = "applied") -> Swap:
    """A change that nothing is known of but its points and what came of it."""
    return Swap(at, at * 1_000_000, at * 1000, old, new, None, outcome, 2000)


def test_small_steps_of_the_rate_share_a_row_and_nothing_else_does() -> None:
    """A ramp of steps by a tenth is one row that names its ends; a swap, a larger step, a pause, a silent worker has its own."""
    down = [OperatingPoint("int8", mfps) for mfps in (15_000, 14_000, 13_000, 12_000)]
    ramp = [change(at, old, new) for at, (old, new) in enumerate(pairwise(down))]
    swap = change(3, down[-1], OperatingPoint("fp16", 12_000))
    jump = change(4, swap.new, OperatingPoint("fp16", 5000))
    pause = change(5, jump.new, OperatingPoint("fp16", 0))
    silent = change(6, FP16, OperatingPoint("fp16", 14_500), "silent")
    found = runs([*ramp, swap, jump, pause, silent])
    assert [len(run) for run in found] == [3, 1, 1, 1, 1]
    story = Story(swaps=[*ramp, swap])
    row, alone = swaps(story).rows
    assert row[0] == "0\u20132"
    assert row[2].endswith("12\u00a0fps in 3 small steps, 1 min")
    assert alone[2] == "int8\u00a012\u00a0fps \u2192 fp16\u00a012\u00a0fps"
    there_and_back = Story(swaps=[change(0, down[1], down[2]), change(1, down[2], down[1])])
    assert "lowest 13 fps" in swaps(there_and_back).rows[0][5]


def test_what_a_log_says_is_text_and_never_markup(html: str) -> None:
    """A name that looks like a script is shown as written."""
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_damaged_log_is_reported_as_such(folder: Path, tmp_path: Path) -> None:
    """The page of a bad log opens with the fault and its record, and still draws what can be read."""
    copy = Path(shutil.copytree(folder, tmp_path / "log"))
    segment = next(iter(sorted(copy.glob("*.log"))))
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    report = verify(copy, Options(replay=False))
    write_page(copy, report, tmp_path / "r.html")
    html = (tmp_path / "r.html").read_text()
    assert report.verdict is Outcome.DAMAGED
    assert f"First bad record: <b>{report.first_bad_seq}</b>" in html
    assert "Damaged: records are missing or changed" in html
    assert "nothing vouches for it" in html
    elements(html)


def test_an_empty_folder_gives_a_page_too(tmp_path: Path) -> None:
    """A report on nothing says that there is nothing."""
    html = page(tell(tmp_path), verify(tmp_path))
    assert "No decision is on record" in html
    elements(html)


def test_energy_is_power_times_time_and_the_baseline_is_what_the_reference_would_cost(folder: Path, story: Story) -> None:
    """The sums agree with the decisions: all energy is counted, and the reference alone costs more where INT8 served."""
    assert story.metered_frames == pytest.approx(story.delivered, rel=0.01)
    mean_w = story.energy_uj / story.end_us
    assert 4.6 < mean_w < 7
    efficient = story.served["int8"]
    workers = [one.snapshot.worker for one in decisions(folder)]
    other = {"fp16": 22_800, "int8": 36_200}  # a shadow frame runs on the engine that does not serve
    shadows_uj = sum(worker.shadow_frames * other[worker.point.variant] for worker in workers)
    assert story.baseline_uj - story.energy_uj == pytest.approx(efficient * 13_400 - shadows_uj, rel=0.05)


def test_long_logs_are_drawn_with_a_bounded_number_of_points(folder: Path, story: Story) -> None:
    """However long the log, buckets merge so that a panel stays small, and no value is lost from its extremes."""
    assert len(story.buckets) <= MOST_BUCKETS
    assert story.width_us == 2_000_000
    values = [believed(one.snapshot, one.verdict, "temperature") for one in decisions(folder)]
    highest = max(getattr(value, "value", 0) for value in values)
    assert max(bucket.temperature.high for bucket in story.buckets) == highest


def test_scales_hold_their_values_and_ticks_are_round() -> None:
    """Linear and decade scales keep every value inside the panel and label round numbers in order."""
    scale = linear([3.2, 7.9], [12.0], 20, 120)
    assert 20 <= scale.y(12.0) < scale.y(3.2) <= 120
    assert scale.ticks() == sorted(scale.ticks())
    decades = Scale(0.1, 1000, 20, 120, decades=True)
    assert decades.ticks() == pytest.approx([0.1, 1, 10, 100, 1000])
    assert decades.y(0) == decades.y(0.1) == 120
    assert [nice(value) for value in (0.013, 0.4, 3, 70, 0)] == pytest.approx([0.02, 0.5, 5, 100, 1])
    assert TimeAxis(3600_000_000, ((0, 1_790_000_000_000),)).label(0) == "14:13"
    assert steps([(0, 1), (1, 1), None, (2, 3), (3, 4)]) == "M0.0 1.0H1.0M2.0 3.0H3.0V4.0"


def test_one_wild_value_does_not_flatten_the_rest() -> None:
    """The axis of energy per frame is that of the many: a bucket with one frame in a pause runs out of the panel at its edge."""
    usual = [60.0 + at % 7 for at in range(200)]
    assert robust([*usual, 9000.0], [], 20, 120).high < 90
    assert robust([*usual, 9000.0], [], 20, 120).y(9000.0) == 20
    assert linear([*usual, 9000.0], [], 20, 120).high > 9000  # negative control


def test_a_bound_of_0_35_is_seen_apart_from_a_goal_of_0_5(folder: Path) -> None:
    """Whether a bound is under the policy's goal can be seen: the two lie more than ten units apart on the chart."""
    told = tell(folder)
    for bucket in told.buckets:
        bucket.bounds = {("bright", "int8"): (3500, True)}
    bounds = draw(told)[-1]
    line = re.search(r'class="line b0" d="M[\d.]+ ([\d.]+)', bounds)
    goal = re.search(r'class="limit" d="M[\d.]+ ([\d.]+)', bounds)
    assert line is not None
    assert goal is not None
    assert float(line[1]) - float(goal[1]) > 10


def reloaded(path: Path) -> Story:
    """A log whose policy is exchanged after 60 decisions for one with another limit, and reloaded unchanged after 90."""
    run = Run(path)
    run.ticks(60)
    other = replace(settings(run.clock.now_us), policy_text=POLICY_TEXT.replace("limit_c: 85", "limit_c: 83"))
    run.recorder.config(other, run.state)
    run.ticks(30)
    run.recorder.config(other, run.state)
    run.ticks(30).close()
    return tell(path)


def test_limits_are_drawn_as_they_were_and_policies_listed_with_their_differences(tmp_path: Path) -> None:
    """A limit that was changed steps where it was changed; the table names old and new, and a reload without change is none."""
    told = reloaded(tmp_path)
    assert [one.policy.limit_mc for one in told.reigns] == [85_000, 83_000]
    temperature = draw(told)[0]
    assert ">limit 85<" in temperature
    assert ">limit 83<" in temperature
    rows = policies(told).rows
    assert len(rows) == 2
    assert rows[1][-1] == "limit 85 degC \u2192 83 degC"


def test_a_part_of_the_log_is_told_alone(folder: Path) -> None:
    """With a start and an end only the records between are counted and drawn, and the page says which part it tells."""
    times = [one.record["utc_ms"] for one in decisions(folder)]
    told = tell(folder, since_ms=times[100], until_ms=times[199])
    assert told.decisions == 100
    assert told.policy is not None
    assert "only. Verdict and proof" in page(told, verify(folder), since_ms=times[100])


def test_hours_are_points_and_simulated_power_is_marked(folder: Path) -> None:
    """Each hour is one point over its energy a frame at its measured loss; a figure that rests on simulated power says so."""
    told = tell(folder)
    assert hours_svg(told).count('class="point') == len(told.hours)
    told.simulated.add("power")
    assert page(told, verify(folder)).count("(simulated)") >= 4


def test_a_late_tick_is_spanned_and_a_silence_is_a_hole() -> None:
    """A line runs on over two seconds without a decision and breaks over five; a reading that was missing always breaks it."""
    told = Story(buckets=[Bucket() for _ in range(12)], end_us=12_000_000)
    for at in (0, 1, 4, 10, 11):
        told.buckets[at].rate.add(15_000)
        if at != 11:
            told.buckets[at].temperature.add(40_000)
    page_of = draw(told)[0]
    drawn = re.findall(r'<path class="line hot" d="([^"]+)"', page_of)
    assert [form.count("M") for form in drawn] == [2]
    assert drawn[0].count("L") == 2


def test_labels_are_round_times_also_where_ticks_came_late() -> None:
    """A label that lies a second beside a round time is that time; the wall clock of a bucket is not its left edge."""
    axis = TimeAxis(
        60_000_000, tuple((at * 1_000_000, 1_790_000_000_000 + at * 1000 + (900 if at > 30 else 0)) for at in range(60))
    )
    assert {axis.label(at)[-1] for at in axis.ticks()} == {"0"}


def test_the_last_decision_is_read_in_full(folder: Path) -> None:
    """What `adaptd why` prints from a log is the last decision with everything sensed, though it was written as a change."""
    found = last_decision(folder)
    assert found is not None
    assert found == list(decisions(folder))[-1]
    assert last_decision(folder / "nowhere") is None


def test_the_last_decision_is_found_across_segments(tmp_path: Path) -> None:
    """Also where the newest segment has no configuration of its own yet, or none at all."""
    from adaptd.log.write.ledger import LedgerLimits

    run = make_log(tmp_path, 120, limits=replace(LedgerLimits(), segment_bytes=20_000))
    assert len(list(tmp_path.glob("*.log"))) > 2
    found = last_decision(tmp_path)
    assert found is not None
    assert found.snapshot.now_us == run.clock.now_us or found.snapshot.now_us > run.clock.now_us - 5_000_000
    assert [one.record["seq"] for one in decisions(tmp_path, from_seq=80)] == [
        one.record["seq"] for one in decisions(tmp_path) if one.record["seq"] >= 80
    ]


def test_the_export_holds_every_decision(folder: Path, tmp_path: Path) -> None:
    """The Parquet table has one row a decision, typed columns in the log's units, and null where a reading was missing."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    rows = export(folder, tmp_path / "t.parquet")
    table = parquet.read_table(tmp_path / "t.parquet")
    assert table.num_rows == rows == 1100
    assert table.column_names == [*(name for name, _ in COLUMNS), "bound_ppm_int8"]
    read = list(decisions(folder))
    assert table.column("temperature_mc").to_pylist() == [
        getattr(believed(one.snapshot, one.verdict, "temperature"), "value", None) for one in read
    ]
    assert table.column("variant").to_pylist() == [one.verdict.point.variant for one in read]


def test_every_form_of_the_export_says_the_same(folder: Path, tmp_path: Path) -> None:
    """CSV and JSON hold the same rows and columns: the budget in force, latency, why a reading was missing, every bound."""
    assert export(folder, tmp_path / "t.csv") == export(folder, tmp_path / "t.json") == 1100
    with (tmp_path / "t.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    read = json.loads((tmp_path / "t.json").read_text())
    assert list(written[0]) == list(read[0])
    assert [row["seq"] for row in written] == [str(row["seq"]) for row in read]
    assert {row["budget_mw"] for row in read} == {12_000}
    assert all(row["latency_mean_us"] <= row["latency_max_us"] for row in read if row["delivered"])
    assert all((row["temperature_mc"] is None) == (row["temperature_missing"] is not None) for row in read)
    assert {row["power_simulated"] for row in read} <= {False, None}
    assert any(row["bound_ppm_int8"] is not None and row["variant"] == "fp16" for row in read)


def test_the_export_says_every_limit_in_numbers(folder: Path, tmp_path: Path) -> None:
    """Limit, need and what was left stand in each row: all of them as JSON text, the rule's own as columns, as on record."""
    export(folder, tmp_path / "t.json")
    rows = json.loads((tmp_path / "t.json").read_text())
    verdicts = [one.verdict for one in decisions(folder)]
    assert [len(json.loads(row["limits"])) for row in rows] == [len(one.limits) for one in verdicts]
    assert any(row["limits"] != "[]" for row in rows)
    for row, verdict in zip(rows, verdicts, strict=True):
        named = [one for one in verdict.limits if one.condition == verdict.rule]
        assert [row["limit"], row["limit_needed"], row["limit_available"]] == (
            [named[0].limit, named[0].needed, named[0].available] if named else [None, None, None]
        )
        assert row["refused"].count(":") == len(verdict.refused)
    lowered = replace(verdicts[0], rule="power_budget", limits=(Limit(FP16, "power_budget", Bound.BUDGET, "mw", 9, 11, 9),))
    row = row_of(replace(next(decisions(folder)), verdict=replace(lowered, lowered=Lowered(9, 12, "", 5))))
    assert (row["limit_bound"], row["limit_unit"], row["limit"], row["limit_needed"]) == ("budget", "mw", 9, 11)
    assert (row["budget_lowered_by"], row["budget_lowered_from_mw"]) == ("supply", 12)


def test_a_part_of_the_time_is_exported_and_an_unknown_ending_refused(folder: Path, tmp_path: Path) -> None:
    """Only rows between the two times are written; a file whose form nobody can tell is not written at all."""
    times = [one.record["utc_ms"] for one in decisions(folder)]
    assert export(folder, tmp_path / "t.csv", since_ms=times[10], until_ms=times[19]) == 10
    with pytest.raises(ExportError, match=r"ends in \.csv, \.json, \.parquet"):
        export(folder, tmp_path / "t.xlsx")
    assert not (tmp_path / "t.xlsx").exists()


def test_every_column_of_the_export_is_in_the_dictionary(folder: Path) -> None:
    """docs/audit.md says of each column what it means and in what unit."""
    text = (ROOT / "docs" / "audit.md").read_text()
    assert [name for name, _ in COLUMNS if f"`{name}`" not in text] == []


def test_whoever_waits_is_told_how_far_it_is(folder: Path, tmp_path: Path) -> None:
    """Drawing and exporting say how many of all records they have read."""
    pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    total = max(record["seq"] for record in iter_records(folder)) + 1
    told: list[tuple[int, int]] = []
    tell(folder, lambda done, of: told.append((done, of)))
    export(folder, tmp_path / "t.parquet", lambda done, of: told.append((done, of)))
    assert told == 2 * [(done, total) for done in range(0, total, 1000)]


def browse(path: Path, tmp_path: Path, *more: str) -> tuple[str, list[str]]:
    """What the browser makes of a page, and what it complains about on its console."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *FLAGS, *more, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()]
    home = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=home)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium to look at the page in a browser")
def test_a_browser_opens_it_offline_without_an_error(html: str, tmp_path: Path) -> None:
    """Headless Chromium builds the page, runs its script and says nothing on its console."""
    (tmp_path / "r.html").write_text(html)
    dom, complaints = browse(tmp_path / "r.html", tmp_path)
    assert complaints == []
    assert dom.count('<svg class="panel"') == 8
    (tmp_path / "bad.html").write_text(html.replace("<script>", "<script>null.x;", 1))
    assert browse(tmp_path / "bad.html", tmp_path)[1]  # negative control: an error would have been seen


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium to look at the page in a browser")
@pytest.mark.parametrize("width", [380, 1280])
def test_no_part_of_it_is_wider_than_the_screen(html: str, width: int, tmp_path: Path) -> None:
    """On a telephone and on a desk nothing has to be looked for beyond the edge; a table that does not fold would show."""
    ask = "<script>parent.postMessage(document.documentElement.scrollWidth + ' of ' + innerWidth, '*')</script></body>"
    frame = (  # a window of the browser itself is never narrower than 500 pixels
        "<script>addEventListener('message', (event) => { document.title = event.data })</script>"
        f'<iframe src="r.html" style="width:{width}px;height:900px;border:0"></iframe>'
    )
    (tmp_path / "frame.html").write_text(frame)
    for folds in (True, False):
        shown = html if folds else html.replace("max-width:760px", "max-width:1px").replace("overflow-x:auto", "")
        (tmp_path / "r.html").write_text(shown.replace("</body>", ask))
        dom, _ = browse(tmp_path / "frame.html", tmp_path, "--window-size=1400,900")
        needed, there = re.findall(r"<title>(\d+) of (\d+)</title>", dom)[0]
        assert (int(needed) > int(there)) == (width == 380 and not folds)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium to look at the page in a browser")
def test_it_prints_on_few_sides(html: str, tmp_path: Path) -> None:
    """A log of eighteen minutes with its swaps prints on at most six sides, whatever a screen would show."""
    assert CHROMIUM is not None
    (tmp_path / "r.html").write_text(html)
    home = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    where = [f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={tmp_path / 'r.pdf'}", (tmp_path / "r.html").as_uri()]
    subprocess.run([CHROMIUM, *FLAGS, *where], capture_output=True, timeout=120, check=True, env=home)
    sides = len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "r.pdf").read_bytes()))
    assert 2 <= sides <= 6
