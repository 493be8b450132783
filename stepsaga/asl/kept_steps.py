"""Steps and their calls as JSON, and back: a part of `stepsaga.asl.kept`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.asl.kept_services import keep_service, service_from
from stepsaga.asl.schemas import bare_schema
from stepsaga.graph import (
    AwaitedEvent,
    BusinessEvent,
    Call,
    Channel,
    ChildSaga,
    Compensation,
    Destination,
    Origin,
    Parameter,
    Question,
    Retry,
    Role,
    StepNode,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def keep_step(node: StepNode) -> dict[str, Any]:
    """A step as JSON values."""
    undo = node.compensation
    return {
        "kind": "step",
        "name": node.name,
        "role": node.role.value,
        "slot": list(node.slot),
        "call": _call(node.call),
        "schema": bare_schema(node.schema),
        "compensation": undo and {"call": _call(undo.call), "slot": list(undo.slot)},
        "verify": node.verify and _call(node.verify),
        "read_only": node.read_only,
        "declared_pivot": node.declared_pivot,
        "declared_retriable": node.declared_retriable,
        # Only where there is one: graphs were kept before there were claims.
        **({"claim": True} if node.claim else {}),
        # Only where there is one: what asks nothing has the fingerprint that it had before.
        **({"question": _question(node.question)} if node.question else {}),
        # Only where there is one, as above.
        **({"child": _child(node.child)} if node.child else {}),
        # Only where there is one, as above.
        **({"service": keep_service(node.service)} if node.service else {}),
    }


def step_from(kept: Mapping[str, Any]) -> StepNode:
    """A step of its kept form."""
    undo = kept["compensation"]
    return StepNode(
        name=kept["name"],
        role=Role(kept["role"]),
        call=_call_from(kept["call"]),
        slot=tuple(kept["slot"]),
        schema=kept["schema"],
        compensation=undo and Compensation(_call_from(undo["call"]), tuple(undo["slot"])),
        verify=kept["verify"] and _call_from(kept["verify"]),
        read_only=kept["read_only"],
        declared_pivot=kept["declared_pivot"],
        declared_retriable=kept["declared_retriable"],
        claim=kept.get("claim", False),
        question=_question_from(kept["question"]) if "question" in kept else None,
        child=ChildSaga(**kept["child"]) if "child" in kept else None,
        service=service_from(kept["service"]) if "service" in kept else None,
    )


def _call(call: Call) -> dict[str, Any]:
    return {
        "handler": call.handler,
        "participant": call.participant,
        "seconds": call.seconds,
        "retry": call.retry and _retry(call.retry),
        "parameters": [_parameter(parameter) for parameter in call.parameters],
        # Only where it does: graphs were kept before any call waited.
        **({"waits": call.waits} if call.waits else {}),
        # Only where it is, as above.
        **({"direct": True} if call.direct else {}),
    }


def _call_from(kept: Mapping[str, Any]) -> Call:
    return Call(
        handler=kept["handler"],
        participant=kept["participant"],
        parameters=tuple(map(_parameter_from, kept["parameters"])),
        returns=Any,
        seconds=kept["seconds"],
        retry=kept["retry"] and _retry_from(kept["retry"]),
        waits=kept.get("waits", 0),
        direct=kept.get("direct", False),
    )


def _child(child: ChildSaga) -> dict[str, Any]:
    return {
        "name": child.name,
        "reference": child.reference,
        "input": child.input,
        "model": child.model,
        "result": child.result,
    }


def _question(question: Question) -> dict[str, Any]:
    return {
        "seconds": question.seconds,
        "heartbeat": question.heartbeat,
        "otherwise": question.otherwise and dict(question.otherwise),
        # Only where it is sent somewhere: graphs were kept before there were destinations.
        **({"to": _destination(question.to)} if question.to else {}),
        # Only where it waits for one, as above.
        **({"event": _event(question.event)} if question.event else {}),
    }


def _event(awaited: AwaitedEvent) -> dict[str, Any]:
    event = awaited.event
    return {
        "source": event.source,
        "name": event.name,
        "bus": event.bus,
        "model": event.model,
        "by": list(awaited.by),
        "since": awaited.since,
    }


def _event_from(kept: Mapping[str, Any]) -> AwaitedEvent:
    event = BusinessEvent(kept["source"], kept["name"], kept["bus"], kept["model"])
    return AwaitedEvent(event, tuple(kept["by"]), kept["since"])


def _destination(to: Destination) -> dict[str, Any]:
    return {"channel": to.channel.value, "name": to.name}


def _question_from(kept: Mapping[str, Any]) -> Question:
    to = kept.get("to")
    return Question(
        kept["seconds"],
        kept["heartbeat"],
        kept["otherwise"],
        Destination(Channel(to["channel"]), to["name"]) if to else None,
        _event_from(kept["event"]) if "event" in kept else None,
    )


def _retry(retry: Retry) -> dict[str, Any]:
    return {
        "attempts": retry.attempts,
        "wait": retry.wait,
        # A whole number has one form, so that what was kept and read again is the same text.
        "backoff": int(retry.backoff) if retry.backoff == int(retry.backoff) else retry.backoff,
        "longest_wait": retry.longest_wait,
        "jitter": retry.jitter,
        "only": sorted(retry.only),
        "never": sorted(retry.never),
    }


def _retry_from(kept: Mapping[str, Any]) -> Retry:
    return Retry(
        attempts=kept["attempts"],
        wait=kept["wait"],
        backoff=kept["backoff"],
        longest_wait=kept["longest_wait"],
        jitter=kept["jitter"],
        only=tuple(kept["only"]),
        never=tuple(kept["never"]),
    )


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "origin": parameter.origin.value,
        "step": parameter.step,
        "path": list(parameter.path),
        "required": parameter.required,
        "explicit": parameter.explicit,
    }


def _parameter_from(kept: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=kept["name"],
        annotation=Any,
        origin=Origin(kept["origin"]),
        step=kept["step"],
        path=tuple(kept["path"]),
        required=kept["required"],
        explicit=kept["explicit"],
    )
