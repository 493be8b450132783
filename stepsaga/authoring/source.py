"""What only the source can tell: `is`, `isinstance`, `match` and their like on saga data.

Python asks the operands nothing there, so the stand-ins cannot refuse.
"""

from __future__ import annotations

import ast
import functools
import linecache
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

_ASKS: Final = frozenset({"isinstance", "id", "type", "callable", "hasattr", "repr", "ascii"})
"""Builtins that answer about the stand-in."""

_HINT: Final = "decide in a step's handler: there it is a plain Python value"


def unseen_uses(cls: type, place: Source, names: set[str], scope: dict[str, Any]) -> list[Problem]:
    """Plain Python tests of saga data in a class body.

    Args:
        cls: The saga's class.
        place: A line within its body.
        names: The names that are bound to saga data or steps.
        scope: The globals of the class's module, which may know how to load the source.

    Returns:
        A problem for each; one problem, S112, where the source cannot be read: then nobody can
        tell, and a saga must not run on a guess.
    """
    text = "".join(linecache.getlines(place.file, scope))
    body = _class_at(text, cls.__name__, place.line)
    if body is None:
        reason = f"the source of the class cannot be read ({place.file})"
        hint = "write the class in a file: `is` and isinstance on saga data show only in the source"
        return [Problem("S112", cls.__name__, reason, hint, place)]
    return [
        Problem(
            "S109",
            cls.__name__,
            f"{use} asks the stand-in, not the value, which exists only when the saga runs",
            _HINT,
            Source(place.file, line),
        )
        for use, line in _uses(body, names)
    ]


@functools.lru_cache(maxsize=16)
def _classes(text: str) -> tuple[ast.ClassDef, ...]:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return ()
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def _class_at(text: str, name: str, line: int) -> ast.ClassDef | None:
    found = [
        node
        for node in _classes(text)
        if node.name == name and node.lineno <= line <= (node.end_lineno or line)
    ]
    return max(found, key=lambda node: node.lineno, default=None)


def _uses(body: ast.ClassDef, names: set[str]) -> Iterator[tuple[str, int]]:
    for statement in body.body:
        for node in _run_in_body(statement):
            if _asks(node, names):
                text = (
                    f"`match {ast.unparse(node.subject)}`"
                    if isinstance(node, ast.Match)
                    else (f"`{ast.unparse(node)}`")
                )
                yield text, node.lineno  # type: ignore[attr-defined]  # expressions, statements


def _asks(node: ast.AST, names: set[str]) -> bool:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            identity = any(isinstance(op, ast.Is | ast.IsNot) for op in ops)
            return identity and any(_root(side) in names for side in (left, *others))
        case ast.Call(func=ast.Name(id=called), args=[first, *_]) if called in _ASKS:
            return _root(first) in names
        case ast.FormattedValue(value=value, conversion=conversion):
            return conversion in {ord("r"), ord("a")} and _root(value) in names
        case ast.Match(subject=subject):
            return _root(subject) in names
        case _:
            return False


def _run_in_body(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run while the class is made: not what functions and classes hold."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
        defaults = [default for default in node.args.kw_defaults if default is not None]
        for now in (*decorators, *node.args.defaults, *defaults):
            yield from _run_in_body(now)
        return
    if isinstance(node, ast.ClassDef):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _run_in_body(child)


def _root(node: ast.expr) -> str:
    """The name that an expression begins with: ``charge`` in ``charge.result.risk``."""
    while True:
        match node:
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                node = value
            case ast.NamedExpr(value=value):
                node = value
            case ast.Name(id=name):
                return name
            case _:
                return ""
