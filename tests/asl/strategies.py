"""Any saga that is a sequence, as a graph, for the tests of every module that reads graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from stepsaga.graph import Origin, Parameter, Retry, Role
from tests.asl.graphs import Options, saga

if TYPE_CHECKING:
    from stepsaga.graph import SagaGraph

PARTICIPANTS = (
    "handlers.inventory",
    "handlers.payments",
    "handlers.card_payments",
    "shop.shipping",
)
RESERVED = {
    "input",
    "failure",
    "own",
    "failed",
    "at",
    "saga",
    "deadline",
    "results",
    "order",
    "end",
}

names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True).filter(lambda n: n not in RESERVED)
"""Names of steps, as the checks allow them."""

keys = st.text(st.characters(codec="utf-8", exclude_characters="$"), min_size=1, max_size=8)
"""Keys of JSON objects: anything, also quotes and line ends."""


@st.composite
def retries(draw: st.DrawFn) -> Retry:
    """A retry within the ranges of the checks."""
    wait = draw(st.integers(1, 5000))
    return Retry(
        attempts=draw(st.integers(1, 60)),
        wait=wait,
        backoff=draw(st.one_of(st.just(2.0), st.floats(1, 100).map(lambda x: round(x, 2)))),
        longest_wait=draw(st.integers(wait, 100_000)),
        jitter=draw(st.booleans()),
        only=tuple(draw(st.lists(st.sampled_from(["builtins:OSError", "m:Odd"]), unique=True))),
        never=tuple(draw(st.lists(st.sampled_from(["builtins:KeyError", "m:Even"]), unique=True))),
    )


@st.composite
def sagas(draw: st.DrawFn, most: int = 8) -> SagaGraph:
    """A graph: steps that are compensatable or read-only, perhaps a pivot, perhaps a tail."""
    found = draw(st.lists(names, min_size=1, max_size=most, unique=True))
    before = draw(st.integers(0, len(found)))
    has_pivot = before < len(found) and draw(st.booleans())
    steps: list[Options] = []
    for number, name in enumerate(found):
        earlier = found[:number]
        if number < before:
            role = draw(st.sampled_from([Role.COMPENSATABLE, Role.COMPENSATABLE, Role.READ_ONLY]))
        else:
            role = Role.PIVOT if has_pivot and number == before else Role.RETRIABLE
        steps.append(draw(_steps(name, role, earlier)))
    deadline = draw(st.none() | st.integers(1, 10_000_000))
    return saga(steps, name=draw(st.sampled_from(["FulfilOrder", "S"])), deadline=deadline)


@st.composite
def _steps(draw: st.DrawFn, name: str, role: Role, earlier: list[str]) -> Options:
    participant = draw(st.sampled_from(PARTICIPANTS))
    settled = draw(st.sampled_from(["probe", "compensation", "nothing"]))
    undo = role is Role.COMPENSATABLE or (role is Role.PIVOT and settled == "compensation")
    probe = settled == "probe" and role in {Role.PIVOT, Role.COMPENSATABLE}
    claim = role is not Role.READ_ONLY and draw(st.sampled_from([False, False, True]))
    return Options(
        name=name,
        role=role,
        handler=f"{participant}:{name}",
        undo=f"{draw(st.sampled_from(PARTICIPANTS))}:undo_{name}" if undo else "",
        probe=f"{draw(st.sampled_from(PARTICIPANTS))}:find_{name}" if probe else "",
        seconds=draw(st.integers(1, 870)),
        claim=claim,
        retry=draw(st.none() if claim else st.none() | retries()),
        undo_retry=draw(st.none() | retries()),
        takes=draw(_parameters(earlier)),
        undo_takes=draw(_parameters([*earlier, name])),
        doc=draw(st.text(max_size=200)),
    )


@st.composite
def _parameters(draw: st.DrawFn, earlier: list[str]) -> tuple[Parameter, ...]:
    found: list[Parameter] = [Parameter("saga", Any, Origin.CONTEXT)]
    for source in draw(st.lists(st.sampled_from([*earlier, ""]), max_size=3, unique=True)):
        explicit = draw(st.booleans())
        found.append(
            Parameter(
                name=f"given_{len(found)}" if explicit else source or "order",
                annotation=Any,
                origin=Origin.STEP if source else Origin.INPUT,
                step=source,
                path=tuple(draw(st.lists(keys, max_size=2))) if explicit else (),
                explicit=explicit,
            )
        )
    return tuple(found)
