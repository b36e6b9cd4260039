"""The error that the gateway raises for people."""


class GatewayError(Exception):
    """One line: what, where, remedy. Raised before anything is served: the arguments cannot be used as they are."""
