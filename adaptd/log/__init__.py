"""The log: what it is made of (``format``), the writer's half (``write``) and the verifier's (``verify``)."""

KEEP_DAYS = 184  # six months and a day: the longest six months of a calendar
HEARTBEAT_DECISIONS = 256  # a whole state at least so often: what a restart goes on with is no older
