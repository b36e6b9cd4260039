"""The world outside: page, metrics and plug-ins, in a process of its own that may die without moving a tick."""


class GatewayError(Exception):
    """One line: what, where, remedy. Raised before anything is served: the arguments cannot be used as they are."""
