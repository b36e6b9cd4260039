"""A board's profile with the fleet's poles in place of its own: what a new box of that board and enclosure starts from."""

from collections.abc import Iterator

import yaml

from adaptd.config.profile import parse_profile


def with_poles(text: str, r: float, tau: float, source: str, name: str) -> str:
    """The profile's text under another name with every resistance times ``r`` and every time constant times ``tau``.

    All else, comments included, stays. ``source`` says where the factors come from; the numbers become ``derived``.

    Raises:
        ConfigError: the text, or what it becomes, is no profile.
    """
    parse_profile(text)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    edits: list[tuple[int, int, str]] = []
    heading = _child(root, "profile")
    assert heading is not None
    edits.append((heading.start_mark.index, heading.end_mark.index, name))
    for pole in _poles(root):
        for key, factor in (("r_k_per_w", r), ("tau_s", tau)):
            number = _child(pole, key)
            value = _child(number, "value")
            assert number is not None
            assert value is not None
            scaled = f"{float(value.value) * factor:.4g}"
            words = f'{{value: {scaled}, class: derived, source: "{source}, from {value.value} in the profile"}}'
            edits.append((number.start_mark.index, number.end_mark.index, words))
    for start, end, words in sorted(edits, reverse=True):
        text = text[:start] + words + text[end:]
    parse_profile(text)
    return text


def _poles(root: yaml.Node | None) -> Iterator[yaml.Node]:
    poles = _child(_child(root, "thermal"), "poles")
    yield from poles.value if isinstance(poles, yaml.SequenceNode) else ()


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)
