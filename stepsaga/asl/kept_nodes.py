"""Nodes as JSON, and back: a part of `stepsaga.asl.kept`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.asl.kept_services import datum_from, keep_datum
from stepsaga.asl.kept_steps import keep_step, step_from
from stepsaga.graph import (
    AllOf,
    AnyOf,
    Branch,
    ChoiceNode,
    Comparison,
    Datum,
    Distributed,
    ItemSource,
    Kind,
    Lane,
    MapNode,
    Not,
    Operator,
    ParallelNode,
    Present,
    StepNode,
    WaitNode,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stepsaga.graph import Condition, Node


def keep_nodes(nodes: Iterable[Node]) -> list[dict[str, Any]]:
    """Nodes as JSON values."""
    return [_keep(node) for node in nodes]


def nodes_from(kept: Iterable[Mapping[str, Any]]) -> tuple[Node, ...]:
    """Nodes of their kept form.

    Raises:
        KeyError, TypeError, ValueError: The form is damaged.
    """
    return tuple(map(_node_from, kept))


def _keep(node: Node) -> dict[str, Any]:
    match node:
        case StepNode():
            return keep_step(node)
        case ChoiceNode():
            return {
                "kind": "choice",
                "name": node.name,
                "branches": [
                    {
                        "name": branch.name,
                        "condition": _condition(branch.condition),
                        "nodes": keep_nodes(branch.nodes),
                    }
                    for branch in node.branches
                ],
                "otherwise": keep_nodes(node.otherwise),
            }
        case ParallelNode():
            return {
                "kind": "parallel",
                "name": node.name,
                "slot": list(node.slot),
                "undo_slot": list(node.undo_slot),
                "lanes": [
                    {"name": lane.name, "nodes": keep_nodes(lane.nodes)} for lane in node.lanes
                ],
            }
        case MapNode():
            return {
                "kind": "map",
                "name": node.name,
                "slot": list(node.slot),
                "undo_slot": list(node.undo_slot),
                "items": keep_datum(node.items),
                "item": node.item,
                "at_most": node.at_most,
                "most": node.most,
                "nodes": keep_nodes(node.nodes),
                **_distributed(node.distributed),
            }
        case WaitNode():
            return {
                "kind": "wait",
                "name": node.name,
                "seconds": node.seconds,
                "until": node.until and keep_datum(node.until),
            }


def _node_from(kept: Mapping[str, Any]) -> Node:
    match kept["kind"]:
        case "step":
            return step_from(kept)
        case "choice":
            branches = tuple(
                Branch(one["name"], _condition_from(one["condition"]), nodes_from(one["nodes"]))
                for one in kept["branches"]
            )
            return ChoiceNode(kept["name"], branches, nodes_from(kept["otherwise"]))
        case "parallel":
            lanes = tuple(Lane(one["name"], nodes_from(one["nodes"])) for one in kept["lanes"])
            slots = tuple(kept["slot"]), tuple(kept["undo_slot"])
            return ParallelNode(kept["name"], lanes, *slots)
        case "map":
            return MapNode(
                name=kept["name"],
                items=datum_from(kept["items"]),
                item=kept["item"],
                nodes=nodes_from(kept["nodes"]),
                slot=tuple(kept["slot"]),
                at_most=kept["at_most"],
                most=kept["most"],
                undo_slot=tuple(kept["undo_slot"]),
                distributed=_distributed_from(kept.get("distributed")),
            )
        case "wait":
            until = kept["until"] and datum_from(kept["until"])
            return WaitNode(kept["name"], kept["seconds"], until)
        case unknown:
            raise ValueError(f"{unknown!r} is no kind of node")


def _distributed(node: Distributed | None) -> dict[str, Any]:
    if node is None:
        return {}
    kept = {"source": node.source.value, "model": node.model, "tolerated": node.tolerated}
    return {"distributed": {**kept, "end": list(node.end)}}


def _distributed_from(kept: Mapping[str, Any] | None) -> Distributed | None:
    if kept is None:
        return None
    source = ItemSource(kept["source"])
    return Distributed(source, kept["model"], kept["tolerated"], tuple(kept["end"]))


def _condition(condition: Condition) -> dict[str, Any]:
    match condition:
        case Comparison(datum=datum, operator=operator, other=other, kind=kind):
            beside = {"data": keep_datum(other)} if isinstance(other, Datum) else {"value": other}
            compared = {"data": keep_datum(datum), "operator": operator.value, "other": beside}
            return {"compare": compared | {"kind": kind.value}}
        case Present(datum=datum):
            return {"present": keep_datum(datum)}
        case AllOf(conditions=conditions):
            return {"all": [_condition(one) for one in conditions]}
        case AnyOf(conditions=conditions):
            return {"any": [_condition(one) for one in conditions]}
        case Not(condition=inner):
            return {"not": _condition(inner)}


def _condition_from(kept: Mapping[str, Any]) -> Condition:
    [(what, given)] = kept.items()
    match what:
        case "compare":
            other = given["other"]
            beside = datum_from(other["data"]) if "data" in other else other["value"]
            operator, kind = Operator(given["operator"]), Kind(given["kind"])
            return Comparison(datum_from(given["data"]), operator, beside, kind)
        case "present":
            return Present(datum_from(given))
        case "all":
            return AllOf(tuple(map(_condition_from, given)))
        case "any":
            return AnyOf(tuple(map(_condition_from, given)))
        case "not":
            return Not(_condition_from(given))
        case unknown:
            raise ValueError(f"{unknown!r} is no kind of condition")
