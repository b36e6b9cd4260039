"""The world outside: page, metrics and plug-ins, in a process of its own that may die without moving a tick."""


def one_line(error: BaseException) -> str:
    """What was raised, in one line; its name alone where it says nothing else."""
    return " ".join(f"{error}".split()) or type(error).__name__


class GatewayError(Exception):
    """One line: what, where, remedy. Raised before anything is served: the arguments cannot be used as they are."""
