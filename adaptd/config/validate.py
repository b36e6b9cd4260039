"""Join pydantic's findings to the line and column they came from; conversion from human units happens beside the models."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from adaptd.config.errors import ConfigError
from adaptd.config.strict_yaml import Document, KeyPath

# A policy's name may be in any script. No class of letters means the same to Python, Rust and JavaScript, so what no name holds
# is listed: blanks, control and direction characters, and punctuation that means something to a shell, a page or a path.
_NO_NAME = (
    r"\u0000-\u0020\u0022-\u0024\u0026-\u002a\u002c\u002f\u003a-\u0040\u005b-\u005e\u0060\u007b-\u00a0\u00ad\u061c\u1680\u180e"
    r"\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff0-\uffff"
)
PolicyName = Annotated[str, Field(min_length=1, max_length=64, pattern=rf"^[^{_NO_NAME}.\-][^{_NO_NAME}]*$")]


class Strict(BaseModel):
    """A mapping whose keys are all known and whose values have exactly the type that is written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("is true or false, a number is needed")  # noqa: TRY004 - pydantic turns ValueError into a fault
    return value


def _whole(value: object) -> object:
    if type(value) is not int:
        raise ValueError("is no bare whole number, write 1")
    return value


Number = Annotated[float, BeforeValidator(_no_bool)]
SchemaOne = Annotated[Literal[1], BeforeValidator(_whole)]  # `true` and `1.0` equal 1 and are not what a schema number is
ModelT = TypeVar("ModelT", bound=BaseModel)


def scaled(value: float, factor: int) -> int:
    """``value`` times ``factor`` as an integer, rounded half to even on the decimal digits that were written."""
    return int((Decimal(repr(value)) * factor).to_integral_value(rounding=ROUND_HALF_EVEN))


def validate(document: Document, model: type[ModelT]) -> ModelT:
    """Check a parsed document against ``model``.

    Raises:
        ConfigError: one line for every fault, in the order of the file.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        lines = [_line(document, dict(fault)) for fault in error.errors(include_url=False)]
        raise ConfigError(*sorted(set(lines), key=_by_position)) from None


def _line(document: Document, fault: dict[str, Any]) -> str:
    path: KeyPath = tuple(part for part in fault["loc"] if not _is_union_tag(part))
    key = ".".join(str(part) for part in path) or "file"
    return f"{document.where(path)}: {key}: {_words(fault, path)}"


def _is_union_tag(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part in {"float", "int", "str"})


WANTED = {
    "float_type": "a bare finite number",
    "float_parsing": "a bare finite number",
    "finite_number": "a finite number",
    "int_type": "a bare whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "model_attributes_type": "a mapping",
    "string_pattern_mismatch": "a plain name of letters, digits, '_', '-' and '.'",
    "literal_error": "one of {expected}",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "at least {min_length}",
    "too_long": "at most {max_length}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
}


def _words(fault: dict[str, Any], path: KeyPath) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        return "is not a known key, remove it or correct its spelling"
    if kind == "missing":
        return f"is missing, add `{path[-1]}:`"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch" and _NO_NAME in str(context.get("pattern")):
        return f"is {_shown(fault.get('input'))}, a name of letters, digits, '_', '-' and '.' of any script is needed, no blanks"
    if kind in WANTED:
        return f"is {_shown(fault.get('input'))}, {WANTED[kind].format(**context)} is needed"
    return f"is {_shown(fault.get('input'))}, refused because {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "nothing" if value is None else str(value)


def _by_position(line: str) -> tuple[int, int]:
    for start in range(len(line)):
        parts = line[start:].split(":", 3)
        if start and line[start - 1] == ":" and len(parts) > 2 and parts[0].isdigit() and parts[1].isdigit():
            return int(parts[0]), int(parts[1])
    return 0, 0
