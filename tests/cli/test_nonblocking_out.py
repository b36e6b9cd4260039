"""Lines for people never hold up who writes them."""

import io
import os

from adaptd.cli.narrate import NonblockingOut


def test_a_reader_that_does_not_read_costs_lines_and_is_told() -> None:
    """A full pipe drops the line at once; when it is read again, the next line says how many are missing."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w") as stream:
        outlet = NonblockingOut(stream)
        lines = 0
        while not outlet.dropped:
            outlet.write("x" * 1000 + "\n")
            lines += 1
            assert lines < 10_000, "the pipe never filled"
        outlet.write("another\n")
        assert outlet.dropped == 2
        os.set_blocking(reader.fileno(), False)
        assert reader.read()
        outlet.write("seen\n")
        assert reader.read() == b"[2 lines were not shown: nobody read]\nseen\n"


def test_what_is_no_file_is_written_to() -> None:
    """A buffer takes everything."""
    buffer = io.StringIO()
    NonblockingOut(buffer).write("a\n")
    assert buffer.getvalue() == "a\n"
