"""A release: what is deployed of a saga, and what is kept of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from stepsaga.asl import build
from stepsaga.asl.compiler import compile_saga
from stepsaga.asl.fingerprint import without_docs
from stepsaga.asl.kept import FORMAT, from_kept, keep
from stepsaga.asl.release import collisions, participants, substitute, substitutions
from stepsaga.asl.schemas import bare_schema
from stepsaga.errors import DefinitionError, EngineError, UsageError
from tests.asl.checkers import VALUES
from tests.asl.golden_sagas import SAGAS
from tests.asl.graphs import ORDER_SCHEMA, look, pivot, saga, step, tail, takes
from tests.asl.strategies import sagas

if TYPE_CHECKING:
    from stepsaga.graph import SagaGraph

MIDDLE = SAGAS["pivot_in_the_middle"]


@given(graph=sagas())
@settings(deadline=None)
def test_kept_graph_comes_back(graph: SagaGraph) -> None:
    """What is kept survives JSON, and gives back a graph that compiles to the same (rule 9)."""
    stored = json.loads(json.dumps(keep(graph)))
    back = from_kept(stored)
    assert keep(back) == stored
    assert compile_saga(back, "f") == compile_saga(without_docs(graph), "f")


def test_kept_graph_has_what_a_plan_needs() -> None:
    """Roles, slots, handlers, wiring, retries, times and schemas are there (rule 9)."""
    kept = build(SAGAS["takes"]).graph
    charge = kept["nodes"][1]
    assert charge["role"] == "compensatable"
    assert charge["slot"] == [2]
    assert charge["compensation"]["slot"] == [4]
    assert charge["compensation"]["call"]["handler"] == "handlers.payments:undo_charge"
    assert charge["call"]["seconds"] == 20
    assert charge["call"]["retry"]["attempts"] == 3
    assert charge["call"]["parameters"][1] == {
        "name": "goods",
        "origin": "step",
        "step": "reserve",
        "path": ["lines", "0"],
        "required": True,
        "explicit": True,
    }
    assert kept["input"]["schema"]["properties"]["card"]["writeOnly"] is True


def test_unknown_format_is_refused() -> None:
    """A form of a later release is refused by its number, not misread."""
    kept = keep(MIDDLE) | {"format": FORMAT + 1}
    with pytest.raises(UsageError, match=r"has format 2, this release of stepsaga reads 1"):
        from_kept(kept)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nodes": [{"kind": "fork"}]}, "'fork' is no kind of node"),
        ({"nodes": None}, "TypeError"),
        ({"nodes": [{"kind": "step"}]}, "KeyError"),
        ({"input": {}}, "KeyError: 'name'"),
    ],
)
def test_damaged_form_is_refused(change: dict[str, Any], said: str) -> None:
    """A kept form that lost a part is refused, and the text says which."""
    with pytest.raises(UsageError, match=said):
        from_kept(keep(MIDDLE) | change)


def test_schema_keeps_fields_that_are_called_like_keywords() -> None:
    """A field called `title` stays, a field's title goes; defaults and constants are values."""
    assert bare_schema(ORDER_SCHEMA) == {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "title": {"type": "string"},
            "card": {"type": "string", "format": "password", "writeOnly": True},
        },
        "required": ["id"],
    }
    nested = {"$defs": {"title": {"title": "T", "const": {"title": 1}}}, "anyOf": [{"title": "A"}]}
    assert bare_schema(nested) == {"$defs": {"title": {"const": {"title": 1}}}, "anyOf": [{}]}
    assert bare_schema({"default": {"description": 1}}) == {"default": {"description": 1}}


def test_substitutions() -> None:
    """The definition needs versions before the point of no return, aliases, and the table."""
    assert substitutions(MIDDLE) == (
        "Payments",
        "PaymentsLive",
        "Shipping",
        "ShippingLive",
        "NotificationsLive",
        "EventTable",
    )
    assert substitutions(saga([look("quote")])) == ("Payments", "PaymentsLive", "EventTable")
    assert substitutions(SAGAS["tail_alone"]) == ("NotificationsLive",)


