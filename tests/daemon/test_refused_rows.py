"""What status says of a refused operating point: its condition, and the limit, what it needs and what is left, in numbers."""

from adaptd.daemon.status import AccountRow
from adaptd.daemon.status_rows import reason_rows, refused_rows
from adaptd.vocabulary import BandStatement, Bound, Limit, Lowered, Mode, OperatingPoint, Refusal, Verdict

FP16 = OperatingPoint("fp16", 15_000)
INT8 = OperatingPoint("int8", 15_000)
VERDICT = Verdict(
    mode=Mode.REFERENCE,
    point=OperatingPoint("fp16", 9000),
    lease_us=0,
    shadow_ppm=0,
    band="bright",
    rule="power_budget",
    conditions=(),
    refused=(Refusal(FP16, "power_budget"), Refusal(INT8, "light_known")),
    limits=(Limit(FP16, "power_budget", Bound.BUDGET, "mw", 9000, 11_400, 9000),),
    lowered=Lowered(9000, 12_000, "", 5),
)


def test_a_refused_point_says_its_limit_in_numbers() -> None:
    """Budget, need and what is left stand beside the sentence that names them, with who lowered the budget."""
    row = refused_rows(VERDICT)[0]
    assert (
        row["words"]
        == reason_rows(VERDICT)[0]["words"]
        == "power 11.4 W would pass the budget of 9.0 W, lowered from 12.0 W by the supply"
    )
    assert {name: row[name] for name in ("unit", "limit", "needed", "available")} == {
        "unit": "mw", "limit": 9000, "needed": 11_400, "available": 9000,
    }  # fmt: skip


def test_a_condition_without_numbers_is_said_in_words() -> None:
    """Where nothing can be counted the row has words alone, and no number that means nothing."""
    row = refused_rows(VERDICT)[1]
    assert row == {"variant": "int8", "fps": 15.0, "condition": "light_known", "words": "not proven: the light is not known"}


def test_no_more_frames_differ_than_were_delivered() -> None:
    """Late frames are charged before one is delivered; the sentence never says that more differ than there are."""
    row = AccountRow(BandStatement("bright", 2, 6, 0, 0, 6_000_000, 79_000_000), 0, 5000, True)
    assert row.words() == "in bright light at most 2 of 2 frames differ, 79 allowed; 0 seen in 0 that ran on both engines"
