"""A module of the core written so that mypyc compiles it well: the same decisions, in words that cost less.

Sources stay as they read best. Here, for the compiler alone, a word (a dataclass with slots, or a named tuple) gets constructor,
comparison and fields spelled out, a module constant is declared final, and ``zip(strict=True)`` becomes a check of lengths before
a plain ``zip``, which is all that mypyc turns into a loop. What interprets and what compiles must give the same bytes:
``tests.faults.cores`` runs both.
"""

import ast
import re

CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
IMPORTS = "from dataclasses import dataclass\nfrom typing import Any, Final, final\n_KEPT: Final = object()\n"
SAME_LENGTH = """
def _same_length(*lengths: int) -> None:
    for at in range(1, len(lengths)):
        if lengths[at] != lengths[0]:
            others = "argument 1" if at == 1 else f"arguments 1-{at}"
            raise ValueError(f"zip() argument {at + 1} is {'shorter' if lengths[at] < lengths[0] else 'longer'} than {others}")
"""


def native(source: str) -> str:
    """The text to compile in place of ``source``."""
    tree = ast.parse(source)
    words = [node for node in tree.body if isinstance(node, ast.ClassDef) and _is_word(node)]
    tail = [
        f"setattr({word.name}, '__annotations__', { {field.name: field.hint for field in _fields(word)}!r})" for word in words
    ]
    for word in words:
        _spell_out(word)
    tree.body = [part for node in tree.body for part in _final(node)]
    _level_zips(tree)
    start = 1 if ast.get_docstring(tree) is not None else 0
    tree.body[start:start] = ast.parse(IMPORTS + SAME_LENGTH).body
    tree.body += ast.parse("\n".join(tail)).body
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


class _Field:
    """One annotated field of a word."""

    def __init__(self, node: ast.AnnAssign) -> None:
        assert isinstance(node.target, ast.Name)
        self.name, self.hint = node.target.id, ast.unparse(node.annotation)
        self.default = "" if node.value is None else f" = {ast.unparse(node.value)}"


def _fields(word: ast.ClassDef) -> list[_Field]:
    return [_Field(node) for node in word.body if isinstance(node, ast.AnnAssign)]


def _is_tuple(word: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "NamedTuple" for base in word.bases)


def _is_word(word: ast.ClassDef) -> bool:
    """A named tuple or a dataclass whose defaults are all plain values."""
    made = any(ast.unparse(mark).startswith("dataclass(") for mark in word.decorator_list)
    return _is_tuple(word) or (made and not any(field.default.startswith(" = field(") for field in _fields(word)))


def _is_frozen(word: ast.ClassDef) -> bool:
    return _is_tuple(word) or any("frozen=True" in ast.unparse(mark) for mark in word.decorator_list)


def _spell_out(word: ast.ClassDef) -> None:
    """Give the word its constructor, ``==`` and all its fields as one tuple; a named tuple becomes a frozen dataclass."""
    fields = _fields(word)
    given = ", ".join(f"{field.name}: {field.hint}{field.default}" for field in fields)
    same = " and ".join(f"self.{field.name} == other.{field.name}" for field in fields)
    text = [
        f"def __init__(self, {given}) -> None:",
        *[f"    self.{field.name} = {field.name}" for field in fields],
        "def __eq__(self, other: object) -> bool:",
        f"    return {same} if isinstance(other, {word.name}) else NotImplemented",
        *(["def __hash__(self) -> int:", "    return hash(self.as_tuple())"] if _is_frozen(word) else []),
        "def as_tuple(self) -> tuple[Any, ...]:",
        f"    return ({', '.join(f'self.{field.name}' for field in fields)},)",
        "def __reduce__(self) -> tuple[Any, ...]:",  # the only way in which a compiled word travels to another process
        f"    return ({word.name}, self.as_tuple())",
    ]
    if _is_tuple(word):
        text += _replacing(word.name, fields)
        word.bases = []
        word.decorator_list = [ast.parse("dataclass(frozen=True, slots=True)", mode="eval").body]
    methods = ast.parse("\n".join(text)).body
    for node in ast.walk(methods[0]):
        if isinstance(node, ast.Assign):
            node.type_comment = "ignore[misc]"  # a frozen field is set here and nowhere else
    word.body += methods
    word.decorator_list.insert(0, ast.Name("final"))


def _replacing(word: str, fields: list[_Field]) -> list[str]:
    """``_replace`` with a parameter for each field: a call of it makes no dict, and looks at no field by its name."""
    changes = ", ".join(f"{field.name}: Any = _KEPT" for field in fields)
    values = ", ".join(f"self.{field.name} if {field.name} is _KEPT else {field.name}" for field in fields)
    return [f"def _replace(self, *, {changes}) -> {word!r}:", f"    return {word}({values})"]


def _final(node: ast.stmt) -> list[ast.stmt]:
    """A constant of the module as one that never changes; every other statement as it is."""
    if isinstance(node, ast.AnnAssign) and node.value is not None and _constant(node.target):
        return ast.parse(f"{ast.unparse(node.target)}: Final[{ast.unparse(node.annotation)}] = {ast.unparse(node.value)}").body
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return [node]
    target, value = node.targets[0], node.value
    if _constant(target):
        return ast.parse(f"{ast.unparse(target)}: Final = {ast.unparse(value)}").body
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and all(_constant(one) for one in target.elts):
        pairs = zip(target.elts, value.elts, strict=True)
        return [part for one, item in pairs for part in ast.parse(f"{ast.unparse(one)}: Final = {ast.unparse(item)}").body]
    return [node]


def _constant(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and CONSTANT.fullmatch(target.id) is not None


def _level_zips(node: ast.AST) -> None:
    """Make every ``zip`` over plain names a plain one, where it is strict behind a check of lengths before the statement."""
    for name in ("body", "orelse"):
        statements = getattr(node, name, None)
        if isinstance(statements, list):
            for statement in statements:
                _level_zips(statement)
            setattr(node, name, [part for statement in statements for part in (*_checks(statement), statement)])


def _checks(statement: ast.stmt) -> list[ast.stmt]:
    """The checks that the statement needs before it, now that its zips are plain."""
    plain = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)
    if not isinstance(statement, (ast.For, *plain)):
        return []
    root = statement.iter if isinstance(statement, ast.For) else statement
    nodes = list(ast.walk(root))
    if any(isinstance(node, (ast.IfExp, ast.BoolOp, ast.Lambda)) for node in nodes):
        return []  # a zip in there may never be reached
    bound = {
        name.id
        for node in nodes
        if isinstance(node, ast.comprehension)
        for name in ast.walk(node.target)
        if isinstance(name, ast.Name)
    }
    checks: list[ast.stmt] = []
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "zip" and node.keywords:
            starts = {_start(given) for given in node.args}
            if None in starts or starts & bound:
                continue
            if ast.unparse(node.keywords[0]) == "strict=True":
                lengths = ", ".join(f"len({ast.unparse(given)})" for given in node.args)
                checks += ast.parse(f"_same_length({lengths})").body
            node.keywords = []
    return checks


def _start(given: ast.expr) -> str | None:
    """The name that a dotted name begins with, or None for any other expression."""
    while isinstance(given, ast.Attribute):
        given = given.value
    return given.id if isinstance(given, ast.Name) else None