@given(graph=sagas())
@settings(deadline=None)
def test_substitutions_are_exactly_those_of_the_text(graph: SagaGraph) -> None:
    """With a value for each of them, and no other, nothing is left to replace."""
    values = dict.fromkeys(substitutions(graph), 'a "name" \\ with\nodd characters')
    text = substitute(build(graph).text, values)
    assert "${" not in text
    assert json.loads(text)["StartAt"] == graph.nodes[0].name


def test_substitute_refuses_by_name() -> None:
    """A name without a value and a value without a place are refused, each by its name."""
    text = build(MIDDLE).text
    values = {name: VALUES[name] for name in substitutions(MIDDLE)}
    with pytest.raises(EngineError, match="no value for Payments, EventTable"):
        substitute(text, {k: v for k, v in values.items() if k not in {"Payments", "EventTable"}})
    with pytest.raises(EngineError, match="no place for Paiments"):
        substitute(text, values | {"Paiments": "x"})


def test_participants() -> None:
    """Every module that a saga calls is named once, in the order of the steps."""
    assert participants(MIDDLE) == (
        "handlers.payments",
        "handlers.shipping",
        "handlers.notifications",
    )


@pytest.mark.parametrize(
    ("handlers", "expected"),
    [
        (["a.payments:x", "a.shipping:x"], {}),
        (
            ["a.payments:x", "b.payments:x"],
            {
                "Payments": ("a.payments", "b.payments"),
                "PaymentsLive": ("a.payments (alias live)", "b.payments (alias live)"),
            },
        ),
        (
            ["a.payments:x", "a.payments_live:x"],
            {"PaymentsLive": ("a.payments (alias live)", "a.payments_live")},
        ),
        (["a.event_table:x"], {"EventTable": ("the event table", "a.event_table")}),
    ],
)
def test_collisions(handlers: list[str], expected: dict[str, tuple[str, ...]]) -> None:
    """Two things that would have one substitution are found, aliases and the table too."""
    steps = [tail(f"step_{n}", handler=handler) for n, handler in enumerate(handlers)]
    assert collisions(saga(steps)) == expected


def test_build_looks_once_more() -> None:
    """A text that deployment would change is refused before anything depends on it."""
    graph = saga([step("charge", takes=(takes("amount", "order", "${Price}"),))])
    with pytest.raises(DefinitionError, match="S619 charge: a substitution stands in 'amount'"):
        build(graph)


def test_module_called_live_is_no_alias() -> None:
    """A participant may be called `live`: aliases are told by what they belong to."""
    compiled = build(
        saga([step("charge", handler="handlers.live:charge", undo="handlers.live:undo")])
    )
    states = compiled.definition["States"]
    assert states["charge"]["Parameters"]["FunctionName"] == "${Live}"
    assert states["undo charge"]["Parameters"]["FunctionName"] == "${LiveLive}"


def test_compiled_names_the_release() -> None:
    """A compiled saga has its name, and the fingerprint that its calls carry."""
    compiled = build(replace(MIDDLE, name="Renamed"))
    assert compiled.name == "Renamed"
    calls = [
        state["Parameters"]["Payload"]
        for state in compiled.definition["States"].values()
        if "Payload" in state.get("Parameters", {})
    ]
    assert {call["fingerprint"] for call in calls} == {compiled.fingerprint}
    assert {call["saga"] for call in calls} == {"Renamed"}


def test_unused_pivot_compensation_is_not_forgotten() -> None:
    """A pivot that is settled by its slot keeps its compensation in the kept graph."""
    graph = saga([pivot("ship", probe="", undo="handlers.shipping:recall")])
    assert keep(graph)["nodes"][0]["compensation"]["call"]["handler"] == "handlers.shipping:recall"
