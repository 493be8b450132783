"""What stands in the class body for something that exists only when the saga runs.

Used as a plain Python value it would give a wrong answer in silence (``if charge.result.risk``
would always be true), so every such use is refused at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from stepsaga.authoring.place import class_body, here
from stepsaga.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable


class Standin:
    """The base of steps and saga data. Its refusals are added below."""

    __slots__ = ()

    def __root__(self) -> tuple[object, tuple[str, ...]]:
        """What this stands for: an object compared by identity, and names below it."""
        raise NotImplementedError


def refusal(code: str, standin: Standin, text: str, hint: str) -> DefinitionError:
    """A problem that stops the class body, with the stand-in by the name that it has there."""
    under_way = class_body()
    source = under_way[2] if under_way else here()
    return DefinitionError([Problem(code, _subject(standin), text, hint, source)])


def _subject(standin: Standin) -> str:
    root, path = standin.__root__()
    under_way = class_body()
    if under_way:
        cls, body, _ = under_way
        for name, value in body.items():
            if isinstance(value, Standin):
                other, below = value.__root__()
                if other is root and not below:
                    return ".".join([cls, name, *path])
    return ".".join(["saga data", *path])


_ARITHMETIC: Final = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "divmod"),
    *("and", "or", "xor", "lshift", "rshift"),
)

_REFUSED: Final = (
    (
        "is asked whether it is true (`and`, `or`, `not`, `if`, `while`)",
        "write Choice(name=when(condition, ...)); combine with all_of, any_of, not_",
        ("bool",),
    ),
    (
        "is compared",
        "compare the result's fields: when(charge.result.risk >= 70, ...)",
        ("eq", "ne", "lt", "le", "gt", "ge"),
    ),
    (
        "is iterated (`for`, `list`, `*`)",
        "write Map(order.items, label=Step(...)) for steps of each item, or loop in a handler",
        ("iter", "next", "reversed", "aiter"),
    ),
    ("is measured with `len`", "count in a step's handler", ("len", "length_hint")),
    ("is searched with `in`", "look in a step's handler", ("contains",)),
    (
        "is indexed",
        "hand the whole value on with takes={...}, and index it in the handler",
        ("getitem", "setitem", "delitem"),
    ),
    (
        "is made text (an f-string, `str`, `format`)",
        "make the text in a step's handler",
        ("str", "format", "bytes", "fspath"),
    ),
    (
        "is calculated with or made a number",
        "calculate in a step's handler, and return the result",
        (
            *(f"{side}{name}" for name in _ARITHMETIC for side in ("", "r")),
            *("neg", "pos", "abs", "invert", "round", "trunc", "floor", "ceil"),
            *("int", "float", "complex", "index"),
        ),
    ),
    ("is used as a key or in a set", "use its name as the key", ("hash",)),
    ("is called", "hand it on with takes={...}", ("call",)),
    (
        "is awaited or entered",
        "handlers are plain functions",
        ("await", "enter", "exit", "aenter", "aexit"),
    ),
)


def _refuse(use: str, hint: str) -> Callable[..., NoReturn]:
    def refuse(self: Standin, *_: object) -> NoReturn:
        text = f"{use}, but its value exists only when the saga runs"
        raise refusal("S107", self, text, hint)

    return refuse


for _use, _hint, _names in _REFUSED:
    for _name in _names:
        # Set from outside, so that mypy goes on refusing what it refuses anyway.
        setattr(Standin, f"__{_name}__", _refuse(_use, _hint))
