"""What Step Functions itself does for a step: the action, and the record of it (rule 26).

Two states: the action as its service takes it, and a conditional put of what the runtime would have
recorded. A record that finds its slot taken leads to a call that looks what became of the step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.endings import event, put
from stepsaga.asl.names import DEFAULT_BUS
from stepsaga.asl.payloads import own_address
from stepsaga.asl.positions import path
from stepsaga.asl.retriers import retrier
from stepsaga.asl.times import SERVICE_RECORD_RETRY
from stepsaga.graph import Datum, Known, Target, TargetKind, Text, closing_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.asl.payloads import Payloads
    from stepsaga.asl.positions import Lanes
    from stepsaga.graph import Service, StepNode, Value

ARN: Final = "arn:aws:states:::"
FAILED: Final = ("States.ALL",)
"""Every error that an action or a record can have, but for what is too large."""
COMPLETED: Final = {
    "M": {"type": {"S": "SagaCompleted"}, "version": {"N": "1"}, "data": {"S": "{}"}}
}

_MISREAD: Final = ("$.", "$$.", "$[", "States.")
"""How a constant begins that looks like an expression."""


class Services:
    """Compiles the service steps of one saga.

    Args:
        payloads: Of the saga's calls.
    """

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads

    def action(self, node: StepNode, result: str) -> dict[str, Any]:
        """The state of the action, without what it catches and what follows it.

        Args:
            node: The step.
            result: Where the document gets what it came to.
        """
        service, call = _service(node), node.call
        done = [{"ErrorEquals": list(service.done), "MaxAttempts": 0}] if service.done else []
        retry = [retrier(FAILED, call.retry)] if call.retry and call.retry.attempts > 1 else []
        reply = {"value": None} if not service.reply else {"value.$": _reply(service)}
        return {
            "Type": "Task",
            "Resource": f"{ARN}{service.action}",
            "TimeoutSeconds": call.seconds,
            "Parameters": self._parameters(node),
            **({"Retry": [*done, *retry]} if retry else {}),
            "ResultSelector": {"step": node.name, **reply},
            "ResultPath": result,
        }

    def done_before(self, node: StepNode, result: str) -> dict[str, Any]:
        """What stands for the reply where an error says that an earlier attempt has done it."""
        return {
            "Type": "Pass",
            "Result": {"step": node.name, "value": None},
            "ResultPath": result,
        }

    def record(self, node: StepNode, result: str) -> dict[str, Any]:
        """The state of the record, without what follows it but for what is no failure.

        Args:
            node: The step.
            result: Where the document has what it came to.
        """
        text = json.dumps({"step": node.name, "value": None}, separators=(",", ":"))
        data = {"S": text}
        if _service(node).reply:
            data = {"S.$": f"States.JsonToString({result})"}
        completed = {"M": {"type": {"S": "StepCompleted"}, "version": {"N": "1"}, "data": data}}
        events = [completed]
        if node.name in self._payloads.openers:
            events.insert(0, event("SagaStarted", "States.JsonToString($$.Execution)"))
        if node is closing_step(self._payloads.graph):
            events.append(COMPLETED)
        saga, key = self._payloads.graph.name, self._slot(node)
        item = {
            "stream_id": {"S.$": f"States.Format('{saga}#{{}}', $$.Execution.Name)"},
            "slot": {"S.$": _format("", *key)},
            "outcome": {"S": "result"},
            "events": {"L": events},
            "commit_id": {"S.$": self._key(node)},
        }
        fingerprint = self._payloads.fingerprint
        return {**put(item, fingerprint, SERVICE_RECORD_RETRY), "ResultPath": None}

    # Parameters

    def _parameters(self, node: StepNode) -> dict[str, Any]:
        lanes = self._payloads.positions[node.name].lanes
        return self._object(node, lanes, _service(node).parameters)

    def _object(self, node: StepNode, lanes: Lanes, given: Mapping[str, Value]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in given.items():
            if (expression := self._expression(node, lanes, value)) is not None:
                made[f"{key}.$"] = expression
            else:
                made[key] = self._value(node, lanes, value)
        return made

    def _value(self, node: StepNode, lanes: Lanes, value: Value) -> Any:
        """What holds no data at its top: JSON values."""
        match value:
            case Mapping():
                return self._object(node, lanes, value)
            case list() | tuple():
                return [self._value(node, lanes, item) for item in value]
            case Target(kind=TargetKind.BUS, name=name) if name == DEFAULT_BUS:
                return name
            case Target(name=name):
                return f"${{{name}}}"
            case _:
                return value

    def _expression(  # noqa: PLR0911  # one a kind
        self, node: StepNode, lanes: Lanes, value: Value
    ) -> str | None:
        """The expression that a value is; None for what is none."""
        match value:
            case Datum():
                return path(self._payloads.places.of(value, lanes))
            case Known.ID:
                return "$$.Execution.Name"
            case Known.KEY:
                return self._key(node)
            case Text(parts=parts):
                return self._text(node, lanes, parts)
            case str() if is_evaluated(value):
                # The deployment would fill in what looks like a name; and nobody shall wonder
                # whether a constant that looks like an expression is one.
                return f"States.Format('{_escaped(value)}')"
            case list() | tuple():
                return self._array(node, lanes, value)
            case _:
                return None

    def _array(self, node: StepNode, lanes: Lanes, items: Sequence[Value]) -> str | None:
        """A list with data in it; the objects of a list are templates of their own."""
        if not any(map(is_evaluated, items)):
            return None
        parts = [self._argument(node, lanes, item) for item in items]
        return _call("States.Array", *parts)

    def _argument(self, node: StepNode, lanes: Lanes, item: Value) -> str:
        if isinstance(item, list | tuple):
            return _call("States.Array", *(self._argument(node, lanes, one) for one in item))
        if isinstance(item, str) and not isinstance(item, Known):
            return f"'{_escaped(item)}'"
        return self._expression(node, lanes, item) or json.dumps(item)

    def _text(self, node: StepNode, lanes: Lanes, parts: tuple[str | Datum | Known, ...]) -> str:
        template = "".join(_escaped(one) if type(one) is str else "{}" for one in parts)
        data = [self._expression(node, lanes, one) or "" for one in parts if type(one) is not str]
        return _call("States.Format", f"'{template}'", *data)

    def _slot(self, node: StepNode) -> tuple[str, ...]:
        """The parts of a step's slot: constants, and paths."""
        return ("$$.Execution.StartTime", *own_address(self._payloads, node))

    def _key(self, node: StepNode) -> str:
        """The idempotency key: `stepsaga.store.slots.service_key_of`."""
        saga = self._payloads.graph.name
        text = _format(f"{saga}#{{}}/", "$$.Execution.Name", *self._slot(node))
        return f"States.Hash({text}, 'SHA-256')"


