"""A read that hangs holds one thread and nothing else."""

import threading

import pytest

from adaptd.sense.deadline import MOST_READERS, ReaderPool
from adaptd.sense.source import TEMPERATURE, Source
from adaptd.vocabulary import Missing, RawReading
from tests.sense.fakes import HandClock
from tests.sense.judged import said


class Steps(Source):
    """Counts its reads; blocks while ``gate`` is closed."""

    quantity = TEMPERATURE

    def __init__(self, name: str = "steps") -> None:
        super().__init__(name)
        self.reads = 0
        self.gate = threading.Event()
        self.gate.set()
        self.finished = threading.Event()

    def read(self, now_us: int) -> int | Missing:
        self.reads += 1
        self.gate.wait()
        self.finished.set()
        return self.reads


def test_a_quick_read_is_there_in_the_tick_that_asked_for_it(clock: HandClock) -> None:
    """Reading, number and time belong to this tick."""
    pool = ReaderPool(clock, grace_s=20.0)
    reader = pool.add(Steps())
    assert said(reader.sample(clock.now_us)) == "not read yet"
    for expected in (1, 2):
        now_us = clock.advance(1)
        pool.collect(now_us)
        sample = reader.sample(now_us)
        assert isinstance(sample, RawReading)
        assert (sample.seq, sample.age_us, sample.value, sample.source) == (expected, 0, expected, "steps")
    pool.close()


def test_a_hung_read_returns_to_the_caller_and_is_named_after_its_deadline(clock: HandClock) -> None:
    """The read is let go only after the caller has come back from ten ticks: were the caller held up, this test would not end."""
    pool = ReaderPool(clock, deadline_us=500_000, grace_s=0.01)
    slow, quick = Steps("slow"), Steps("quick")
    slow.gate.clear()
    slow_reader, quick_reader = pool.add(slow), pool.add(quick)
    words = []
    for _ in range(10):
        now_us = clock.advance(0.1)
        pool.collect(now_us)
        words.append(slow_reader.sample(now_us))
    assert said(words[4]) == "not read yet"
    assert said(words[9]) == "hung: no answer within 500 ms"
    assert slow.reads == 1
    assert isinstance(quick_reader.sample(now_us), RawReading)
    slow.gate.set()
    pool.close()


def test_an_answer_that_comes_late_carries_the_time_at_which_its_read_began(clock: HandClock) -> None:
    """A value that hung for three seconds is three seconds old."""
    pool = ReaderPool(clock, grace_s=0.01)
    slow = Steps()
    slow.gate.clear()
    reader = pool.add(slow)
    began_us = clock.now_us
    pool.collect(began_us)
    while slow.reads == 0:
        pool.collect(clock.now_us)
    now_us = clock.advance(3)
    slow.gate.set()
    while reader._busy_since_us is not None:
        slow.finished.wait()
    sample = reader.sample(now_us)
    assert isinstance(sample, RawReading)
    assert (sample.seq, now_us - sample.age_us) == (1, began_us)
    pool.close()


def test_a_dear_read_is_made_no_oftener_than_it_is_worth(clock: HandClock) -> None:
    """A source with a period of half a second is read twice a second by ten ticks, and its answer grows old in between."""
    pool = ReaderPool(clock, grace_s=20.0)
    dear = Steps()
    dear.period_us = 500_000
    reader = pool.add(dear)
    for _ in range(10):
        now_us = clock.advance(0.1)
        pool.collect(now_us)
    assert dear.reads == 2
    sample = reader.sample(now_us)
    assert isinstance(sample, RawReading)
    assert sample.age_us == 400_000
    pool.close()


def test_the_number_of_threads_is_bounded(clock: HandClock) -> None:
    """A profile that names too many sources is refused with the remedy."""
    pool = ReaderPool(clock)
    for number in range(MOST_READERS):
        pool.add(Steps(str(number)))
    with pytest.raises(ValueError, match="name fewer"):
        pool.add(Steps("one too many"))
    pool.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_reader_that_died_is_missing(clock: HandClock) -> None:
    """A fault in a source's own code ends its thread and nothing else."""

    class Broken(Steps):
        """Raises what no source may raise."""

        def read(self, now_us: int) -> int | Missing:
            raise RuntimeError("a fault in the source")

    pool = ReaderPool(clock, grace_s=0.05)
    reader = pool.add(Broken())
    pool.collect(clock.now_us)
    reader._thread.join()
    assert said(reader.sample(clock.now_us)) == "reader failed"
    pool.close()
