"""The estimate of a document before anything runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stepsaga.authoring import graph_of
from stepsaga.checks.bounds import Bounds
from stepsaga.checks.payloads import Place, estimate
from stepsaga.limits import DOCUMENT_BYTES, ENTRY_BYTES, POINTER_BYTES, SHARE
from tests.asl.graphs import change, saga, step
from tests.sagas.heavy import MOST, MakeBook

SMALL = {"type": "boolean"}
TEXT = {"type": "string"}
HUGE = {"type": "string", "minLength": 100_000}


def places(input_: dict[str, Any] | None = None, **schemas: dict[str, Any]) -> dict[str, Place]:
    """Where the results of a sequence's steps go."""
    graph = saga([step(name) for name in schemas])
    graph = replace(graph, input=replace(graph.input, schema=input_ or SMALL))
    for name, schema in schemas.items():
        graph = change(graph, name, schema=schema)
    return {one.step: one.place for one in estimate(graph).results}


def test_places() -> None:
    """A small result stays, a huge one is stored, of an unbounded one both may be."""
    found = places(one=SMALL, two=TEXT, three=HUGE)
    assert found == {"one": Place.DOCUMENT, "two": Place.EITHER, "three": Place.BUCKET}


def test_a_bounded_result_stays_where_the_rest_leaves_room() -> None:
    """Whether a result of some hundred bytes always stays depends on what else there may be."""
    some = {"type": "string", "maxLength": 500}
    assert places(one=some)["one"] is Place.DOCUMENT
    assert places(TEXT, one=some)["one"] is Place.EITHER
    assert places(TEXT, one=SMALL)["one"] is Place.DOCUMENT


def test_thresholds_are_the_runtimes() -> None:
    """The threshold is what the runtime makes of a document that holds the least input."""
    graph = replace(saga([step("one")]), input=replace(saga([step("one")]).input, schema=SMALL))
    [result] = estimate(graph).results
    assert result.threshold == (DOCUMENT_BYTES - 4) // SHARE - ENTRY_BYTES


def test_a_saga_with_everything() -> None:
    """Items count as often as there may be; what is looked into is named; copies of input count."""
    found = estimate(graph_of(MakeBook))
    by_step = {one.step: one for one in found.results}
    assert by_step["draft"].place is Place.LOOKED_INTO
    assert {one.step for one in found.results if one.times == MOST} == {"sheet", "proof"}
    assert {one.times for one in found.results} == {1, MOST}
    count = 5 + 2 * MOST
    assert by_step["plan"].threshold == (DOCUMENT_BYTES - 2 * 12) // count - ENTRY_BYTES
    assert found.input == Bounds(12, None)
    assert found.document is None
    assert found.roomy_input == (DOCUMENT_BYTES - count * (POINTER_BYTES + ENTRY_BYTES)) // 2


def test_the_worst_document() -> None:
    """What stays is counted in full, what is stored as a pointer, each with what is around it."""
    graph = saga([step("one"), step("two")])
    graph = replace(graph, input=replace(graph.input, schema=SMALL))
    graph = change(change(graph, "one", schema=SMALL), "two", schema=HUGE)
    assert estimate(graph).document == 5 + 5 + POINTER_BYTES + 2 * ENTRY_BYTES
