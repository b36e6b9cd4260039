"""A policy that knows the days of boxes like this one: in which light bands, and for how long, INT8 is expected to pay."""

import yaml

from adaptd.config.policy import parse_policy


def with_day(text: str, hours: dict[str, float]) -> str:
    """The policy's text with ``accuracy.expected_h``; all else, comments included, stays.

    Raises:
        ConfigError: the text, or what it becomes, is no policy.
    """
    parse_policy(text)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    accuracy = _child(root, "accuracy")
    assert isinstance(accuracy, yaml.MappingNode)
    words = "{" + ", ".join(f"{band}: {one:g}" for band, one in hours.items()) + "}"
    before = _child(accuracy, "expected_h")
    if before is not None:
        start, end, put = before.start_mark.index, before.end_mark.index, words
    else:
        first = accuracy.value[0][0].start_mark
        start = end = first.index
        put = f"expected_h: {words}, " if accuracy.flow_style else f"expected_h: {words}\n{' ' * first.column}"
    text = text[:start] + put + text[end:]
    parse_policy(text)
    return text


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)
