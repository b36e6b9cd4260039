"""The coin of the loss account: nobody can choose which frames are compared without both verifiers saying so."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adaptd.base import coin
from adaptd.brain.estimate import account, account_table
from adaptd.log.format.verdicts import VerifyReport
from adaptd.log.verify.headline import headline
from adaptd.log.verify.verify import Options, Outcome, verify
from adaptd.log.write.opening import open_ledger
from adaptd.report.account_statements import statements
from adaptd.vocabulary import Stretch
from tests.brain.decide.plant import feeder
from tests.log.attacks import ROOT, second_verifier
from tests.log.workload import SMALL, Clock

SEED, SALT, SHARE = "00c0ffee" * 4, "ab" * 16, 160_000
OLD_SEED = 4_242  # as logs have it that were written before seeds had 128 bits
POLICY = {"text": "policy: feeder\nreference: fp16\naccuracy: {confidence_pct: 99}\n", "name": "feeder", "sha256": ""}


def stretch(first: int, frames: int, seed: coin.Seed = SEED, span: int | None = None) -> list[Any]:
    """What an honest worker tells of ``frames`` of int8 under the coin; ``span`` numbers of which some were dropped."""
    last = first + (span or frames) - 1
    drawn = [at for at in range(first, last + 1) if coin.drawn(seed, at, SHARE)]
    return ["bright", "int8", SHARE, frames, 0, len(drawn), 0, 0, 0, first, last, drawn]


def said(rows: list[list[Any]], **changes: Any) -> dict[str, Any]:
    """The statement that follows from the rows."""
    frames = sum(row[3] for row in rows)
    counts = {"band": "bright", "delivered": frames, "efficient": frames, "shadowed": sum(row[5] for row in rows), "differed": 0}
    allowed = max(5000 * frames, 79_000_000)
    return {**counts, "allowed_ppm_frames": allowed, "bound_ppm_frames": 40_000_000, "broken": ""} | changes


def log(
    folder: Path,
    rows: list[list[Any]],
    reveal: dict[str, Any] | None = None,
    seed: coin.Seed = SEED,
    terms: dict[str, Any] | None = None,
    whole: bool = False,
    **statement: Any,
) -> None:
    """A log of one window whose decisions tell of ``rows``, one each or all in one (``whole``)."""
    clock = Clock()
    ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
    commitment = coin.commitment(0, seed, SALT)
    ledger.append("config", {"policy": POLICY}, durable=True)
    opening = {"coin": commitment, "limit_ppm": 5000, "loan_ppm_frames": 79_000_000, "window": 0, **(terms or {})}
    ledger.append("window_open", opening, durable=True)
    for told in [rows] if whole else [[row] for row in rows]:
        clock.now_us += 1_000_000
        ledger.append("decision", {"in": {"worker": {"stretches": told}}})
    words = {"coin": commitment, "reason": "stopped", "salt": SALT, "seed": seed, "statements": [said(rows, **statement)]}
    ledger.append("window_close", {**words, "window": 0, **(reveal or {})}, durable=True)
    ledger.close({"reason": "stopped"})


def both(folder: Path) -> tuple[str, str, str]:
    """The verdicts of the first and of the second verifier, and the first one's reason."""
    first = verify(folder, Options(replay=False))
    return first.verdict.value, second_verifier().verify(str(folder))["verdict"], first.reason


def test_an_honest_window_holds(tmp_path: Path) -> None:
    """Commitment, reveal, draws and counts agree; both verifiers say how many draws they threw again, in the same words."""
    log(tmp_path, [stretch(0, 200), stretch(200, 200), stretch(400, 15, span=18)])
    assert both(tmp_path)[:2] == ("valid", "valid")
    report = verify(tmp_path, Options(replay=False))
    assert (report.coins, report.coins_waiting, report.tossed_frames) == (1, 0, 415)
    words = dict(second_verifier().verify(str(tmp_path))["headline"])["account"]
    assert words == f"1 coin revealed as committed, {report.draws} draws among 415 frames follow"


