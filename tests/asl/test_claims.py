"""Where doubt of any step leads: to its probe, to the slots that settle a claim, or backwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stepsaga.asl import build
from stepsaga.asl.compiler import COMPENSATED, RECORD, compile_saga
from stepsaga.asl.kept import keep
from stepsaga.asl.times import doubt_seconds, history_events
from stepsaga.authoring.slots import numbered
from stepsaga.graph import Lane, ParallelNode, SagaGraph
from tests.asl.graphs import Options, claimed, look, pivot, saga, step, tail
from tests.asl.walk import undone, walk
from tests.steps import steps

FIND = "handlers.payments:find_charge"
PROBED = saga([step("reserve"), step("charge", probe=FIND), look("report")])
CLAIMED = saga([step("reserve"), claimed("charge"), look("report")])
THROTTLING = [["Lambda.TooManyRequestsException"]]


def beside(*options: Options) -> SagaGraph:
    """A saga with each of the steps in a branch of its own, behind ``reserve``."""
    graph = saga([step("reserve"), *options])
    first, *others = graph.nodes
    lanes = tuple(Lane(f"lane_{node.name}", (node,)) for node in others)
    nodes = numbered((first, ParallelNode("beside", lanes, (0,))))
    return replace(graph, nodes=nodes)


def branches(graph: SagaGraph, fork: str) -> dict[str, Any]:
    """The states of all branches of a fork."""
    lanes = compile_saga(graph, "")["States"][fork]["Branches"]
    return {name: state for lane in lanes for name, state in lane["States"].items()}


@pytest.mark.parametrize(("graph", "settling"), [(PROBED, "verify"), (CLAIMED, "settle")])
def test_doubt_of_any_step_is_settled(graph: SagaGraph, settling: str) -> None:
    """It waits, then asks: happened leads forward, "did not" to the step before (rules 17, 27)."""
    definition = compile_saga(graph, "")
    settled = [f"{settling} charge", "charge settled", "report"]
    way = walk(definition, {"charge": "States.Timeout"})
    assert way == ["reserve", "charge", "charge in doubt", *settled]
    failing = {"charge": "States.Timeout", f"{settling} charge": "Rejected"}
    way = walk(definition, failing)
    assert undone(way) == ["reserve"]
    assert way[-2:] == [RECORD, COMPENSATED]
    # Its result is undone with what it returned.
    assert undone(walk(definition, {"report": "Rejected"})) == ["charge", "reserve"]
    assert undone(walk(definition, {"charge": "Rejected"})) == ["reserve"]


@pytest.mark.parametrize(("graph", "settling"), [(PROBED, "verify"), (CLAIMED, "settle")])
def test_anything_else_fails_where_it_is_settled(graph: SagaGraph, settling: str) -> None:
    """Only Rejected is caught: what nobody can tell stops in its Task (rules 12, 17, 27)."""
    state = compile_saga(graph, "")["States"][f"{settling} charge"]
    assert [catcher["ErrorEquals"] for catcher in state["Catch"]] == [["Rejected"]]
    assert state["Parameters"]["FunctionName"] == "${PaymentsLive}"


def test_settling_a_claim_has_no_handler() -> None:
    """Its slots decide, and the step's own failure is what the end says (rule 27)."""
    state = compile_saga(CLAIMED, "")["States"]["settle charge"]
    sent = state["Parameters"]["Payload"]
    assert (sent["part"], sent["claim"], "handler" in sent) == ("verify", True, False)
    assert state["Catch"][0]["ResultPath"] is None


@pytest.mark.parametrize("name", ["charge", "undo charge"])
def test_calls_say_that_a_step_is_claimed(name: str) -> None:
    """The step and its compensation know of the claim (rule 27)."""
    states = compile_saga(CLAIMED, "")["States"]
    assert states[name]["Parameters"]["Payload"]["claim"] is True
    assert "claim" not in states["reserve"]["Parameters"]["Payload"]


def test_a_claimed_step_is_retried_where_it_did_not_run() -> None:
    """Throttling alone says for certain that the function was not called (rule 27)."""
    states = compile_saga(CLAIMED, "")["States"]
    assert [entry["ErrorEquals"] for entry in states["charge"]["Retry"]] == THROTTLING


@pytest.mark.parametrize("last", [step("charge", probe=FIND), claimed("charge")])
def test_no_compensation_that_would_never_run(last: Options) -> None:
    """A last step that is settled is done, or was never: there is nothing to undo of it."""
    graph = saga([step("reserve"), last])
    assert "undo charge" not in compile_saga(graph, "")["States"]
    build(graph)
    before_the_pivot = saga([last, tail("thank")])
    assert "undo charge" not in compile_saga(before_the_pivot, "")["States"]
    build(before_the_pivot)


def test_in_a_lane_a_probe_catches_and_reports() -> None:
    """In a lane a probe that cannot tell must not cut off the others (rules 13, 17)."""
    graph = beside(step("charge", probe=FIND), step("pack"))
    inside = branches(graph, "beside")
    name = "beside.lane_charge.charge"
    caught = {c["ErrorEquals"][0]: c["Next"] for c in inside[name]["Catch"]}
    assert caught["Rejected"] == f"{name} failed"
    assert caught["States.ALL"] == f"{name} in doubt"
    assert inside[f"{name} in doubt"]["Next"] == f"verify {name}"
    probe = inside[f"verify {name}"]
    assert {catcher["Next"] for catcher in probe["Catch"]} == {f"{name} failed"}
    assert probe["Parameters"]["Payload"]["lane"] == [2, 1_000_000]
    build(graph)


def test_while_undoing_a_lane_the_probe_of_a_claimed_step_is_asked_again() -> None:
    """Its slots cannot tell whether it happened; once the probe is mended it can (rule 27)."""
    graph = beside(claimed("charge", probe=FIND), claimed("pack"))
    inside = branches(graph, "undo beside")
    name = "undo beside.lane_charge.charge"
    assert inside[f"verify {name}"]["Next"] == name
    rejected, *failed = inside[f"verify {name}"]["Catch"]
    assert (rejected["ErrorEquals"], rejected["Next"]) == (["Rejected"], name)
    assert {catcher["Next"] for catcher in failed} == {f"{name} failed"}
    assert "results.$" not in inside[f"verify {name}"]["Parameters"]["Payload"]
    assert "verify undo beside.lane_pack.pack" not in inside
    build(graph)


def test_time_and_history_leave_room_for_every_doubt() -> None:
    """Each step that can be in doubt has its wait and its probe (rules 23, 25)."""
    bare = saga([step("reserve"), step("charge"), pivot("ship")])
    probed = saga([step("reserve", probe=FIND), step("charge", probe=FIND), pivot("ship")])
    assert doubt_seconds(probed) == 3 * doubt_seconds(bare)
    assert history_events(probed) > history_events(bare)


def test_what_is_kept_says_claim_only_where_there_is_one() -> None:
    """Graphs that were kept before there were claims are read as they were (rule 9)."""
    kept = {node["name"]: node for node in keep(CLAIMED)["nodes"]}
    assert kept["charge"]["claim"] is True
    assert "claim" not in kept["reserve"]
    assert [node.claim for node in steps(CLAIMED)] == [False, True, False]
