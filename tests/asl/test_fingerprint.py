"""What makes another release of a saga, and what does not."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from stepsaga.asl import build
from stepsaga.asl.fingerprint import canonical, fingerprint
from stepsaga.asl.kept import from_kept, keep
from stepsaga.errors import Source
from stepsaga.graph import Compensation, InputNode, Origin, Parameter, Role, SagaGraph
from tests.asl.golden_sagas import SAGAS
from tests.asl.graphs import ORDER_SCHEMA, RETRY, change, pivot, saga, step, tail, takes
from tests.asl.strategies import sagas
from tests.steps import steps

STEPS = [step("reserve"), step("charge"), pivot("ship"), tail("thank")]
GRAPH = saga(STEPS, deadline=3600)
CHARGE = steps(GRAPH)[1]


def with_input(schema: dict[str, Any]) -> SagaGraph:
    """The graph with another schema of its input."""
    return replace(GRAPH, input=InputNode("order", dict, schema))


def with_field(name: str, field: dict[str, Any]) -> SagaGraph:
    """The graph with a field of its input added or replaced."""
    return with_input({**ORDER_SCHEMA, "properties": {**_properties(), name: field}})


def _properties() -> dict[str, Any]:
    properties = ORDER_SCHEMA["properties"]
    assert isinstance(properties, dict)
    return properties


def _compensation(**call: Any) -> Compensation:
    assert CHARGE.compensation
    return replace(CHARGE.compensation, call=replace(CHARGE.compensation.call, **call))


CHANGES = {
    "order of steps": saga([STEPS[1], STEPS[0], *STEPS[2:]], deadline=3600),
    "a step less": saga(STEPS[:-1], deadline=3600),
    "name of the saga": replace(GRAPH, name="FulfilOrders"),
    "place of the class": replace(GRAPH, reference="sagas.other:FulfilOrder"),
    "timeout": change(GRAPH, "charge", call=replace(CHARGE.call, seconds=21)),
    "no retry": change(GRAPH, "charge", call=replace(CHARGE.call, retry=None)),
    "attempts": change(
        GRAPH, "charge", call=replace(CHARGE.call, retry=replace(RETRY, attempts=4))
    ),
    "wait": change(GRAPH, "charge", call=replace(CHARGE.call, retry=replace(RETRY, wait=2))),
    "longest wait": change(
        GRAPH, "charge", call=replace(CHARGE.call, retry=replace(RETRY, longest_wait=61))
    ),
    "errors of the retry": change(
        GRAPH, "charge", call=replace(CHARGE.call, retry=replace(RETRY, only=("builtins:OSError",)))
    ),
    "handler": change(GRAPH, "charge", call=replace(CHARGE.call, handler="handlers.payments:pay")),
    "compensation": change(
        GRAPH, "charge", compensation=_compensation(handler="handlers.payments:x")
    ),
    "no compensation": change(GRAPH, "charge", compensation=None),
    "time of the compensation": change(GRAPH, "charge", compensation=_compensation(seconds=21)),
    "probe": change(GRAPH, "ship", verify=replace(CHARGE.call, handler="handlers.shipping:look")),
    "claim": change(GRAPH, "charge", claim=True, call=replace(CHARGE.call, retry=None)),
    "role": change(GRAPH, "charge", role=Role.READ_ONLY, compensation=None),
    "deadline": replace(GRAPH, deadline=3601),
    "no deadline": replace(GRAPH, deadline=None),
    "name of the input": replace(GRAPH, input=InputNode("basket", dict, ORDER_SCHEMA)),
    "field of the input": with_field("id", {"type": "integer"}),
    "new field": with_field("note", {"type": "string"}),
    "field that is called title": with_field("title", {"type": "integer"}),
    "default": with_field("id", {"type": "string", "default": "title"}),
    "required field": with_input({**ORDER_SCHEMA, "required": ["id", "card"]}),
    "secret field": with_field("id", {"type": "string", "writeOnly": True}),
    "result": change(GRAPH, "charge", schema={"type": "integer"}),
    "takes": change(
        GRAPH, "charge", call=replace(CHARGE.call, parameters=(takes("a", "reserve"),))
    ),
    "path of takes": change(
        GRAPH, "charge", call=replace(CHARGE.call, parameters=(takes("a", "reserve", "id"),))
    ),
    "wiring": change(
        GRAPH,
        "charge",
        call=replace(CHARGE.call, parameters=(Parameter("saga", Any, Origin.CONTEXT),)),
    ),
}
"""What changes the fingerprint, one at a time."""

SAME = {
    "docstring of the saga": replace(GRAPH, doc="Something else."),
    "docstring of a handler": change(GRAPH, "charge", doc="Something else."),
    "line of a step": change(GRAPH, "charge", source=Source("sagas/orders.py", 99)),
    "line of the saga": replace(GRAPH, source=Source("sagas/elsewhere.py", 1)),
    "line of a handler": change(
        GRAPH, "charge", call=replace(CHARGE.call, source=Source("handlers/payments.py", 7))
    ),
    "title of the input": with_input({**ORDER_SCHEMA, "title": "Basket"}),
    "no docstring of the input": with_input(
        {key: value for key, value in ORDER_SCHEMA.items() if key != "description"}
    ),
    "description of a field": with_field("id", {"type": "string", "description": "Which."}),
    "examples of a field": with_field("id", {"type": "string", "examples": ["order-1"]}),
    "order of keys in a schema": with_input(dict(reversed(ORDER_SCHEMA.items()))),
    "python type of the input": replace(GRAPH, input=InputNode("order", object, ORDER_SCHEMA)),
    "whole number as a float": change(
        GRAPH, "charge", call=replace(CHARGE.call, retry=replace(RETRY, backoff=2))
    ),
}
"""What does not change it."""


@pytest.mark.parametrize("name", CHANGES)
def test_changes(name: str) -> None:
    """Whatever decides how a saga runs makes another fingerprint."""
    assert fingerprint(CHANGES[name]) != fingerprint(GRAPH)


def test_changes_differ() -> None:
    """No two of the changes have one fingerprint."""
    assert len({fingerprint(graph) for graph in CHANGES.values()}) == len(CHANGES)


@pytest.mark.parametrize("name", SAME)
def test_no_change(name: str) -> None:
    """Words about a saga, and where it stands, make no release of their own."""
    assert fingerprint(SAME[name]) == fingerprint(GRAPH)
    assert build(SAME[name]).graph == build(GRAPH).graph


def test_form() -> None:
    """A fingerprint is a SHA-256 in hexadecimal, and every call and the record carry it."""
    compiled = build(GRAPH)
    assert len(bytes.fromhex(compiled.fingerprint)) == 32
    calls = compiled.text.count('"Payload":')
    assert compiled.text.count(compiled.fingerprint) == calls + 1


def test_step_called_comment_counts() -> None:
    """Comments are left out of states, not out of what is called so."""
    one, other = saga([step("Comment")]), saga([step("Comment", seconds=21)])
    assert fingerprint(one) != fingerprint(other)


@given(graph=sagas())
@settings(deadline=None)
def test_same_fingerprint_means_the_same_graph_is_kept(graph: SagaGraph) -> None:
    """A graph read back from what is kept of it has the fingerprint of the release (rule 9)."""
    assert fingerprint(from_kept(json.loads(json.dumps(keep(graph))))) == fingerprint(graph)


def test_canonical_has_one_text() -> None:
    """Keys are sorted and there is no whitespace; what is no number is refused."""
    assert canonical({"b": [1, 2.5], "a": "ü"}) == '{"a":"\\u00fc","b":[1,2.5]}'
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical(float("nan"))


PROGRAM = """
import {first}
import {second}
from dataclasses import replace
from typing import Literal
from pydantic import BaseModel, TypeAdapter
from stepsaga.asl.fingerprint import fingerprint
from tests.asl.golden_sagas import SAGAS
from tests.steps import steps

class Tagged(BaseModel):
    tags: set[str] = {{"a", "b", "c", "d", "e", "f"}}
    kinds: frozenset[Literal["x", "y", "z"]] = frozenset("xyz")

schema = TypeAdapter(Tagged).json_schema(mode="validation")
graphs = [replace(g, input=replace(g.input, schema=schema)) for g in SAGAS.values()]
print([fingerprint(graph) for graph in graphs])
"""


def test_hash_seed_and_import_order_change_nothing() -> None:
    """Fingerprints are the same in every process, whatever was imported first."""
    modules = ["stepsaga.asl.release", "stepsaga.runtime.call"]
    outputs = set()
    for seed, (first, second) in [("0", modules), ("1", modules[::-1]), ("4711", modules)]:
        program = PROGRAM.format(first=first, second=second)
        done = subprocess.run(  # noqa: S603  # this interpreter, and a text of ours
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_golden_sagas_differ() -> None:
    """No two shapes of saga have one fingerprint."""
    assert len({fingerprint(graph) for graph in SAGAS.values()}) == len(SAGAS)
