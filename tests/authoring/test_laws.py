"""Laws that hold for every sequence of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stepsaga import Input, Saga, Step
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.graph import Role
from tests.authoring import shop
from tests.authoring.problems import codes_of
from tests.steps import steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stepsaga.graph import SagaGraph

MAKERS: dict[str, Callable[[], Step[Any]]] = {
    "undoable": lambda: Step(shop.look, compensation=shop.nothing_at_all),
    "read-only": lambda: Step(shop.look, read_only=True),
    "bare": lambda: Step(shop.look),
    "pivot": lambda: Step(shop.pay, pivot=True, compensation=shop.nothing_at_all),
    "read-only pivot": lambda: Step(shop.look, pivot=True, read_only=True),
    "probed pivot": lambda: Step(shop.ship, pivot=True, verify=shop.find_parcel),
    "retriable": lambda: Step(shop.look, retriable=True),
}
UNDONE = {"undoable", "pivot"}
POINTS = {"pivot", "read-only pivot", "probed pivot", "retriable"}

kinds = st.lists(st.sampled_from(sorted(MAKERS)), min_size=1, max_size=7)


def graph_with(names: Sequence[str]) -> SagaGraph:
    """A saga of steps of these kinds, after one that all of them can take."""
    makers = {f"step_{at}": MAKERS[name] for at, name in enumerate(names)}

    class Sequence(Saga):
        order = Input(shop.Order)
        charge = Step(shop.pay, compensation=shop.refund_card)
        for name, maker in makers.items():
            locals()[name] = maker()

    return graph_of(Sequence)


def sound(names: Sequence[str]) -> bool:
    """Whether such a saga can be undone up to one point, and only goes forward from there."""
    point = next((at for at, name in enumerate(names) if name in POINTS), len(names))
    before, after = names[:point], names[point + 1 :]
    return "bare" not in before and not any(
        name in UNDONE or name.endswith("pivot") for name in after
    )


@settings(max_examples=200, deadline=None)
@given(kinds)
def test_law_what_is_sound_is_accepted(names: list[str]) -> None:
    """A saga is accepted if and only if everything before its point of no return can be undone."""
    codes = set(codes_of(lambda: graph_with(names)))
    assert (codes == set()) == sound(names)
    assert codes <= {"S401", "S403", "S404", "S406"}


@settings(max_examples=100, deadline=None)
@given(kinds.filter(sound))
def test_law_of_slots(names: list[str]) -> None:
    """Every outcome has a slot of its own; compensations' run against the steps' (rule 8)."""
    graph = graph_with(names)
    forward = [node.slot[0] for node in steps(graph)]
    backward = [node.compensation.slot[0] for node in reversed(steps(graph)) if node.compensation]
    assert [*forward, *backward] == list(range(1, len(forward) + len(backward) + 1))


@settings(max_examples=50, deadline=None)
@given(kinds.filter(sound))
def test_law_what_is_accepted_compiles(names: list[str]) -> None:
    """An accepted saga has a definition without findings, the same each time."""
    graph, again = graph_with(names), graph_with(names)
    assert build(graph).text == build(again).text
    assert build(graph).fingerprint == build(again).fingerprint


@settings(max_examples=100, deadline=None)
@given(kinds.filter(sound))
def test_law_roles_never_go_back(names: list[str]) -> None:
    """Up to the pivot steps can be undone or have no effect; after it all are retriable."""
    roles = [node.role for node in steps(graph_with(names))]
    point = next((at for at, role in enumerate(roles) if role is Role.RETRIABLE), len(roles))
    assert set(roles[point:]) <= {Role.RETRIABLE}
    assert Role.PIVOT not in roles[: max(point - 1, 0)]
