"""Types as plans: what a type is made of, so that a second one can be made a little different."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from hypothesis import strategies as st
from pydantic import AfterValidator, AliasChoices, ConfigDict, Field, create_model

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("id", "sku", "total", "note")


@dataclass(frozen=True)
class Plan:
    """A type: its kind, the plans inside of it, and what narrows it.

    Attributes:
        kind: ``int``, ``str``, ``list``, ``model``, …
        inner: The plans of items, arms or fields.
        names: Of the fields.
        defaults: The fields that have a default.
        aliases: The fields that are read from another key, too.
        least, most: Bounds of a number, a length or a count.
        extra: What a model does with fields that it does not know.
        strict: Whether a number is strict.
        values: Of a literal.
    """

    kind: str
    inner: tuple[Plan, ...] = ()
    names: tuple[str, ...] = ()
    defaults: frozenset[str] = frozenset()
    aliases: frozenset[str] = frozenset()
    least: int | None = None
    most: int | None = None
    extra: str = "ignore"
    strict: bool = False
    values: tuple[Any, ...] = ()


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("odd")
    return value


def annotation_of(plan: Plan) -> Any:
    """The type of a plan."""
    inner = [annotation_of(one) for one in plan.inner]
    simple: dict[str, Callable[[], Any]] = {
        "int": lambda: Annotated[int, Field(ge=plan.least, le=plan.most, strict=plan.strict)],
        "even": lambda: Annotated[int, AfterValidator(_even)],
        "decimal": lambda: Annotated[Decimal, Field(ge=plan.least)],
        "str": lambda: Annotated[str, Field(min_length=plan.least or 0, max_length=plan.most)],
        "bool": lambda: bool,
        "float": lambda: float,
        "date": lambda: dt.date,
        "null": lambda: None,
        "any": lambda: Any,
        "literal": lambda: Literal[plan.values],
        "list": lambda: Annotated[
            list[inner[0]], Field(min_length=plan.least or 0, max_length=plan.most)  # type: ignore[valid-type]  # made here
        ],
        "set": lambda: set[inner[0]],  # type: ignore[valid-type]  # as above
        "dict": lambda: dict[str, inner[0]],  # type: ignore[valid-type]  # as above
        "tuple": lambda: tuple[tuple(inner)],  # type: ignore[misc]  # as above
        "union": lambda: Union[tuple(inner)],  # noqa: UP007  # made here
        "model": lambda: _model(plan, inner),
    }
    return simple[plan.kind]()


def _model(plan: Plan, inner: list[Any]) -> Any:
    fields: dict[str, Any] = {}
    for name, kind in zip(plan.names, inner, strict=True):
        keys = AliasChoices(name, f"{name}_2") if name in plan.aliases else None
        if name in plan.defaults:
            fields[name] = (
                kind | None if kind is not None else kind,
                Field(None, validation_alias=keys),
            )
        else:
            fields[name] = (kind, Field(validation_alias=keys))
    config = ConfigDict(extra=plan.extra)  # type: ignore[typeddict-item]  # one of the three
    return create_model("Made", __config__=config, **fields)


def values_of(plan: Plan) -> st.SearchStrategy[Any]:
    """JSON that a sender may send for a plan's type."""
    least, most = plan.least or 0, plan.most
    inner = [values_of(one) for one in plan.inner]
    kinds: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "int": lambda: st.integers(min_value=plan.least, max_value=most),
        "even": lambda: st.integers(-50, 50).map(lambda number: 2 * number),
        "decimal": lambda: st.integers(-9 if plan.least is None else least, 50).map(str),
        "str": lambda: st.text("ab1", min_size=least, max_size=6 if most is None else most),
        "bool": st.booleans,
        "float": lambda: st.floats(allow_nan=False, allow_infinity=False, width=32),
        "date": lambda: st.dates().map(str),
        "null": st.none,
        "any": lambda: st.one_of(st.none(), st.integers(), st.text("ab", max_size=2)),
        "literal": lambda: st.sampled_from(plan.values),
        "list": lambda: st.lists(
            inner[0], min_size=least, max_size=max(4 if most is None else most, least)
        ),
        "set": lambda: st.lists(inner[0], max_size=3),
        "dict": lambda: st.dictionaries(st.sampled_from([*NAMES, "x"]), inner[0], max_size=3),
        "tuple": lambda: st.tuples(*inner).map(list),
        "union": lambda: st.one_of(inner),
        "model": lambda: _objects(plan, inner),
    }
    return kinds[plan.kind]()