def seen(frames: int, share_ppm: int, first: int, lost: int) -> list[Any]:
    """Frames of int8 at a rate of the coin, of which the first ``lost`` drawn ones differed."""
    drawn = [at for at in range(first, first + frames) if coin.drawn(SEED, at, share_ppm)]
    return ["bright", "int8", share_ppm, frames, 0, len(drawn), lost, lost * account.M, 0, first, first + frames - 1, drawn]


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_the_second_verifier_computes_every_bound_with_a_formula_of_its_own(tmp_path: Path, lost: int) -> None:
    """What the account claims passes; two parts in ten thousand less is found, whatever was seen at which rates."""
    known = account_table.rules(feeder())
    rows = [seen(2000, 160_000, 0, lost), seen(3000, 40_000, 2000, lost), seen(9000, 10_000, 5000, lost)]
    window = account.start(known, ("night", "dim", "bright"), 0)
    for row in rows:
        window = account.observe(known, window, (Stretch(*row[:-1], drawn=tuple(row[-1])),), "fp16")  # type: ignore[arg-type]
    bound = next(one.debit_ppm for one in window.bands if one.band == "bright")
    terms = {"shares": list(known.shares), "error_ppb": 3_333_334}
    log(tmp_path / "said", rows, terms=terms, bound_ppm_frames=bound, differed=3 * lost)
    found = second_verifier().verify(str(tmp_path / "said"))
    assert found["verdict"] == "valid"
    assert dict(found["headline"])["bounds"].startswith("1 statement held against the formula: none claims less")
    log(tmp_path / "less", rows, terms=terms, bound_ppm_frames=bound * 9998 // 10_000, differed=3 * lost)
    found = second_verifier().verify(str(tmp_path / "less"))
    assert (found["verdict"], found["reason"]) == (
        "replay_mismatch", "a statement claims less than what its counts allow for certain",
    )  # fmt: skip


def test_a_log_of_before_still_holds(tmp_path: Path) -> None:
    """Seeds were numbers of 52 bits once: such a log is checked as it always was, by both verifiers."""
    log(tmp_path, [stretch(0, 200, OLD_SEED)], seed=OLD_SEED)
    assert both(tmp_path)[:2] == ("valid", "valid")
    assert verify(tmp_path, Options(replay=False)).coins == 1


@pytest.mark.parametrize("seed", ["c0ffee", "C0FFEE00" * 4, "c0ffee00" * 3 + "c0ffee0\n", True, None, "é" * 32])
def test_a_seed_of_another_form_is_refused(tmp_path: Path, seed: Any) -> None:
    """Too short to be safe, or no hexadecimal digits: whatever its hash, it is no seed."""
    log(tmp_path, [stretch(0, 200, seed)], seed=seed)
    assert both(tmp_path)[:2] == ("replay_mismatch", "replay_mismatch")


@pytest.mark.parametrize("change", [{"seed": "00c0ffef" * 4}, {"salt": "cd" * 16}])
def test_another_coin_than_the_committed_one_is_found(tmp_path: Path, change: dict[str, Any]) -> None:
    """A seed that was made up afterwards does not have the hash on record."""
    log(tmp_path, [stretch(0, 200)], reveal=change)
    first, second, reason = both(tmp_path)
    assert first == second == "replay_mismatch"
    assert "not the one that was committed to" in reason


def test_a_frame_shadowed_by_choice_is_found(tmp_path: Path) -> None:
    """A frame that the coin had not chosen is no evidence."""
    row = stretch(0, 200)
    other = next(at for at in range(200) if at not in row[11])
    row[11], row[5] = sorted([*row[11], other]), row[5] + 1
    log(tmp_path, [row])
    assert both(tmp_path)[:2] == ("replay_mismatch", "replay_mismatch")


def test_a_shadow_left_out_is_found(tmp_path: Path) -> None:
    """A frame that the coin chose and that was served unshadowed, perhaps because it looked bad, is missed."""
    row = stretch(0, 200)
    row[11], row[5] = row[11][1:], row[5] - 1
    log(tmp_path, [row])
    first, second, reason = both(tmp_path)
    assert first == second == "replay_mismatch"
    assert "unshadowed" in reason


def test_frames_that_were_dropped_explain_as_many_missing_draws_and_no_more(tmp_path: Path) -> None:
    """A dropped frame may have been one that the coin chose; two of them cannot explain three."""
    row = stretch(0, 198, span=200)
    row[11], row[5] = row[11][2:], row[5] - 2
    log(tmp_path / "two", [row])
    assert both(tmp_path / "two")[:2] == ("valid", "valid")
    row = stretch(0, 198, span=200)
    row[11], row[5] = row[11][3:], row[5] - 3
    log(tmp_path / "three", [row])
    assert both(tmp_path / "three")[:2] == ("replay_mismatch", "replay_mismatch")


@pytest.mark.parametrize("change", [{"delivered": 10}, {"shadowed": 0}, {"allowed_ppm_frames": 10**9}])
def test_a_statement_that_the_records_do_not_bear_out_is_found(tmp_path: Path, change: dict[str, int]) -> None:
    """The second verifier counts the frames of every window anew, without any code of ours."""
    log(tmp_path, [stretch(0, 200)], **change)
    assert second_verifier().verify(str(tmp_path))["verdict"] == "replay_mismatch"


def test_a_commitment_that_is_never_revealed_is_said(tmp_path: Path) -> None:
    """A window that is still open is no fault, and no proof."""
    clock = Clock()
    ledger, _ = open_ledger(tmp_path, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
    opening = {"coin": coin.commitment(0, SEED, SALT), "limit_ppm": 5000, "loan_ppm_frames": 0, "window": 0}
    ledger.append("window_open", opening, durable=True)
    ledger.close({"reason": "stopped"})
    report = verify(tmp_path, Options(replay=False))
    assert (report.verdict, report.coins, report.coins_waiting) == (Outcome.VALID, 0, 1)


def test_statements_are_read_in_words_and_as_json(tmp_path: Path) -> None:
    """Counts while the loan is more than the credit, per cent from then on; a day that has none says so with exit code 1."""
    log(tmp_path / "short", [stretch(0, 200)])
    (short,) = statements(tmp_path / "short")
    assert "With 99 % confidence at most 40 of those delivered differ from the reference (79 were allowed)" in short.sentence()
    log(tmp_path / "long", [stretch(at * 1000, 1000) for at in range(20)])
    (long,) = statements(tmp_path / "long")
    assert "at most 0.20 % of those delivered differ from the reference (limit 0.5 %)" in long.sentence()
    command = [sys.executable, "-m", "adaptd", "audit", "statement", str(tmp_path / "long"), "--json"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(told.stdout)["delivered"] == 20_000
    none = subprocess.run([*command, "--day", "1999-01-01"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (none.returncode, none.stdout) == (1, "")
    odd = subprocess.run([*command, "--day", "soon"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert odd.returncode == 2
    assert "write it as 2026-12-01" in odd.stderr


def test_the_headline_says_whether_statements_were_recomputed() -> None:
    """Statements of losses count as recomputed only where every decision was run again; else the line says they were not."""
    ran = VerifyReport(records=9, decisions=3, replayed=3, statements=2)
    said = {one.topic: one for one in headline(ran)}["statements"]
    words = "2 statements of the loss account recomputed from the decisions, with the same bounds"
    assert (said.standing, said.text) == ("good", words)
    for other in (replace(ran, replayed=None), replace(ran, replayed=2), replace(ran, verdict=Outcome.REPLAY_MISMATCH)):
        said = {one.topic: one for one in headline(other)}["statements"]
        assert (said.standing, said.text) == ("unsure", "2 statements of the loss account not recomputed")
    assert "statements" not in {one.topic for one in headline(replace(ran, statements=0))}
