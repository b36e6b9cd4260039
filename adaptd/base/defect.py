"""What the daemon says of a defect of its own."""

from pathlib import Path


def defect(error: BaseException) -> str:
    """A defect of ours: kind, text, and the line it came from."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{where}"
