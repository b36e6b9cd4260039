"""Everything the worker says that matters is recorded, and what is urgent calls for a decision."""

from adaptd.daemon.status import SourceWords
from adaptd.daemon.worker_events import engine_words, heard, missing_words, source_words
from adaptd.protocol.messages import Applied, EngineInfo, Fault, Garbled, Hello, Swapped
from adaptd.supervise.supervisor import Lost, Started
from adaptd.vocabulary import (
    LIGHT,
    POWER,
    TEMPERATURE,
    Judged,
    MissingReason,
    Mode,
    OperatingPoint,
    RawReading,
    Snapshot,
    Telemetry,
    Unread,
    Verdict,
)

HELLO = Hello(
    1, "ort", (EngineInfo("fp16", "fp32", 9, True, 1), EngineInfo("int8", "int8", 3, False, 1)), "clip", 15_000, False, 5, 6
)


def test_a_swap_the_worker_made_by_itself_is_durable_and_urgent() -> None:
    """A fall-back by lease or after garbage is on record at once; an ordered swap has its own result record."""
    own = heard(Swapped(3, "int8", "fp16", "lease", 90, 12, 0))
    assert own is not None
    assert (own.durable, own.urgent, own.fields["reason"], own.trouble) == (True, True, "lease", True)
    ordered = heard(Swapped(3, "int8", "fp16", "setpoint", 90, 12, 0))
    assert ordered is not None
    assert (ordered.durable, ordered.urgent, ordered.words) == (False, False, "")


def test_a_lost_or_restarted_worker_must_be_asked_again() -> None:
    """After a crash nothing that was asked still holds."""
    lost = heard(Lost("crashed", "signal 9", "int8", -9, 100, False, 0))
    started = heard(Started(2, 99, 0))
    assert lost is not None
    assert started is not None
    assert (lost.gone, lost.durable, started.gone) == (True, True, True)


def test_faults_and_garbled_lines_are_recorded() -> None:
    """A fault is told to people and recorded at once; a garbled line is recorded with the next group."""
    fault = heard(Fault("output", "int8 gave NaN", 0, "int8"))
    garbled = heard(Garbled("no message"))
    assert fault is not None
    assert garbled is not None
    assert (fault.kind, fault.durable, fault.trouble, garbled.kind, garbled.durable) == ("fault", True, True, "fault", False)


def test_read_backs_are_not_recorded_one_by_one() -> None:
    """Every renewed setpoint is confirmed by the worker; only intents have result records."""
    assert heard(Applied(1, "fp16", 15_000, 10, 0)) is None


def test_status_says_which_engines_are_warm_and_what_they_compute_in() -> None:
    """An engine that is loaded and not warm is not shown as warm, and FP16 that computes in FP32 says so."""
    words = engine_words(HELLO)
    assert (words.backend, words.warm, words.precision) == ("ort", ("fp16",), (("fp16", "fp32"), ("int8", "int8")))
    assert OperatingPoint("fp16", 1) != OperatingPoint("fp16", 2)


def test_what_is_missing_is_named_with_its_reason() -> None:
    """A rate that falls because a sensor was lost with a killed worker says so, in the sentence that people read."""
    lost = Unread(MissingReason.DEVICE, "NVML: driver not loaded", "nvml:0", TEMPERATURE)
    others = (RawReading(5, 0, 1, "x", POWER), RawReading(5, 0, 1, "y", LIGHT))
    snapshot = Snapshot(0, (lost, *others), Telemetry(alive=True, point=OperatingPoint("fp16", 0)))
    none = Judged("", MissingReason.DEVICE)
    verdict = Verdict(Mode.REFERENCE, OperatingPoint("fp16", 0), 0, 0, "", "", (), judged=(none, Judged("x"), Judged("y")))
    (words,) = missing_words(snapshot, verdict)
    assert words.startswith("Missing: temperature (")


def test_status_says_what_arrives_of_what_was_asked() -> None:
    """`15.0 fps of 60 asked`, and no_source while nothing comes."""
    assert SourceWords("ok", 15_000, 0).plain(60_000)["words"] == "15.0 fps of 60 asked"
    assert SourceWords("ok", 14_960, 3).plain(15_000)["words"] == "15.0 fps of 15 asked, 3 frames unusable"
    assert SourceWords("no_source", 15_000).plain(15_000) == {
        "state": "no_source",
        "fps": None,
        "asked_fps": 15.0,
        "bad_frames": 0,
        "words": "no_source",
    }
    assert source_words(None).state == "starting"