def _objects(plan: Plan, inner: list[st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    fields = dict(zip(plan.names, inner, strict=True))
    always = {name: one for name, one in fields.items() if name not in plan.defaults}
    perhaps = {name: one | st.none() for name, one in fields.items() if name in plan.defaults}
    return st.fixed_dictionaries(always, optional=perhaps).flatmap(
        lambda value: _renamed(plan, value)
    )


def _renamed(plan: Plan, value: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The same under the other keys, for some of the fields."""
    renamable = sorted(value.keys() & plan.aliases)
    if not renamable:
        return st.just(value)
    return st.sets(st.sampled_from(renamable)).map(
        lambda names: {f"{key}_2" if key in names else key: one for key, one in value.items()}
    )


_BOUND = st.none() | st.integers(0, 3)


def _bounded(kind: str, inner: tuple[Plan, ...] = ()) -> st.SearchStrategy[Plan]:
    return st.builds(
        lambda least, more: Plan(
            kind,
            inner,
            least=least,
            most=None if more is None else (least or 0) + more,
        ),
        _BOUND,
        _BOUND,
    )


SIMPLE = st.one_of(
    *(st.just(Plan(kind)) for kind in ("bool", "float", "date", "null", "any", "even")),
    _bounded("int"),
    _bounded("int").map(lambda plan: replace(plan, strict=True)),
    _bounded("str"),
    st.builds(lambda least: Plan("decimal", least=least), _BOUND),
    st.sets(st.sampled_from(["a", "b", 1, 2, True]), min_size=1).map(
        lambda values: Plan("literal", values=tuple(sorted(values, key=repr)))
    ),
)
HASHABLE = st.one_of(_bounded("int"), _bounded("str"), st.just(Plan("bool")))


def _compound(inner: st.SearchStrategy[Plan]) -> st.SearchStrategy[Plan]:
    return st.one_of(
        inner.flatmap(lambda one: _bounded("list", (one,))),
        inner.map(lambda one: Plan("dict", (one,))),
        HASHABLE.map(lambda one: Plan("set", (one,))),
        st.lists(inner, min_size=1, max_size=2).map(lambda some: Plan("tuple", tuple(some))),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: Plan("union", tuple(some))),
        models(inner),
    )


def models(inner: st.SearchStrategy[Plan]) -> st.SearchStrategy[Plan]:
    """Plans of models."""
    return st.builds(
        lambda fields, defaults, aliases, extra: Plan(
            "model",
            tuple(fields.values()),
            tuple(fields),
            defaults=frozenset(defaults),
            aliases=frozenset(aliases),
            extra=extra,
        ),
        st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=3),
        st.sets(st.sampled_from(NAMES)),
        st.sets(st.sampled_from(NAMES), max_size=1),
        st.sampled_from(["ignore", "forbid", "allow"]),
    )


PLANS = models(st.recursive(SIMPLE, _compound, max_leaves=3))


@st.composite
def changed(draw: st.DrawFn, plan: Plan) -> Plan:
    """A plan that differs in a place or two, or in none."""
    inside: bool = draw(st.booleans())
    if plan.inner and inside:
        at = draw(st.integers(0, len(plan.inner) - 1))
        other = draw(changed(plan.inner[at]))
        return replace(plan, inner=(*plan.inner[:at], other, *plan.inner[at + 1 :]))
    way: st.SearchStrategy[Plan] = _changed_model(plan) if plan.kind == "model" else _other(plan)
    return draw(way)


def _one_of(ways: list[st.SearchStrategy[Plan]]) -> st.SearchStrategy[Plan]:
    """One of these, each as often as the others, however many it is made of itself."""
    return st.integers(0, len(ways) - 1).flatmap(ways.__getitem__)


def _other(plan: Plan) -> st.SearchStrategy[Plan]:
    ways = [SIMPLE, SIMPLE.map(lambda one: Plan("union", (plan, one)))]
    if plan.kind in {"int", "str", "list", "decimal"}:
        bounds = st.builds(lambda least: replace(plan, least=least, most=None), _BOUND)
        ways += [bounds, bounds.map(lambda one: replace(one, strict=True))]
    # What looks the same to a schema, and is not.
    ways += {"int": [st.just(Plan("even"))], "str": [st.just(Plan("decimal"))]}.get(plan.kind, [])
    return _one_of(ways)


def _changed_model(plan: Plan) -> st.SearchStrategy[Plan]:
    names = st.sets(st.sampled_from(NAMES)).map(frozenset)
    ways = [
        names.map(lambda some: replace(plan, defaults=plan.defaults ^ some)),
        names.map(lambda some: replace(plan, aliases=plan.aliases ^ some)),
        st.sampled_from(["ignore", "forbid", "allow"]).map(lambda one: replace(plan, extra=one)),
    ]
    free = sorted({*NAMES} - {*plan.names})
    if free:
        ways.append(st.builds(_with_field, st.just(plan), st.sampled_from(free), SIMPLE, names))
    if len(plan.names) > 1:
        ways.append(st.just(replace(plan, inner=plan.inner[1:], names=plan.names[1:])))
    return _one_of(ways)


def _with_field(plan: Plan, name: str, kind: Plan, defaults: frozenset[str]) -> Plan:
    return replace(
        plan,
        inner=(*plan.inner, kind),
        names=(*plan.names, name),
        defaults=plan.defaults | (defaults & {name}),
    )
