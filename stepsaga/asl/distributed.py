"""A distributed map: a Map whose items are executions of their own, and the calls around it.

::

    open payouts      a call records the items: as JSON Lines, in the bucket
    payouts opened    a Choice: without items there is nothing to run
    payouts           the Map over the recorded items; nothing cuts off an item (rule 13)
    close payouts     a call counts the items that failed, and says which they are
    payouts joined    a Choice: items that failed, and are tolerated, are undone before it goes on

    undo payouts      a Choice: as above
    undo all payouts / undo failed payouts
                      a Pass: which items, and where it leads from there
    undo each payouts the Map over these items; slots tell what there is to undo (rule 14)
    settle undo payouts
                      a call that fails where one of them has failed, and lets a redrive try again
    undo payouts joined
                      a Choice: again, on with the saga, or on with its undoing
    undone payouts    a Pass: the failure, for what comes then; the way on has none

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.payloads import is_distributed
from stepsaga.asl.states import TOO_LARGE, catcher, task
from stepsaga.asl.times import many_call
from stepsaga.limits import OBJECT_PREFIX

if TYPE_CHECKING:
    from stepsaga.asl.payloads import Payloads
    from stepsaga.asl.states import States
    from stepsaga.graph import Distributed, MapNode

__all__ = ["ITEM_FAILED", "ITEM_UNDO_FAILED", "around", "is_distributed", "opened", "undoing"]

ITEM_FAILED: Final = "ItemFailed"
"""The error under which an item's execution fails."""
ITEM_UNDO_FAILED: Final = "ItemUndoFailed"
"""The error under which the execution fails that undoes an item."""
GET_OBJECT: Final = "arn:aws:states:::s3:getObject"
PUT_OBJECT: Final = "arn:aws:states:::s3:putObject"
RESULTS: Final = f"{OBJECT_PREFIX}results"

_SELECTED: Final = {
    "run": "$.MapRunArn",
    "bucket": "$.ResultWriterDetails.Bucket",
    "key": "$.ResultWriterDetails.Key",
    "since": "$$.State.EnteredTime",
}


def opened(node: MapNode, many: Distributed, payloads: Payloads, *, fresh: bool) -> dict[str, Any]:
    """The state that records the items; who writes it says what it catches."""
    value = {"value.$": "$.Payload.value"}
    return {
        "Comment": "Records the items: whatever becomes of their source, these are what it is.",
        **task(many_call(node), payloads.open_items(node, many, fresh=fresh), live=False),
        "ResultSelector": {node.name: value} if fresh else value,
        "ResultPath": "$" if fresh else f"$.{node.name}",
        "Next": f"{node.name} opened",
    }


def around(  # noqa: PLR0913, PLR0917  # what it runs, and where it leads
    node: MapNode,
    many: Distributed,
    payloads: Payloads,
    processor: dict[str, Any],
    selector: dict[str, Any],
    then: str,
    undo: str,
) -> States:
    """The states behind `opened`.

    Args:
        node: The map.
        many: What it has besides.
        payloads: Of the saga's calls.
        processor: The states of an item's execution.
        selector: What an item's execution begins with.
        then: The state behind the map.
        undo: Where undoing starts.
    """
    name = node.name
    failures = [catcher(error, "$.failure", undo) for error in (TOO_LARGE, "States.ALL")]
    states: States = {
        f"{name} opened": _if_items(node, name, f"close {name}"),
        name: {
            **_map(node, processor, selector, f"$.{name}.value.bucket", f"$.{name}.value.list"),
            "ResultPath": f"$.{name}.run",
            "Catch": failures,
            "Next": f"close {name}",
        },
        f"close {name}": {
            **task(many_call(node), payloads.close_items(node, many), live=False),
            "ResultSelector": {"value.$": "$.Payload.value"},
            "ResultPath": f"$.{name}",
            "Catch": [catcher("Rejected", "$.failure", undo), *failures],
            "Next": f"{name} joined" if node.undo_slot else then,
        },
    }
    if node.undo_slot:
        rule = {"Variable": f"$.{name}.value.failed", "NumericGreaterThan": 0}
        choices = [{**rule, "Next": f"undo failed {name}"}]
        states[f"{name} joined"] = {"Type": "Choice", "Choices": choices, "Default": then}
    return states


