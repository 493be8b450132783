"""A saga's graph as Amazon States Language. Pure: no AWS, no files.

The shape: forward Tasks as written; their catchers enter one chain of compensations, in reverse,
at the right point; the chain ends in a record put by Step Functions itself, then in Fail.
Dialect: JSONPath, nothing newer than May 2024, and no path that can be missing at run time, because
``States.Runtime`` cannot be caught.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.names import (
    COMPENSATED,
    EVENT_TABLE,
    RECORD,
    RECORD_BRIEFLY,
    UNDONE,
    function_name,
    live_name,
)
from stepsaga.asl.retriers import retrier, retriers
from stepsaga.asl.times import (
    RECORD_RETRY,
    RECORD_SECONDS,
    doubt_call,
    execution_seconds,
    settled_by_slot,
)
from stepsaga.graph import Origin, Role
from stepsaga.limits import DISPATCH_SECONDS, TERMINAL_SLOT
from stepsaga.runtime.call import Part

if TYPE_CHECKING:
    from stepsaga.graph import Call, SagaGraph, Slot, StepNode

__all__ = [
    "COMPENSATED",
    "EVENT_TABLE",
    "INVOKE",
    "PUT_ITEM",
    "RECORD",
    "TAKEN",
    "compile_saga",
    "execution_seconds",
    "function_name",
    "live_name",
]

INVOKE: Final = "arn:aws:states:::lambda:invoke"
PUT_ITEM: Final = "arn:aws:states:::dynamodb:putItem"
TAKEN: Final = "DynamoDB.ConditionalCheckFailedException"
TOO_LARGE: Final = "States.DataLimitExceeded"
COMMENT_CHARACTERS: Final = 120
"""A comment is cut here: hundreds of them share the limit on a definition."""

States = dict[str, dict[str, Any]]


def compile_saga(graph: SagaGraph, fingerprint: str) -> dict[str, Any]:
    """The state machine of a saga.

    Args:
        graph: A graph without problems.
        fingerprint: What `stepsaga.asl.fingerprint.fingerprint` says of the graph.

    Returns:
        The definition as JSON values, keys in the order in which a reader wants them.
    """
    return _Compiler(graph, fingerprint).definition()


class _Compiler:
    def __init__(self, graph: SagaGraph, fingerprint: str) -> None:
        self.graph = graph
        self.fingerprint = fingerprint
        self.point_of_no_return = next(
            (i for i, node in enumerate(graph.nodes) if node.role is Role.RETRIABLE),
            len(graph.nodes),
        )
        self.slots: dict[str, Slot] = {node.name: node.slot for node in graph.nodes}
        self.undo_before = _undo_targets(graph)

    def definition(self) -> dict[str, Any]:
        states: States = {}
        for index, node in enumerate(self.graph.nodes):
            states |= self._forward(index, node)
        for index in reversed(range(self.point_of_no_return)):
            states |= self._backward(index, self.graph.nodes[index])
        if self.point_of_no_return > 0:
            states |= self._end()
        return {
            **_comment(self.graph.doc or self.graph.name),
            "StartAt": self.graph.nodes[0].name,
            "TimeoutSeconds": execution_seconds(self.graph),
            "States": states,
        }

    # Forward

    def _forward(self, index: int, node: StepNode) -> States:
        undoable = index < self.point_of_no_return
        first = index == 0
        payload = self._payload(node, node.call, Part(node.role.value))
        if undoable and self.graph.deadline is not None:
            payload["deadline"] = self.graph.deadline
        self._mark(payload, index)
        if not first:
            payload["results.$"] = "$"
        elif self.graph.input.model:
            payload["model"] = self.graph.input.model
        state = {
            **_comment(node.doc),
            **_task(node.call, payload, live=not undoable),
            # The first reply replaces the document: before it, that is the input, which may be
            # anything (rule 19).
            "ResultSelector": {node.name: {"value.$": "$.Payload.value"}}
            if first
            else {"value.$": "$.Payload.value"},
            "ResultPath": "$" if first else f"$.{node.name}",
        }
        states: States = {node.name: state}
        if undoable:
            rejected, unknown = self.undo_before[index], self._undo_from(index)
            if first:
                states |= self._first_failures(node, rejected, unknown)
                rejected = f"{node.name} rejected" if rejected != unknown else f"{node.name} failed"
                unknown = f"{node.name} failed"
            state["Catch"] = [
                _catcher(error, "$" if first else "$.failure", target)
                for error, target in [
                    ("Rejected", rejected),
                    # Of the first call only the input can be too large, for the runtime bounds
                    # results (rule 22): nothing ran, and a compensation could not be called either.
                    ("States.DataLimitExceeded", rejected if first else unknown),
                    ("States.ALL", unknown),
                ]
            ]
        state |= self._next(index)
        return states

    def _first_failures(self, node: StepNode, rejected: str, unknown: str) -> States:
        """Pass states that put a failure of the first node where the others put theirs."""
        targets = {f"{node.name} failed": unknown}
        if rejected != unknown:
            targets = {f"{node.name} rejected": rejected} | targets
        return {
            name: {"Type": "Pass", "Parameters": {"failure.$": "$"}, "Next": target}
            for name, target in targets.items()
        }

    def _next(self, index: int) -> dict[str, Any]:
        if index + 1 == len(self.graph.nodes):
            return {"End": True}
        return {"Next": self.graph.nodes[index + 1].name}

    # Backward

    def _undo_from(self, index: int) -> str:
        """Where undoing starts when the outcome of the node is unknown."""
        node = self.graph.nodes[index]
        if node.verify:
            return f"{node.name} in doubt"
        if settled_by_slot(self.graph, node):
            return f"verify {node.name}"
        return self._undo_of(index)

    def _undo_of(self, index: int) -> str:
        """Where undoing starts when the node may have had an effect that is not final."""
        node = self.graph.nodes[index]
        return f"undo {node.name}" if node.compensation else self.undo_before[index]

    def _backward(self, index: int, node: StepNode) -> States:
        states: States = {}
        if node.verify:
            states |= self._probe(index, node, node.verify)
        elif settled_by_slot(self.graph, node):
            states |= self._settle(index, node)
        if node.compensation:
            call = node.compensation.call
            payload = self._payload(node, call, Part.COMPENSATION)
            payload["slot"] = list(node.compensation.slot)
            payload["undoes"] = list(node.slot)
            if reads := self._reads(node, call):
                payload["reads"] = reads
            if index == 0:
                payload["opens"] = True
            states[f"undo {node.name}"] = {
                **_task(call, payload, live=True),
                "ResultPath": None,
                "Next": self.undo_before[index],
            }
        return states

    def _probe(self, index: int, node: StepNode, call: Call) -> States:
        """The states that settle a pivot in doubt by asking its probe."""
        payload = self._payload(node, call, Part.VERIFY)
        self._mark(payload, index)
        payload["results.$"] = "$"
        return {
            # The probe runs after the pivot's time is up (rule 17): until then an invocation whose
            # reply was lost may still be running.
            f"{node.name} in doubt": {
                "Type": "Wait",
                "Seconds": node.call.seconds + DISPATCH_SECONDS,
                "Next": f"verify {node.name}",
            },
            f"verify {node.name}": self._verify(
                node,
                call,
                payload,
                _catcher("Rejected", "$.failure", self.undo_before[index]),
            ),
            **self._settled(index, node),
        }

    def _settle(self, index: int, node: StepNode) -> States:
        """The state in which a slot decides: forward, or back.

        What a pivot or a saga's last step has recorded cannot be undone any more (rule 16), so a
        compensation alone will not do. Nothing is waited for: the call seals an empty slot, and
        whoever comes later is fenced.
        """
        call = doubt_call(node)
        payload = self._payload(node, call, Part.VERIFY)
        self._mark(payload, index)
        # The document keeps the step's own failure: that the slot was empty explains nothing.
        rejected = _catcher("Rejected", None, self._undo_of(index))
        return {
            f"verify {node.name}": self._verify(node, call, payload, rejected),
            **self._settled(index, node),
        }

    def _settled(self, index: int, node: StepNode) -> States:
        """The document without the failure that is settled: it holds step results only."""
        results = [one.name for one in self.graph.nodes[: index + 1]]
        return {
            f"{node.name} settled": {
                "Type": "Pass",
                "Parameters": {f"{name}.$": f"$.{name}" for name in results},
                **self._next(index),
            }
        }

    def _verify(
        self,
        node: StepNode,
        call: Call,
        payload: dict[str, Any],
        rejected: dict[str, Any],
    ) -> dict[str, Any]:
        return {
            **_task(call, payload, live=True),
            "ResultSelector": {"value.$": "$.Payload.value"},
            "ResultPath": f"$.{node.name}",
            "Catch": [rejected],
            "Next": f"{node.name} settled",
        }

    def _reads(self, node: StepNode, call: Call) -> dict[str, list[int]]:
        """The slots of the other steps whose results a compensation takes (rule 22)."""
        return {
            parameter.step: list(self.slots[parameter.step])
            for parameter in call.parameters
            if parameter.origin is Origin.STEP and parameter.step != node.name
        }

    # The end

    def _end(self) -> States:
        end = {
            "Type": "Fail",
            "Error": UNDONE,
            "CausePath": "States.JsonToString($.failure)",
        }
        ended = _event("SagaCompensated", "States.JsonToString($.failure)")
        if self.graph.nodes[0].compensation:
            return {RECORD: self._record([ended]), COMPENSATED: end}
        # Nothing else was written where this first node failed (rule 8). Its input becomes text
        # here, which can be twice as long: what does not fit is recorded without it.
        started = _event("SagaStarted", "States.JsonToString($$.Execution)")
        record = self._record([started, ended])
        record["Retry"][0]["ErrorEquals"].append(TOO_LARGE)
        record["Catch"].append(_catcher(TOO_LARGE, None, RECORD_BRIEFLY))
        return {RECORD: record, RECORD_BRIEFLY: self._record([ended]), COMPENSATED: end}

    def _record(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        saga = self.graph.name
        stream = f"States.Format('{saga}#{{}}', $$.Execution.Name)"
        slot = f"States.Format('{{}}/{TERMINAL_SLOT}', $$.Execution.StartTime)"
        item = {
            "stream_id": {"S.$": stream},
            "slot": {"S.$": slot},
            "outcome": {"S": "ended"},
            "events": {"L": events},
            "commit_id": {
                "S.$": f"States.Format('{saga}#{{}}/{{}}/{TERMINAL_SLOT}',"
                " $$.Execution.Name, $$.Execution.StartTime)"
            },
            "correlation_id": {"S.$": "$$.Execution.Name"},
            "causation_id": {"S.$": "$$.Execution.Id"},
            "recorded_at": {"S.$": "$$.State.EnteredTime"},
            "attempt": {"N.$": "States.Format('{}', $$.State.RetryCount)"},
            "fingerprint": {"S": self.fingerprint},
        }
        return {
            "Type": "Task",
            "Resource": PUT_ITEM,
            "TimeoutSeconds": RECORD_SECONDS,
            "Parameters": {
                "TableName": f"${{{EVENT_TABLE}}}",
                "Item": item,
                "ConditionExpression": "attribute_not_exists(slot)",
            },
            "Retry": [
                {"ErrorEquals": [TAKEN], "MaxAttempts": 0},
                retrier(("States.ALL",), RECORD_RETRY),
            ],
            # Somebody recorded this end before: it is done (rule 8).
            "Catch": [_catcher(TAKEN, None, COMPENSATED)],
            "ResultPath": None,
            "Next": COMPENSATED,
        }

    # Calls

    def _payload(self, node: StepNode, call: Call, part: Part) -> dict[str, Any]:
        payload: dict[str, Any] = {
            "saga": self.graph.name,
            "step": node.name,
            "part": part.value,
            **({"handler": call.handler} if call.handler else {}),
            "slot": list(node.slot),
            "seconds": call.seconds,
            "input": self.graph.input.name,
        }
        takes = {
            parameter.name: [parameter.step or self.graph.input.name, *parameter.path]
            for parameter in call.parameters
            if parameter.explicit
        }
        if takes:
            payload["takes"] = takes
        if call.retry and call.retry.only:
            payload["only"] = sorted(call.retry.only)
        if call.retry and call.retry.never:
            payload["never"] = sorted(call.retry.never)
        return payload | {
            "fingerprint": self.fingerprint,
            "execution.$": "$$.Execution",
            "state.$": "$$.State",
        }

    def _mark(self, payload: dict[str, Any], index: int) -> None:
        if index == 0:
            payload["opens"] = True
        if index + 1 == len(self.graph.nodes):
            payload["closes"] = True


def _undo_targets(graph: SagaGraph) -> list[str]:
    """Where undoing starts when a node did nothing: one state for each node."""
    targets, target = [], RECORD
    for node in graph.nodes:
        targets.append(target)
        if node.compensation:
            target = f"undo {node.name}"
    return targets


def _task(call: Call, payload: dict[str, Any], *, live: bool) -> dict[str, Any]:
    name = live_name(call.participant) if live else function_name(call.participant)
    return {
        "Type": "Task",
        "Resource": INVOKE,
        "TimeoutSeconds": call.seconds + DISPATCH_SECONDS,
        "Parameters": {"FunctionName": f"${{{name}}}", "Payload": payload},
        "Retry": retriers(call),
    }


def _catcher(error: str, path: str | None, target: str) -> dict[str, Any]:
    return {"ErrorEquals": [error], "ResultPath": path, "Next": target}


def _event(name: str, data: str) -> dict[str, Any]:
    return {"M": {"type": {"S": name}, "version": {"N": "1"}, "data": {"S.$": data}}}


def _comment(doc: str) -> dict[str, str]:
    first = re.split(r"\n\s*\n", doc.strip())[0]
    line = " ".join(first.split()).replace("${", "$ {")  # `${` is CloudFormation's substitution
    if len(line) > COMMENT_CHARACTERS:
        line = line[: COMMENT_CHARACTERS - 1].rstrip() + "…"
    return {"Comment": line} if line else {}
