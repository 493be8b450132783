"""Rules on what Step Functions itself does for steps: actions, their records, where they lead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.endings import PUT_ITEM, TAKEN
from stepsaga.asl.findings import blocks, names, states, table, tables
from stepsaga.asl.names import (
    COMPLETION,
    COMPLETION_BRIEFLY,
    EVENT_TABLE,
    RECORD,
    RECORD_BRIEFLY,
)
from stepsaga.asl.services import ARN, FAILED
from stepsaga.asl.states import TOO_LARGE

if TYPE_CHECKING:
    from stepsaga.asl.findings import Findings

ENDS: Final = frozenset({RECORD, RECORD_BRIEFLY, COMPLETION, COMPLETION_BRIEFLY})
ACTIONS: Final = frozenset(
    {
        "sqs:sendMessage",
        "sns:publish",
        "events:putEvents",
        "dynamodb:putItem",
        "dynamodb:updateItem",
        "dynamodb:deleteItem",
        "dynamodb:getItem",
        "states:startExecution",
        "http:invoke",
    }
)
"""The integrations of Step Functions' own that are used; besides, any of ``aws-sdk``."""
CAUGHT: Final = (TOO_LARGE, "States.ALL")
EXIST: Final = frozenset(
    {"StepFunctions.ExecutionAlreadyExists", "StepFunctions.ExecutionAlreadyExistsException"}
)
"""What says that an action has been done before, also where nothing is tried again."""
SLOT: Final = re.compile(r"States\.Format\('\{\}(/(\d{5,7}|\{\}))+'(, \$\$?\.[\w.\[\]]+)+\)")

_SDK: Final = re.compile(r"aws-sdk:[a-z0-9]+:[a-z][A-Za-z0-9]*")


def is_action(state: dict[str, Any]) -> bool:
    """Whether a Task is the action of a service step."""
    action = str(state.get("Resource")).removeprefix(ARN)
    if state.get("Type") != "Task" or not (action in ACTIONS or _SDK.fullmatch(action)):
        return False
    return state.get("Resource") != PUT_ITEM or not _puts_events(state)


def is_record(name: str, state: dict[str, Any]) -> bool:
    """Whether a Task is the record of such an action."""
    puts = state.get("Resource") == PUT_ITEM and _puts_events(state)
    return puts and name not in ENDS and name.startswith("record ")


def check_services(definition: dict[str, Any], found: Findings) -> None:
    """Rules S625, S626, S630, S631 and S634 on service steps, wherever they stand."""
    slots: dict[str, str] = {}
    for where, block in blocks(definition):
        known = states(block)
        for name, state in known.items():
            if is_action(state):
                _check_action(name, state, known, found, nested=where != "definition")
            elif is_record(name, state):
                _check_record(name, state, known, found, nested=where != "definition")
                slot = str(table(table(state.get("Parameters")).get("Item")).get("slot"))
                if slot in slots:
                    text = f"its slot is that of {slots[slot]!r}"
                    found.add("S629", name, text, "give each outcome a slot of its own")
                slots[slot] = name


def _puts_events(state: dict[str, Any]) -> bool:
    return table(state.get("Parameters")).get("TableName") == f"${{{EVENT_TABLE}}}"


def _check_action(
    name: str,
    state: dict[str, Any],
    known: dict[str, dict[str, Any]],
    found: Findings,
    *,
    nested: bool,
) -> None:
    following = known.get(str(state.get("Next")), {})
    if not is_record(str(state.get("Next")), following):
        text = f"an action goes on to {state.get('Next')!r}"
        found.add("S630", name, text, "let its record come next: what is done is recorded")
    selector = table(state.get("ResultSelector"))
    keys = {key.removesuffix(".$") for key in selector}
    if keys != {"step", "value"} or state.get("ResultPath", "$") == "$":
        text = f"its result is put as {selector!r} at {state.get('ResultPath', '$')!r}"
        hint = "put step and value under the step's name, where its record finds them"
        found.add("S634", name, text, hint)
    for entry in tables(state.get("Retry")):
        errors = tuple(names(entry.get("ErrorEquals")))
        if errors != FAILED and entry.get("MaxAttempts") != 0:
            text = f"it is tried again after {', '.join(errors)}"
            found.add("S626", name, text, f"retry {', '.join(FAILED)} together, or nothing")
    _check_caught(name, state, found, nested=nested)
    if bool(_left(state)) != bool(_left(following)):
        text = "of an action and its record one is caught, and the other fails in its Task"
        found.add("S625", name, text, "catch both, or neither, behind the point of no return")


def _check_record(
    name: str,
    state: dict[str, Any],
    known: dict[str, dict[str, Any]],
    found: Findings,
    *,
    nested: bool,
) -> None:
    parameters = table(state.get("Parameters"))
    item = table(parameters.get("Item"))
    if parameters.get("ConditionExpression") != "attribute_not_exists(slot)":
        hint = 'give "ConditionExpression": "attribute_not_exists(slot)": slots are write-once'
        found.add("S631", name, "the put is not conditional", hint)
    slot = str(table(item.get("slot")).get("S.$"))
    if not SLOT.fullmatch(slot):
        found.add("S629", name, f"its slot is {slot}", "write the run's start, and numbers")
    if item.get("outcome") != {"S": "result"}:
        text = f"its outcome is {item.get('outcome')!r}"
        found.add("S631", name, text, "an action that has been done has a result")
    if state.get("ResultPath", "$") is not None:
        found.add("S634", name, "its reply gets into the document", "give ResultPath null")
    first = table((tables(state.get("Retry")) or [{}])[0])
    if first.get("ErrorEquals") != [TAKEN] or first.get("MaxAttempts") != 0:
        hint = f"begin Retry with {TAKEN} and MaxAttempts 0"
        found.add("S626", name, "what cannot change would be tried again", hint)
    taken = table((tables(state.get("Catch")) or [{}])[0])
    adopts = known.get(str(taken.get("Next")), {})
    part = table(table(adopts.get("Parameters")).get("Payload")).get("part")
    if taken.get("ErrorEquals") != [TAKEN] or part != "adopt":
        hint = f"catch {TAKEN} first, and let a call look what the slot holds"
        found.add("S630", name, "a slot that is taken does not lead to an adopt", hint)
    if adopts.get("Next") != state.get("Next") or adopts.get("End") != state.get("End"):
        hint = "let both lead to the same state: what is adopted is done"
        found.add("S630", name, f"it goes on otherwise than {taken.get('Next')!r}", hint)
    _check_caught(name, state, found, nested=nested)


def _check_caught(name: str, state: dict[str, Any], found: Findings, *, nested: bool) -> None:
    """Everything is caught, or, behind the point of no return, nothing is."""
    left = _left(state)
    if left != CAUGHT and (left or nested):
        text = f"it catches {', '.join(left) or 'nothing'}"
        found.add("S625", name, text, f"catch {', '.join(CAUGHT)}, in this order")


def _left(state: dict[str, Any]) -> tuple[str, ...]:
    """What is caught, but for errors which say that it is done: those are not tried again."""
    certain = {
        error
        for one in tables(state.get("Retry"))
        if one.get("MaxAttempts") == 0
        for error in names(one.get("ErrorEquals"))
    }
    caught = (
        error for one in tables(state.get("Catch")) for error in names(one.get("ErrorEquals"))
    )
    return tuple(error for error in caught if error not in certain and error not in EXIST)
