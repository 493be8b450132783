"""What is wrong with a class body before anything is known of its handlers."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stepsaga.authoring.data import SagaData, is_input
from stepsaga.authoring.standin import Standin
from stepsaga.authoring.step import Step
from stepsaga.checks.fields import did_you_mean
from stepsaga.errors import Problem
from stepsaga.limits import FIRST_OPERATION_SLOT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from stepsaga.authoring.place import Body
    from stepsaga.errors import Source


def declared(cls: type, body: Body, source: Source) -> list[Problem]:
    """Every problem with what a class body assigns."""
    inherited = list(_inherited(cls, source))
    missing = [] if inherited else [*_input(cls, source), *_no_steps(cls, source)]
    return [
        *inherited,
        *missing,
        *_kept_data(cls, body, source),
        *_unnamed(cls, body),
        *_shared(cls, body, source),
        *_twice(cls, body, source),
        *_too_many(cls, source),
        *_almost(cls, body, source),
        *_hidden(cls, body, source),
    ]


def _input(cls: type, source: Source) -> Iterator[Problem]:
    inputs = [name for name, value in vars(cls).items() if is_input(value)]
    if not inputs:
        hint = "declare it once, before the steps: order = Input(Order)"
        yield Problem("S101", cls.__name__, "the saga has no Input", hint, source)
    if len(inputs) > 1:
        text = f"the saga has {len(inputs)} inputs: {', '.join(inputs)}"
        hint = "make them fields of one model: the execution's input is that model's JSON"
        yield Problem("S102", cls.__name__, text, hint, source)


def _kept_data(cls: type, body: Body, source: Source) -> Iterator[Problem]:
    for name, value in vars(cls).items():
        if isinstance(value, SagaData) and not is_input(value):
            text = f"{name!r} keeps saga data as an attribute of the class"
            hint = "write it where it is taken: takes={...}"
            place = body.places.get(name, source)
            yield Problem("S110", f"{cls.__name__}.{name}", text, hint, place)


def _names(cls: type) -> dict[int, list[str]]:
    """The names of each step, by the step's identity."""
    names: dict[int, list[str]] = {}
    for name, value in vars(cls).items():
        if isinstance(value, Step):
            names.setdefault(id(value), []).append(name)
    return names


def _no_steps(cls: type, source: Source) -> Iterator[Problem]:
    if not _names(cls):
        hint = "assign at least one: reserve = Step(reserve_stock, compensation=release_stock)"
        yield Problem("S103", cls.__name__, "the saga has no steps", hint, source)


def _unnamed(cls: type, body: Body) -> Iterator[Problem]:
    names = _names(cls)
    replaced = {id(value) for _, value in body.assigned if isinstance(value, Step)}
    for step in body.steps:
        if id(step) not in names and id(step) not in replaced:
            text = f"{step!r} is not assigned to a name of its own, and so would never run"
            hint = "assign each step to a name: charge = Step(...), without a comma behind it"
            yield Problem("S111", cls.__name__, text, hint, step.source)


def _shared(cls: type, body: Body, source: Source) -> Iterator[Problem]:
    made_here = {id(step) for step in body.steps}
    for key, bound in _names(cls).items():
        if len(bound) > 1:
            text = f"one Step has the names {', '.join(bound)}"
            hint = "write Step(...) for each: a step is written where it runs, once"
            yield Problem("S111", cls.__name__, text, hint, source)
        if key not in made_here:
            text = f"the Step {bound[0]!r} was made outside the class body"
            hint = "write Step(...) in the class body, where it runs; share handlers, not steps"
            yield Problem("S111", cls.__name__, text, hint, source)


def _twice(cls: type, body: Body, source: Source) -> Iterator[Problem]:
    values: dict[str, list[Any]] = {}
    for name, value in body.assigned:
        values.setdefault(name, []).append(value)
    for name, given in values.items():
        matters = name == "deadline" or any(isinstance(value, Standin) for value in given)
        if matters and len(given) > 1:
            place = next((v.source for v in reversed(given) if isinstance(v, Step)), source)
            text = f"{name!r} is assigned {len(given)} times; only the last one would count"
            hint = "give each a name of its own"
            yield Problem("S104", f"{cls.__name__}.{name}", text, hint, place)
        elif matters and name not in vars(cls):
            place = next((v.source for v in given if isinstance(v, Step)), source)
            text, hint = f"{name!r} is assigned, and then deleted", "leave it out, or keep it"
            yield Problem("S104", f"{cls.__name__}.{name}", text, hint, place)


def _too_many(cls: type, source: Source) -> Iterator[Problem]:
    count = slots_of([value for value in vars(cls).values() if isinstance(value, Step)])
    if count >= FIRST_OPERATION_SLOT:
        text = f"the saga has {count} slots; {FIRST_OPERATION_SLOT - 1} are possible"
        yield Problem("S510", cls.__name__, text, "split the saga", source)


def slots_of(steps: Collection[Step[Any]]) -> int:
    """How many outcomes have a slot of their own: the steps' and their compensations' (rule 8)."""
    return len(steps) + sum(1 for step in steps if step.compensation is not None)


def _inherited(cls: type, source: Source) -> Iterator[Problem]:
    for base in cls.__mro__[1:]:
        names = [name for name, value in vars(base).items() if isinstance(value, Standin)]
        if names:
            text = f"{base.__name__} has saga declarations ({', '.join(names)}): none is inherited"
            hint = "write the whole flow in one class; share handlers and models instead"
            yield Problem("S113", cls.__name__, text, hint, source)


def _hidden(cls: type, body: Body, source: Source) -> Iterator[Problem]:
    """What would hide `Saga.start`. Steps and inputs of that name are refused by the checks."""
    bases = [base for base in cls.__mro__ if not base.__module__.startswith("stepsaga.authoring")]
    for base in bases:
        value = vars(base).get("start")
        if value is not None and not isinstance(value, Standin):
            text = f"'start' of {base.__name__} would hide Saga.start, by which sagas are started"
            place = body.places.get("start", source) if base is cls else source
            yield Problem("S105", f"{cls.__name__}.start", text, "give it another name", place)


def _almost(cls: type, body: Body, source: Source) -> Iterator[Problem]:
    """What looks like a declaration and would be passed over."""
    steps = [value for value in vars(cls).values() if isinstance(value, Step)]
    used = {id(part) for step in steps for part in (step.handler, step.compensation, step.verify)}
    for name, value in vars(cls).items():
        subject = f"{cls.__name__}.{name}"
        if isinstance(value, timedelta) and name != "deadline" and did_you_mean(name, ["deadline"]):
            text = f"{name!r} means nothing to a saga"
            place = body.places.get(name, source)
            yield Problem("S114", subject, text, "did you mean 'deadline'?", place)
        # A function of a module; one that a step has as well is a loop's variable.
        foreign = inspect.isfunction(value) and value.__qualname__.isidentifier()
        if foreign and id(value) not in used:
            text = f"{name!r} is a function, not a step, and would never run"
            hint = f"did you mean {name} = Step({value.__name__}, ...)?"
            yield Problem("S114", subject, text, hint, body.places.get(name, source))
