"""The states that a definition is made of, each as JSON values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.names import function_name, live_name
from stepsaga.asl.retriers import retriers
from stepsaga.limits import DISPATCH_SECONDS

if TYPE_CHECKING:
    from stepsaga.graph import Call, Question, StepNode

INVOKE: Final = "arn:aws:states:::lambda:invoke"
ASK: Final = f"{INVOKE}.waitForTaskToken"
"""Calls a function, and waits until somebody answers the token that the function was given."""
TOO_LARGE: Final = "States.DataLimitExceeded"
COMMENT_CHARACTERS: Final = 120
"""A comment is cut here: hundreds of them share the limit on a definition."""

States = dict[str, dict[str, Any]]


def task(call: Call, payload: dict[str, Any], *, live: bool) -> dict[str, Any]:
    """A Task that calls a handler: its participant's pinned version, or the alias (rule 12).

    Where the call waits, its time is that of the wait, and its result is what is answered.
    """
    name = live_name(call.participant) if live else function_name(call.participant)
    return {
        "Type": "Task",
        "Resource": ASK if call.waits else INVOKE,
        "TimeoutSeconds": call.waits or call.seconds + DISPATCH_SECONDS,
        "Parameters": {"FunctionName": f"${{{name}}}", "Payload": payload},
        "Retry": retriers(call, asks=bool(call.waits)),
    }


def taken(call: Call) -> dict[str, Any]:
    """How a Task's result is taken: ``{"value": ...}``.

    Of a function's reply that is a part. What was answered is taken whole: a path into what a
    stranger may have sent could be missing.
    """
    return {} if call.waits else {"ResultSelector": {"value.$": "$.Payload.value"}}


def first_taken(call: Call, name: str) -> dict[str, Any]:
    """The same for the first node, whose result replaces the document."""
    return {f"{name}.$": "$"} if call.waits else {name: {"value.$": "$.Payload.value"}}


def asking(call: Call, question: Question, payload: dict[str, Any]) -> dict[str, Any]:
    """A Task that asks: its time is the answer's, and an answer that is late is not asked for."""
    beat = {} if question.heartbeat is None else {"HeartbeatSeconds": question.heartbeat}
    state = task(call, payload, live=False)
    return state | {
        "Resource": ASK,
        "TimeoutSeconds": question.seconds,
        **beat,
        "Retry": retriers(call, asks=True),
    }


def catcher(error: str, path: str | None, target: str) -> dict[str, Any]:
    """A catcher of one error."""
    return {"ErrorEquals": [error], "ResultPath": path, "Next": target}


def catchers(path: str, rejected: str, too_large: str, unknown: str) -> list[dict[str, Any]]:
    """What every step before the point of no return catches, in this order."""
    return [
        catcher("Rejected", path, rejected),
        catcher(TOO_LARGE, path, too_large),
        catcher("States.ALL", path, unknown),
    ]


def choose(rules: list[dict[str, Any]], targets: list[str]) -> dict[str, Any]:
    """A Choice: a target for each rule, and one behind them where none is true."""
    choices = [{**one, "Next": target} for one, target in zip(rules, targets[:-1], strict=True)]
    return {"Type": "Choice", "Choices": choices, "Default": targets[-1]}


def doubt_state(node: StepNode, name: str = "") -> str:
    """The name of the state that settles a step in doubt, by a probe or by its slots."""
    prefix = "settle" if node.claim and not node.verify else "verify"
    return f"{prefix} {name or node.name}"


def in_doubt(node: StepNode, then: str) -> dict[str, Any]:
    """The state that waits until a step's time is up."""
    return {"Type": "Wait", "Seconds": node.call.seconds + DISPATCH_SECONDS, "Next": then}


def undo_comment(node: StepNode) -> dict[str, str]:
    """What the undoing of a child is, which looks like a call and is not over with it."""
    return comment(f"Has {node.child.name} undone, and waits for that." if node.child else "")


def comment(doc: str) -> dict[str, str]:
    """The first paragraph of a docstring, cut, as a state's Comment; nothing without one."""
    first = re.split(r"\n\s*\n", doc.strip())[0]
    line = " ".join(first.split()).replace("${", "$ {")  # `${` is CloudFormation's substitution
    if len(line) > COMMENT_CHARACTERS:
        line = line[: COMMENT_CHARACTERS - 1].rstrip() + "…"
    return {"Comment": line} if line else {}
