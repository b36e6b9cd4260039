"""Which core runs: the interpreted one, which is the reference, or the one that ``make compiled`` makes of the same sources.

Python takes an extension module before the source beside it. So whatever is imported from this package comes after
``refuse_stale``: extension modules that were made from other sources than those on disk decide nothing.
"""

import os
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Any

DECIDES = (
    *(f"vocabulary/{name}" for name in "__init__ battery board decisions readings service".split()),
    "brain/tick", "brain/pricing", "brain/tables", "brain/going_on",
    *(f"brain/estimate/{name}" for name in "account account_table bands battery fixed light linear logarithm".split()),
    *(f"brain/estimate/{name}" for name in "foresight pace power scene_guard tail thermal window".split()),
    *(f"brain/judge/{name}" for name in "fusion judge rules source words".split()),
    *(f"brain/decide/{name}" for name in "carryover conflict deadline decision endure headroom inputs limits".split()),
    *(f"brain/decide/{name}" for name in "outcome planner safety settle shadowing shift shortfall transitions words".split()),
)  # fmt: skip
READS = (
    *(f"config/{name}" for name in "cells endurance errors limits policy profile scaling strict_yaml validate".split()),
    "base/canonical_json",
    *(f"log/format/{name}" for name in "codec decisions evidence fields shapes".split()),
)  # what turns the bytes of a policy, a profile and a record into what the brain is given, and its answer into bytes
VERIFIES = (
    *(f"log/format/{name}" for name in "chain tree".split()),
    *(f"log/verify/{name}" for name in "bounds coins decided replay served_intervals timeline verify walk".split()),
)
CORE = (*DECIDES, *READS)  # the code hash in the log covers these files and no other
_AS_WRITTEN = ("/words", "/__init__")
_TEXTS = tuple(name for name in READS if name.startswith("config/") and name != "config/cells")  # read once in a run
COMPILED = (*(name for name in CORE if name not in _TEXTS and not name.endswith(_AS_WRITTEN)), *VERIFIES)
SUFFIX = EXTENSION_SUFFIXES[0]
LIBRARY = "core__mypyc"  # what the extension modules share
MADE_FROM = "compiled.json"
REMEDY = "run `make compiled` again, or `make clean` to go without"


class StaleCoreError(SystemExit):
    """The extension modules are not those of the sources. Nobody can go on from here: it ends the process with its one line."""


def refuse_stale(package: str) -> None:
    """Raise StaleCoreError where ``package`` holds extension modules that were not made from the sources beside them."""
    absent = [name for name in (LIBRARY, *COMPILED) if not os.path.exists(os.path.join(package, name + SUFFIX))]
    if len(absent) > len(COMPILED):
        return  # none that this Python would see
    try:
        made = _read(os.path.join(package, MADE_FROM))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise StaleCoreError(
            f"{os.path.join(package, MADE_FROM)}: does not say what the core is made of ({why}): {REMEDY}"
        ) from None
    if absent or made.get("modules") != list(COMPILED) or made.get("suffix") != SUFFIX:
        what = f"{absent[0]} is missing" if absent else "it was made of other modules or for another Python"
        raise StaleCoreError(f"{package}: the compiled core is not whole, {what}: {REMEDY}")
    for source, digest in made["sources"].items():
        if digest_of(os.path.join(package, source)) != digest:
            raise StaleCoreError(f"{os.path.join(package, source)}: is not the source of the compiled core: {REMEDY}")


def _read(path: str) -> dict[str, Any]:
    import json

    with open(path, "rb") as file:
        made = json.load(file)
    if type(made) is not dict or type(made.get("sources")) is not dict:
        raise ValueError("not a list of sources")
    return made


def digest_of(path: str) -> str | None:
    """SHA-256 (hex) of a file, or None where there is none."""
    from hashlib import sha256

    try:
        with open(path, "rb") as file:
            return sha256(file.read()).hexdigest()
    except OSError:
        return None


def running() -> str:
    """``compiled`` or ``interpreted``: where the brain of this process came from."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return "compiled" if os.path.exists(os.path.join(package, "brain", "tick" + SUFFIX)) else "interpreted"
