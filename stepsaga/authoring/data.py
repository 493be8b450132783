"""Saga data: stand-ins, in the class body, for the saga's input, results of steps, their fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from stepsaga.authoring.conditions import compared, differs
from stepsaga.authoring.place import here
from stepsaga.authoring.standin import Standin, refusal
from stepsaga.checks.annotations import arms, is_open, name_of
from stepsaga.checks.fields import did_you_mean, fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.checks.fields import Field
    from stepsaga.errors import Source

M = TypeVar("M")


@dataclass(frozen=True, slots=True, eq=False)
class InputDeclaration:
    """What `Input` was given, and where."""

    annotation: Any
    source: Source


@dataclass(frozen=True, slots=True, eq=False)
class ItemDeclaration:
    """The item of the map in which it is named."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What saga data refers to.

    Attributes:
        root: The `InputDeclaration`, the `ItemDeclaration`, or the step whose result it is.
        path: Python names of fields below it.
        annotation: The type at the end of the path; Any where it is not known.
    """

    root: object
    path: tuple[str, ...]
    annotation: Any


def Input(model: type[M]) -> M:  # noqa: N802  # read as a declaration, like the classes beside it
    """Declare the saga's one input.

    As in ``order = Input(Order)``.

    Args:
        model: A pydantic model, dataclass or other type that pydantic validates. The execution's
            input is its JSON, with nothing around it.

    Returns:
        Typed as the model, so that its fields are checked; at run time saga data, which cannot
        be used as a plain Python value.
    """
    return cast("M", SagaData(Reference(InputDeclaration(model, here()), (), model)))


class SagaData(Standin):
    """A value of the running saga, by where it comes from: its fields are named, it is compared."""

    __slots__ = ("_reference",)

    if not TYPE_CHECKING:  # a type checker sees the value's own comparisons
        __eq__ = compared("eq")
        __ne__ = differs
        __lt__ = compared("lt")
        __le__ = compared("le")
        __gt__ = compared("gt")
        __ge__ = compared("ge")
        __hash__ = Standin.__hash__

    _reference: Reference

    def __init__(self, reference: Reference) -> None:
        object.__setattr__(self, "_reference", reference)

    def __getattr__(self, name: str) -> SagaData:
        if name.startswith("_"):  # asked by Python and its tools, never a field of a model
            raise AttributeError(name)
        reference = self._reference
        fields = _fields(reference.annotation)
        if fields is None:
            annotation: Any = Any
        elif name in fields:
            annotation = fields[name].annotation
        else:
            text = f"{name_of(reference.annotation)} has no field {name!r}"
            raise refusal("S108", self, text, _way_out(reference.annotation, name, fields))
        return SagaData(Reference(reference.root, (*reference.path, name), annotation))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        text = f"its {name!r} is assigned, but its value exists only when the saga runs"
        raise refusal("S107", self, text, "a step's handler returns new values")

    def __root__(self) -> tuple[object, tuple[str, ...]]:
        reference = self._reference
        whole = isinstance(reference.root, InputDeclaration | ItemDeclaration)
        below = () if whole else ("result",)
        return reference.root, (*below, *reference.path)

    def __repr__(self) -> str:
        reference = self._reference
        return f"<saga data {'.'.join(reference.path) or name_of(reference.annotation)}>"


class Own(Standin):
    """The result of the step in whose ``takes`` it stands, before that step has a name."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(name)
            text = f"{name!r} of the own result, which is None where the outcome is unknown"
            raise refusal("S108", self, text, "take it whole, and its field in the compensation")

    def __root__(self) -> tuple[object, tuple[str, ...]]:
        return self, ()

    def __repr__(self) -> str:
        return "Step.own"


def reference_of(data: SagaData) -> Reference:
    """What saga data refers to; kept from authors, to whom every attribute is a field."""
    return data._reference  # noqa: SLF001  # the one door


def is_input(value: object) -> bool:
    """Whether a value is what `Input` returned, not a field of it."""
    if not isinstance(value, SagaData):
        return False
    reference = reference_of(value)
    return isinstance(reference.root, InputDeclaration) and not reference.path


def _fields(annotation: Any) -> Mapping[str, Field] | None:
    """The fields that can be named below a type; None where that cannot be told."""
    found: dict[str, Field] = {}
    for arm in arms(annotation):
        if is_open(arm):
            return None
        found |= fields_of(arm) or {}
    return found


def _way_out(annotation: Any, name: str, fields: Mapping[str, Field]) -> str:
    if any(hasattr(arm, name) for arm in arms(annotation)):
        return f"{name!r} is not part of the JSON; take the whole value, and use it in the handler"
    if not fields:
        return "take the whole value with takes={...}"
    return did_you_mean(name, fields) or f"its fields are {', '.join(fields)}"
