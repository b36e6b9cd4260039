"""What a new box starts from: its board's profile with the fleet's poles, and a policy that knows the days of boxes like it.

Both are files of a person: all but the numbers put in stays, comments included, and what comes out is checked as any other.
"""

from contextlib import suppress

from adaptd.config.policy import parse_policy
from adaptd.config.profile import parse_profile
from adaptd.lab.tune.knobs import Path, node_at, put


def with_poles(text: str, r: float, tau: float, source: str, name: str) -> str:
    """The profile's text under another name with every resistance times ``r`` and every time constant times ``tau``.

    ``source`` says where the factors come from; the numbers become ``derived``.

    Raises:
        ConfigError: the text, or what it becomes, is no profile.
    """
    edits: dict[Path, float | str] = {("profile",): name}
    for at in range(len(parse_profile(text).poles)):
        for key, factor in (("r_k_per_w", r), ("tau_s", tau)):
            path = ("thermal", "poles", at, key)
            told = node_at(text, (*path, "value")).value
            words = f"value: {float(told) * factor:.4g}, class: derived"
            edits[path] = f'{{{words}, source: "{source}, from {told} in the profile"}}'
    text = put(text, edits)
    parse_profile(text)
    return text


def with_day(text: str, hours: dict[str, float]) -> str:
    """The policy's text with ``accuracy.expected_h``: in which light bands, and for how long, INT8 is expected to pay.

    Raises:
        ConfigError: the text, or what it becomes, is no policy.
    """
    parse_policy(text)
    words = "{" + ", ".join(f"{band}: {one:g}" for band, one in hours.items()) + "}"
    accuracy = node_at(text, ("accuracy",))
    first = accuracy.value[0][0].start_mark
    added = f"expected_h: {words}, " if accuracy.flow_style else f"expected_h: {words}\n{' ' * first.column}"
    changed = text[: first.index] + added + text[first.index :]
    with suppress(KeyError):
        changed = put(text, {("accuracy", "expected_h"): words})
    parse_policy(changed)
    return changed
