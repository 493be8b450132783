"""What is wrong with a class body before anything is known of its handlers."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stepsaga.authoring.data import SagaData, is_input
from stepsaga.authoring.distributed import DistributedMap
from stepsaga.authoring.flow import Choice, Map, Nested, Parallel, Sequence, Wait, When, inside
from stepsaga.authoring.standin import Standin
from stepsaga.authoring.step import Step
from stepsaga.checks.fields import did_you_mean
from stepsaga.errors import Problem
from stepsaga.limits import FIRST_OPERATION_SLOT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

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
        *_no_node(cls, source),
        *_same_name(cls),
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


def parts_of(name: str, declared: object) -> Mapping[str, object]:
    """The nodes of a branch by their names: a lone one has the branch's."""
    match declared:
        case When(lone=lone, nodes=nodes):
            return {name: lone[0], **nodes} if lone else nodes
        case Sequence(nodes=nodes):
            return nodes
        case _:
            return {name: declared}


def _below(name: str, declared: object) -> Iterator[tuple[str, object]]:
    """A node and everything in it, each by the name that it has in the saga."""
    if not isinstance(declared, Sequence | When):
        yield name, declared
    if isinstance(declared, Nested):
        for branch, part in declared.parts():
            for inner, node in _parts(branch or name, part):
                yield from _below(inner, node)


def _parts(name: str, declared: object) -> Iterator[tuple[str, object]]:
    yield from parts_of(name, declared).items()


def named(nodes: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Every node of a class body, those inside of others too, by name."""
    for name, value in nodes.items():
        yield from _below(name, value)


def named_steps(nodes: Mapping[str, object]) -> Iterator[tuple[str, Step[Any]]]:
    """Every step of a class body, by name."""
    return ((name, node) for name, node in named(nodes) if isinstance(node, Step))


def _declared(cls: type) -> dict[str, object]:
    return {n: value for n, value in vars(cls).items() if isinstance(value, Step | Nested)}


def _names(cls: type) -> dict[int, list[str]]:
    """The names of each node, by the node's identity."""
    names: dict[int, list[str]] = {}
    for name, value in named(_declared(cls)):
        names.setdefault(id(value), []).append(name)
    return names


def _no_steps(cls: type, source: Source) -> Iterator[Problem]:
    if not any(True for _ in named_steps(_declared(cls))):
        hint = "assign at least one: reserve = Step(reserve_stock, compensation=release_stock)"
        yield Problem("S103", cls.__name__, "the saga has no steps", hint, source)


def _unnamed(cls: type, body: Body) -> Iterator[Problem]:
    names = _names(cls)
    replaced = {id(value) for _, value in body.assigned if isinstance(value, Step | Nested)}
    inner = {id(part) for value in body.steps for _, part in inside(value)}
    for step in body.steps:
        if id(step) not in names and id(step) not in replaced and id(step) not in inner:
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
        if key not in made_here and not _foreign(cls, key):
            text = f"the Step {bound[0]!r} was made outside the class body"
            hint = "write Step(...) in the class body, where it runs; share handlers, not steps"
            yield Problem("S111", cls.__name__, text, hint, source)


def _foreign(cls: type, key: int) -> bool:
    """Whether it is no node at all, which is another problem."""
    return any(
        id(value) == key and not isinstance(value, Step | Nested)
        for _, value in named(_declared(cls))
    )


def _no_node(cls: type, source: Source) -> Iterator[Problem]:
    """S115, S116: what stands in a branch, or does not."""
    for name, node in named(_declared(cls)):
        subject = f"{cls.__name__}.{name}"
        place = getattr(node, "source", source)
        if not isinstance(node, Step | Nested):
            hint = "give a Step, Choice, Parallel, Map, Wait, or Sequence of them"
            yield Problem("S116", subject, f"{node!r} is no node of a saga", hint, source)
            continue
        if isinstance(node, Choice):
            yield from _no_branch(cls, name, node)
        empty = isinstance(node, Nested) and not isinstance(node, Wait) and not list(node.parts())
        if empty or any(not parts_of("", part) for part in _branches(node)):
            hint = "give it at least one step: labels=Step(...)"
            yield Problem("S115", subject, f"{name!r} has a part with nothing in it", hint, place)
        item: object = node.item_name if isinstance(node, Map | DistributedMap) else ""
        if not isinstance(item, str):
            text = f"item={item!r} is no name of a parameter"
            yield Problem("S116", subject, text, 'write item="line"', place)


def _branches(node: object) -> list[object]:
    return [part for _, part in node.parts()] if isinstance(node, Choice | Parallel) else []


def _no_branch(cls: type, name: str, choice: Choice) -> Iterator[Problem]:
    branches: Mapping[str, object] = choice.branches
    for branch, declared in branches.items():
        subject = f"{cls.__name__}.{name}.{branch}"
        if not isinstance(declared, When):
            text = f"{declared!r} has no condition"
            yield Problem(
                "S116", subject, text, f"write {branch}=when(condition, ...)", choice.source
            )
        elif len(declared.lone) > 1 or (declared.lone and declared.nodes):
            text = "several nodes are given, and not all of them have a name"
            hint = "name each: when(condition, hold=Step(...), book=Step(...))"
            yield Problem("S116", subject, text, hint, declared.source)


def _same_name(cls: type) -> Iterator[Problem]:
    """S104: two nodes of one name; handlers and conditions know nodes by their names alone."""
    seen: dict[str, object] = {}
    for name, node in named(_declared(cls)):
        lone = isinstance(seen.get(name), Nested) and any(
            part is node for _, part in inside(seen[name])
        )
        if name in seen and not lone:
            text = f"{name!r} is the name of two nodes"
            hint = "give each a name of its own, also in different branches"
            place = getattr(node, "source", None)
            yield Problem("S104", f"{cls.__name__}.{name}", text, hint, place)
        seen[name] = node


def _twice(cls: type, body: Body, source: Source) -> Iterator[Problem]:
    values: dict[str, list[Any]] = {}
    for name, value in body.assigned:
        values.setdefault(name, []).append(value)
    for name, given in values.items():
        matters = name in {"deadline", "starts"} or any(
            isinstance(value, Standin) for value in given
        )
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
    count = slots_of([step for _, step in named_steps(_declared(cls))])
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
    steps = [step for _, step in named_steps(_declared(cls))]
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
