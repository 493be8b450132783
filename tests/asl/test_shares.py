"""How many results a document may get yet, in every place where a step can be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings

from stepsaga.asl import build
from stepsaga.asl.shares import results_in, shares
from stepsaga.authoring import graph_of
from stepsaga.graph import Datum, MapNode, Origin, data_of, steps_of
from stepsaga.limits import SHARE
from tests.asl.graphs import pivot, saga, step, tail
from tests.language.sagas import any_sagas
from tests.sagas.heavy import MOST, MakeBook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.language.sagas import AnySaga


def payloads(states: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The payloads of all Tasks, in lanes too."""
    for state in states.values():
        if payload := state.get("Parameters", {}).get("Payload"):
            yield payload
        for inner in [*state.get("Branches", ()), state.get("ItemProcessor")]:
            if inner:
                yield from payloads(inner["States"])


def test_a_sequence_counts_down() -> None:
    """Of a sequence those that follow count, and the step's own."""
    assert shares(saga([step("a"), step("b"), step("c")]).nodes) == {"a": 3, "b": 2, "c": 1}


def test_lanes_count_their_neighbours() -> None:
    """A branch counts the others, an item's step all items, a choice its longest way."""
    items = 2 * MOST
    assert shares(graph_of(MakeBook).nodes) == {
        "plan": 1 + 1 + 1 + 1 + items + 1,
        "draft": 1 + 1 + 1 + items + 1,
        "colours": 1 + 1 + items + 1,
        "cover": 1 + items + 1,
        "sheet": items + 1 + 1,
        "proof": items - 1 + 1 + 1,
        "bind": 1,
    }


@settings(max_examples=50, deadline=None)
@given(any_sagas())
def test_no_step_sees_more_than_there_is(any_saga: AnySaga) -> None:
    """Each step counts itself, and never more than the whole saga."""
    nodes = any_saga.graph.nodes
    found = shares(nodes)
    assert found.keys() == {node.name for node in steps_of(nodes)}
    assert all(1 <= share <= results_in(nodes) for share in found.values())


def test_a_probe_says_what_its_step_says() -> None:
    """What a probe finds is the step's result: looked into, and with the same bound on items."""
    graph = saga([pivot("ship"), tail("thank")])
    ship, thank = graph.nodes
    found = Datum(Origin.STEP, "ship", ("parcels",), list[str])
    tell = saga([tail("tell")]).nodes
    each = MapNode("each", found, "parcel", tell, (3,), 0, 7)
    compiled = build(replace(graph, nodes=(ship, each, thank)))
    both = [one for one in payloads(compiled.definition["States"]) if one["step"] == "ship"]
    assert [one["part"] for one in both] == ["pivot", "verify"]
    assert [(one["inline"], one["most"]) for one in both] == [(True, [[["parcels"], 7]])] * 2


@settings(max_examples=50, deadline=None)
@given(any_sagas())
def test_calls_say_what_differs(any_saga: AnySaga) -> None:
    """A call says that it is looked into, or else its share where the runtime's own is too large.

    Nothing else says either: compensations, and what has no handler, record no result.
    """
    graph = any_saga.graph
    looked = {one.name for one in data_of(graph.nodes) if one.origin is Origin.STEP}
    left = shares(graph.nodes)
    for payload in payloads(build(graph).definition["States"]):
        says = {key: payload[key] for key in ("share", "inline") if key in payload}
        name = payload["step"]
        records = payload["part"] not in ("compensation", "input", "items", "settle")
        if not records or not payload.get("handler"):
            assert says == {}
        elif name in looked:
            assert says == {"inline": True}
        else:
            assert says == ({"share": left[name]} if left[name] > SHARE else {})