def undoing(  # noqa: PLR0913, PLR0917  # as above
    node: MapNode,
    many: Distributed,
    payloads: Payloads,
    processor: dict[str, Any],
    selector: dict[str, Any],
    then: str,
    before: str,
) -> States:
    """The states that undo all items, or those that have failed, and then go back, or on."""
    name = node.name
    each, joined = f"undo each {name}", f"undo {name} joined"
    choices = [
        {"Variable": "$.undone.again.value", "BooleanEquals": True, "Next": each},
        {"Variable": "$.undone.back", "BooleanEquals": True, "Next": f"undone {name}"},
    ]
    return {
        f"undo {name}": _if_items(node, f"undo all {name}", before),
        f"undo all {name}": _which(node, "list", back=True),
        f"undo failed {name}": _which(node, "failures", back=False),
        each: {
            **_map(node, processor, selector, "$.undone.bucket", "$.undone.list"),
            "ResultPath": "$.undone.run",
            "Next": f"settle undo {name}",
        },
        f"settle undo {name}": {
            **task(many_call(node), payloads.settle_items(node, many), live=True),
            "ResultSelector": {"value.$": "$.Payload.value"},
            "ResultPath": "$.undone.again",
            "Next": joined,
        },
        joined: {"Type": "Choice", "Choices": choices, "Default": then},
        f"undone {name}": {
            "Type": "Pass",
            "InputPath": "$.undone.failure",
            "ResultPath": "$.failure",
            "Next": before,
        },
    }


def selector_of(items: dict[str, Any]) -> dict[str, Any]:
    """What every item's execution begins with: its items, and whose it is."""
    return {**items, "shard.$": "$$.Map.Item.Value.shard", "execution.$": "$$.Execution"}


def failed_item(error: str, failure: str) -> dict[str, Any]:
    """The end of an item's execution that has failed."""
    return {"Type": "Fail", "Error": error, "CausePath": f"States.JsonToString({failure})"}


def _if_items(node: MapNode, then: str, otherwise: str) -> dict[str, Any]:
    """What an empty file does to a Map, AWS's pages do not say."""
    rule = {"Variable": f"$.{node.name}.value.items", "NumericGreaterThan": 0}
    return {"Type": "Choice", "Choices": [{**rule, "Next": then}], "Default": otherwise}


def _which(node: MapNode, what: str, *, back: bool) -> dict[str, Any]:
    value = f"$.{node.name}.value"
    told = {"bucket.$": f"{value}.bucket", "list.$": f"{value}.{what}", "back": back}
    told |= {"failure.$": "$.failure"} if back else {"failure": None}
    next_ = f"undo each {node.name}"
    return {"Type": "Pass", "Parameters": told, "ResultPath": "$.undone", "Next": next_}


def _map(
    node: MapNode, processor: dict[str, Any], selector: dict[str, Any], bucket: str, key: str
) -> dict[str, Any]:
    """The Map. That items fail is for the call behind it to judge: none is cut off."""
    prefix = f"States.Format('{RESULTS}/{{}}/{node.name}', $$.Execution.Name)"
    at_most = {"MaxConcurrency": node.at_most} if node.at_most else {}
    mode = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return {
        "Type": "Map",
        "ItemReader": {
            "Resource": GET_OBJECT,
            "ReaderConfig": {"InputType": "JSONL"},
            "Parameters": {"Bucket.$": bucket, "Key.$": key},
        },
        "ItemSelector": selector,
        "ItemProcessor": {"ProcessorConfig": mode, **processor},
        **at_most,
        "ToleratedFailurePercentage": 100,
        "ResultWriter": {
            "Resource": PUT_OBJECT,
            "Parameters": {"Bucket.$": bucket, "Prefix.$": prefix},
            "WriterConfig": {"OutputType": "JSONL", "Transformation": "NONE"},
        },
        "ResultSelector": {f"{key}.$": path for key, path in _SELECTED.items()},
    }