def _service(node: StepNode) -> Service:
    assert node.service is not None  # noqa: S101  # for mypy
    return node.service


def _reply(service: Service) -> str:
    return service.reply if service.reply == "$" else path((service.reply,))


def _format(before: str, *parts: str) -> str:
    """A ``States.Format`` of parts with slashes between; those that begin with ``$`` are paths.

    ``before`` has a place for the first of them, if it is not empty.
    """
    paths = [part for part in parts if part.startswith("$")]
    rest = parts[1:] if before else parts
    template = "/".join("{}" if part.startswith("$") else part for part in rest)
    return _call("States.Format", f"'{before}{template}'", *paths)


def _call(function: str, *arguments: str) -> str:
    return f"{function}({', '.join(arguments)})"


def _escaped(text: str) -> str:
    r"""A text as intrinsic functions take it: ``'``, ``{``, ``}`` and ``\`` have a backslash.

    https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
    """
    return "".join(f"\\{one}" if one in "'{}\\" else one for one in text)


def is_evaluated(value: Value) -> bool:
    """Whether a value is an expression: data, or a constant that must not be taken for one."""
    match value:
        case Datum() | Known() | Text():
            return True
        case str():
            return "${" in value or value.startswith(_MISREAD)
        case list() | tuple():
            return any(map(is_evaluated, value))
        case _:
            return False
