"""The cases of the contract: a definition, an input, and what its functions do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.compiler import INVOKE, PUT_ITEM
from stepsaga.graph import Retry, Role
from tests.contract.engines.graphs import compiled, saga, step, substituted
from tests.contract.engines.scripts import (
    Act,
    Fails,
    Hangs,
    Meanwhile,
    Replies,
    RepliesRaw,
    TakesTheEnd,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

GOLDEN: Final = Path(__file__).parents[2] / "asl" / "golden"
ORDER: Final = {
    "id": "o-1",
    "count": 2,
    "lines": [{"sku": "tea", "count": 2}],
    "note": "für später",
}


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes:
        name: Its id in the tests, and the name of its execution.
        definition: ASL, substitutions filled in.
        script: What the functions of the states do.
        input: The execution's input.
        together: Whether parts of it happen at the same time: their order is not compared.
    """

    name: str
    definition: str
    script: Mapping[str, Sequence[Act]] = field(default_factory=dict)
    input: Any = field(default_factory=lambda: ORDER)
    together: bool = False


# Pure ASL


def task(**fields: Any) -> dict[str, Any]:
    """A Task that shows its function the context and its input; its result is the reply."""
    payload = {"state.$": "$$.State", "execution.$": "$$.Execution", "document.$": "$"}
    return {
        "Type": "Task",
        "Resource": INVOKE,
        "Parameters": {"FunctionName": "shop", "Payload": payload},
        "ResultSelector": {"got.$": "$.Payload"},
        "TimeoutSeconds": 30,
        **({} if "Next" in fields else {"End": True}),
        **fields,
    }


def retry(*errors: str, **fields: Any) -> dict[str, Any]:
    """A retrier."""
    return {"ErrorEquals": list(errors), "IntervalSeconds": 1, **fields}


def catch(*errors: str, to: str = "Caught", **fields: Any) -> dict[str, Any]:
    """A catcher."""
    return {"ErrorEquals": list(errors), "Next": to, **fields}


def machine(states: Mapping[str, Any], **fields: Any) -> str:
    """A definition that starts at its first state."""
    return json.dumps({"StartAt": next(iter(states)), "States": states, **fields})


CAUGHT: Final = {"Caught": {"Type": "Pass", "End": True}}


def _inputs() -> Iterator[Case]:
    inputs = {
        "number": 5,
        "zero": 0,
        "fraction": 1.5,
        "list": [],
        "null": None,
        "true": True,
        "empty-text": "",
        "text": "plain",
        "number-in-text": "5",
        "json-in-text": '{"a": 1}',
        "unicode": {"ä": ["\u2028", "🛒", '"quoted" \\ back']},
        "named-like-a-state": {"A": {"value": 1}, "Payload": 2, "failure": 3},
    }
    for name, value in inputs.items():
        yield Case(f"input-{name}-kept", machine({"A": {"Type": "Succeed"}}), input=value)
        yield Case(f"input-{name}-shown", machine({"A": task()}), input=value)
        yield Case(
            f"reply-{name}", machine({"A": task()}), {"A": [RepliesRaw(value)]}, input={}
        )  # fmt: skip


def _paths() -> Iterator[Case]:
    shapes: dict[str, dict[str, Any]] = {
        "result-path-null": {"ResultPath": None},
        "result-path-nested": {"ResultPath": "$.made.on.the.way"},
        "result-path-root": {"ResultPath": "$"},
        "result-path-replaces": {"ResultPath": "$.id"},
        "output-path": {"ResultPath": "$.done", "OutputPath": "$.done.got"},
        "output-path-null": {"OutputPath": None},
        "input-path": {"InputPath": "$.lines[0]", "ResultPath": "$.done"},
        "input-path-null": {"InputPath": None, "ResultPath": "$.done"},
        "selector-constants": {"ResultSelector": {"a": [1, {"b": None}], "c.$": "$.StatusCode"}},
    }
    for name, fields in shapes.items():
        yield Case(f"path-{name}", machine({"A": task(**fields)}))
    passes: dict[str, dict[str, Any]] = {
        "plain": {},
        "result": {"Result": {"x.$": "not a path"}},
        "result-at": {"Result": [1], "ResultPath": "$.x"},
        "result-null-path": {"Result": 1, "ResultPath": None},
        "parameters": {"Parameters": {"a.$": "$.note", "b": 1, "c": {"d.$": "$.id"}}},
        "context": {"Parameters": {"name.$": "$$.Execution.Name", "at.$": "$$.State.Name",
                                   "input.$": "$$.Execution.Input"}},
        "slice": {"Parameters": {"a.$": "$.lines[0:1]", "all.$": "$.lines[*].sku"}},
        "index": {"Parameters": {"a.$": "$.lines[0].sku"}},
        "input-path": {"InputPath": "$.lines"},
        "output-path": {"OutputPath": "$.lines[0]"},
    }  # fmt: skip
    for name, fields in passes.items():
        yield Case(f"pass-{name}", machine({"A": {"Type": "Pass", "End": True, **fields}}))


def _intrinsics() -> Iterator[Case]:
    calls = {
        "format": "States.Format('{}/{}/{}', $.id, $.count, 'x')",
        "format-value": "States.Format('{}', $.lines)",
        "format-scalars": "States.Format('{} {} {} {}', $.half, $.yes, $.none, $.big)",
        "format-plain": "States.Format('plain')",
        "format-braces-in-a-value": "States.Format('{}', $.text)",
        "format-escapes": r"States.Format('\{{}\}', $.id)",
        "to-text-of-text": "States.JsonToString($.text)",
        "base64-beyond-ascii": "States.Base64Encode($.note)",
        "hash-beyond-ascii": "States.Hash($.note, 'MD5')",
        "quoted-name": "$['a name']",
        "slice-from": "$.numbers[1:]",
        "slice-from-end": "$.numbers[-1:]",
        "wildcard-to-nothing": "$.lines[*].nope",
        "item-outside": "States.ArrayGetItem($.numbers, 3)",
        "length-of-text": "States.ArrayLength($.id)",
        "no-json": "States.StringToJson('x')",
        "to-text": "States.JsonToString($)",
        "to-text-scalar": "States.JsonToString($.id)",
        "from-text": "States.StringToJson('[1, 2]')",
        "array": "States.Array($.id, 1, true)",
        "array-with-null": "States.Array(1, null)",
        "of-an-index": "States.Format('{}', $.lines[0].sku)",
        "length": "States.ArrayLength($.lines)",
        "contains": "States.ArrayContains(States.Array(1, 2), 2)",
        "contains-not": "States.ArrayContains($.lines[*].sku, 'coffee')",
        "item": "States.ArrayGetItem($.lines[*].sku, 0)",
        "unique": "States.ArrayUnique(States.Array(1, 2, 1))",
        "range": "States.ArrayRange(1, 9, 4)",
        "partition": "States.ArrayPartition(States.Array(1, 2, 3), 2)",
        "base64": "States.Base64Encode($.id)",
        "unbase64": "States.Base64Decode('by0x')",
        "hash": "States.Hash($.id, 'SHA-256')",
        "merge": "States.JsonMerge($, States.StringToJson('{}'), false)",
        "add": "States.MathAdd($.count, -1)",
        "split": "States.StringSplit('a,b;c', ',;')",
    }
    extra = {
        "half": 0.5,
        "yes": True,
        "none": None,
        "big": 12_345_678_901,
        "text": "a{b}'c\\d",
        "a name": [],
        "numbers": [3, 1, 2],
    }
    for name, call in calls.items():
        state = {"Type": "Pass", "Parameters": {"x.$": call}, "End": True}
        yield Case(f"intrinsic-{name}", machine({"A": state}), input={**ORDER, **extra})


def _ends() -> Iterator[Case]:
    fails: dict[str, dict[str, Any]] = {
        "bare": {},
        "error": {"Error": "Broken"},
        "cause": {"Cause": "for a reason"},
        "both": {"Error": "Broken", "Cause": "for a reason"},
        "paths": {"ErrorPath": "$.id", "CausePath": "$.note"},
        "cause-of-document": {"Error": "Broken", "CausePath": "States.JsonToString($)"},
        "formatted": {"ErrorPath": "States.Format('{}', $.id)", "Cause": "so"},
    }
    for name, fields in fails.items():
        yield Case(f"fail-{name}", machine({"A": {"Type": "Fail", **fields}}))
    waits: dict[str, dict[str, Any]] = {
        "seconds": {"Seconds": 86_400},
        "none": {"Seconds": 0},
        "seconds-path": {"SecondsPath": "$.count"},
        "past": {"Timestamp": "2020-01-01T00:00:00Z"},
    }
    for name, fields in waits.items():
        wait = {"Type": "Wait", "Next": "B", **fields}
        yield Case(f"wait-{name}", machine({"A": wait, "B": {"Type": "Succeed"}}))
    succeed = {"Type": "Succeed", "InputPath": "$.lines", "OutputPath": "$[0]"}
    yield Case("succeed-paths", machine({"A": succeed}))
    long = {"Type": "Wait", "Seconds": 1001, "End": True}
    yield Case("time-is-up-in-a-wait", machine({"A": long}, TimeoutSeconds=1000))
    enough = {"Type": "Wait", "Seconds": 999, "End": True}
    yield Case("time-is-enough", machine({"A": enough}, TimeoutSeconds=1000))
    again = [retry("States.ALL", IntervalSeconds=600, MaxAttempts=5)]
    yield Case(
        "time-is-up-between-retries",
        machine({"A": task(Retry=again)}, TimeoutSeconds=1000),
        {"A": [Fails("E")]},
    )
    caught = task(TimeoutSeconds=1001, Catch=[catch("States.ALL")])
    yield Case(
        "time-is-up-in-a-task",
        machine({"A": caught, **CAUGHT}, TimeoutSeconds=1000),
        {"A": [Hangs()]},
    )


def _errors() -> Iterator[Case]:
    def run(name: str, acts: Sequence[Act], **fields: Any) -> Case:
        caught = CAUGHT if "Catch" in fields else {}
        return Case(f"error-{name}", machine({"A": task(**fields), **caught}), {"A": acts})

    odd, ok = Fails("Odd"), Replies("fine")
    yield run("uncaught", [odd])
    yield run("timeout-uncaught", [Hangs()])
    for name in ("Odd", "States.TaskFailed", "States.ALL", "Other"):
        yield run(f"caught-as-{name}", [odd], Catch=[catch(name)])
    for name in ("States.Timeout", "States.TaskFailed", "States.ALL", "Odd"):
        yield run(f"timeout-caught-as-{name}", [Hangs()], Catch=[catch(name)])
    for name, path in {"null": None, "nested": "$.a.b", "root": "$", "field": "$.id"}.items():
        yield run(f"caught-into-{name}", [odd], Catch=[catch("Odd", ResultPath=path)])
    yield run("first-catcher-wins", [odd],
              Catch=[catch("Other", ResultPath="$.1"), catch("Odd", ResultPath="$.2"),
                     catch("States.ALL", ResultPath="$.3")])  # fmt: skip
    yield run("retried", [odd, odd, ok], Retry=[retry("Odd", MaxAttempts=2)])
    yield run("retries-are-three", [odd], Retry=[retry("Odd")])
    yield run("no-retry", [odd], Retry=[retry("Odd", MaxAttempts=0)])
    yield run("retried-then-caught", [odd], Retry=[retry("States.ALL", MaxAttempts=1)],
              Catch=[catch("States.ALL", ResultPath="$.e")])  # fmt: skip
    yield run("timeout-retried", [Hangs(), ok], Retry=[retry("States.Timeout")])
    yield run("timeout-is-no-failure", [Hangs(), ok], Retry=[retry("States.TaskFailed")])
    two = [retry("Odd", MaxAttempts=1), retry("Other", MaxAttempts=1)]
    yield run("retriers-count-apart", [odd, Fails("Other"), ok], Retry=two)
    yield run("retriers-add-up", [odd, Fails("Other"), odd, ok], Retry=two)
    yield run("an-exhausted-retrier-is-the-last", [odd, odd, ok],
              Retry=[retry("Odd", MaxAttempts=1), retry("States.ALL", MaxAttempts=5)])  # fmt: skip
    yield run("retrier-for-another", [odd, ok], Retry=[retry("Other")])
    yield run("jitter", [odd, odd, ok],
              Retry=[retry("Odd", JitterStrategy="FULL", MaxDelaySeconds=3,
                           BackoffRate=1.5)])  # fmt: skip
    for name in ("Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.Unknown",
                 "Runtime.ExitError", "Sandbox.Timedout"):  # fmt: skip
        yield run(f"service-{name}", [Fails(name), ok], Retry=[retry(name)])
    stop = Meanwhile(lambda engine, arn: engine.stop(arn, error="Why", cause="because"))
    yield run("stopped", [stop], Catch=[catch("States.ALL")])
    two_tasks = {"A": task(Retry=[retry("Odd")], Next="B"), "B": task(Retry=[retry("Odd")])}
    yield Case("error-retry-count-begins-anew", machine(two_tasks),
               {"A": [odd, ok], "B": [odd, odd, ok]})  # fmt: skip
    big = Replies("x" * 262_144)
    for name in ("States.DataLimitExceeded", "States.ALL", "States.TaskFailed"):
        yield run(f"too-large-caught-as-{name}", [big], Catch=[catch(name)])
    yield run("too-large-together", [Replies("x" * 200_000)], ResultPath="$.a",
              Catch=[catch("States.DataLimitExceeded", ResultPath="$.e")])  # fmt: skip
    yield run("missing-path-in-parameters", [ok], Catch=[catch("States.ALL")],
              Parameters={"FunctionName": "shop", "Payload": {"x.$": "$.none"}})  # fmt: skip
    yield run("missing-path-in-selector", [ok], Catch=[catch("States.ALL")],
              ResultSelector={"x.$": "$.none"})  # fmt: skip
    yield run("missing-input-path", [ok], Catch=[catch("States.ALL")], InputPath="$.none")
    yield run("missing-output-path", [ok], Catch=[catch("States.ALL")], OutputPath="$.none")
    yield Case("error-no-place-for-a-result", machine({"A": task(ResultPath="$.a")}), input=5)
    missing = {"Type": "Pass", "Parameters": {"x.$": "$.none"}, "End": True}
    yield Case("error-missing-path-in-pass", machine({"A": missing}))
    grown = {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}, "End": True}
    yield Case("error-too-large-in-pass", machine({"A": grown}), input="x" * 150_000)


def _records() -> Iterator[Case]:
    def put(slot: str, **fields: Any) -> dict[str, Any]:
        event = {"M": {"type": {"S": "Note"}, "version": {"N": "1"}, "data": {"S": "{}"}}}
        texts = {
            "stream_id.$": "States.Format('Errand#{}', $$.Execution.Name)",
            "slot": slot,
            "outcome": "ended",
            "commit_id": "c",
            "correlation_id.$": "$$.State.Name",
            "causation_id": "k",
            "recorded_at": "2026-01-01T00:00:00Z",
            "fingerprint": "f",
        }
        item: dict[str, Any] = {
            name.removesuffix(".$"): {"S.$" if name.endswith(".$") else "S": value}
            for name, value in texts.items()
        }
        item |= {"events": {"L": [event]}, "attempt": {"N": "0"}}
        return {
            "Type": "Task",
            "Resource": PUT_ITEM,
            "Parameters": {
                "TableName": "${EventTable}",
                "Item": item,
                "ConditionExpression": "attribute_not_exists(slot)",
            },
            "ResultPath": None,
            **fields,
        }

    condition = "DynamoDB.ConditionalCheckFailedException"
    yield Case("put-once", substituted(machine({"A": put("r/1", End=True)})))
    two = {"A": put("r/1", Next="B"), "B": put("r/2", End=True)}
    yield Case("put-twice", substituted(machine(two)))
    taken = {"A": put("r/1", Next="B"), "B": put("r/1", End=True)}
    yield Case("put-taken", substituted(machine(taken)))
    for name in (condition, "States.TaskFailed", "States.ALL"):
        second = put("r/1", End=True, Catch=[catch(name, ResultPath=None)])
        states = {"A": put("r/1", Next="B"), "B": second, **CAUGHT}
        yield Case(f"put-taken-caught-as-{name}", substituted(machine(states)))
    again = put("r/1", End=True, Retry=[retry(condition, MaxAttempts=1)])
    states = {"A": put("r/1", Next="B"), "B": again}
    yield Case("put-taken-retried", substituted(machine(states)))


# Sagas

SAGAS: Final = {
    "bare": saga(step("look", Role.READ_ONLY), step("peek", Role.READ_ONLY)),
    "three": saga(*(step(name, undo=True) for name in ("reserve", "charge", "ship"))),
    "pivot": saga(
        step("look", Role.READ_ONLY),
        step("charge", undo=True),
        step("ship", Role.PIVOT, verify=True, retry=None),
        step("thank", Role.RETRIABLE),
        deadline=172_800,
    ),
    "undoable-pivot": saga(
        step("reserve", undo=True),
        step("ship", Role.PIVOT, undo=True),
        step("thank", Role.RETRIABLE),
        step("archive", Role.RETRIABLE),
    ),
    "forward": saga(step("thank", Role.RETRIABLE)),
    "retries": saga(
        step("a", undo=True, retry=None),
        step("b", undo=True, retry=Retry(3, 1, 1.5, 7, jitter=True)),
        step("c", undo=True, retry=Retry(1, 1, 1.0, 2, jitter=False)),
    ),
}

ERRORS: Final[dict[str, Sequence[Act]]] = {
    "rejected": [Fails("Rejected", "no funds")],
    "rejected-in-doubt": [Fails("RejectedInDoubt")],
    "fails": [Fails("StepFailed")],
    "hangs": [Hangs()],
}
"""How a state can fail for good."""
SPELLS: Final[dict[str, Sequence[Act]]] = {
    "fails-once": [Fails("StepFailed"), Replies(1)],
    "hangs-once": [Hangs(), Replies(None)],
    "throttled": [Fails("Lambda.TooManyRequestsException")] * 3 + [Replies([])],
    "service-error": [Fails("Lambda.ServiceException")] * 2 + [Replies({})],
    "too-large": [Replies("x" * 262_144)],
    "returns-null": [Replies(None)],
    "fenced": [Fails("Fenced")],
    "fails-for-good": [Fails("StepFailedForGood")],
    "bad-call": [Fails("BadCall")],
    "exits": [Fails("Runtime.ExitError")],
    "then-the-end-is-taken": [TakesTheEnd()],
}
"""What else a state can do."""
BEWITCHED: Final[Mapping[str, Sequence[str]]] = {
    "three": ("charge", "undo charge"),
    "pivot": ("look", "ship", "verify ship", "thank"),
}
"""The states that do all of it."""


def _of(
    name: str,
    text: str,
    spells: dict[str, Sequence[Act]],
    *,
    bewitched: Sequence[str] = (),
    inputs: bool = False,
) -> Iterator[Case]:
    """A definition, each of its Tasks in each way, some in many; undoing included."""
    states = json.loads(text)["States"]
    calls = [one for one, state in states.items() if state.get("Resource") == INVOKE]
    yield Case(f"{name}-succeeds", text)
    # Rule 19: whatever the input is, the first reply replaces it.
    odd: list[Any] = [5, [], None, {call: {"value": 1} for call in calls}]
    for value in odd if inputs else ():
        kind = f"{name}-input-{type(value).__name__}"
        yield Case(kind, text, input=value)
        for spell in ("rejected", "hangs"):
            told = _told(kind, calls[0], spell, states)
            yield Case(told, text, {calls[0]: ERRORS[spell]}, value)
    for call in calls:
        for spell, acts in (spells | SPELLS if call in bewitched else spells).items():
            script = {**_reaching(call), call: acts}
            yield Case(_told(name, call, spell, states), text, script)


def _told(name: str, call: str, spell: str, states: Mapping[str, Any]) -> str:
    """The name of a case; it tells timeouts that end the execution from those that are caught."""
    catchers = states[call].get("Catch", [])
    caught = any("States.ALL" in catcher["ErrorEquals"] for catcher in catchers)
    if spell == "hangs" and not caught:
        spell = "hangs-for-good"
    return f"{name}-{call}-{spell}".replace(" ", "-")


def _reaching(call: str) -> Mapping[str, Sequence[Act]]:
    """What must happen before a state is reached at all: its step fails in doubt."""
    what, _, step_name = call.partition(" ")
    if what not in ("undo", "verify"):
        return {}
    doubt: Mapping[str, Sequence[Act]] = {step_name: [Fails("StepFailedForGood")]}
    return doubt if what == "verify" else {**doubt, f"verify {step_name}": ERRORS["rejected"]}


def _sagas() -> Iterator[Case]:
    for name, graph in SAGAS.items():
        yield from _of(
            f"saga-{name}",
            compiled(graph),
            ERRORS,
            bewitched=BEWITCHED.get(name, ()),
            inputs=name == "three",
        )


BY_SERVICES: Final = "success_serves.asl.json"
"""It calls services, which no stage here has: what they do is tried on the deployed stack."""


def golden_files() -> list[Path]:
    """The definitions that can run wherever there are functions and an event table."""
    return [one for one in sorted(GOLDEN.glob("success_*.asl.json")) if one.name != BY_SERVICES]


def _goldens() -> Iterator[Case]:
    for path in golden_files():
        name = path.name.removeprefix("success_").removesuffix(".asl.json")
        text = substituted(path.read_text("utf-8"))
        spells = {spell: ERRORS[spell] for spell in ("rejected", "hangs")}
        yield from _of(f"golden-{name}", text, spells, inputs=name in ("sequence", "single_step"))


PURE: Final = [*_inputs(), *_paths(), *_intrinsics(), *_ends(), *_errors(), *_records()]
COMPILED: Final = list(_sagas())
GOLDENS: Final = list(_goldens())

REFUSED: Final[Mapping[str, str]] = {
    "refused-no-json": "{",
    "refused-no-object": "[]",
    "refused-no-states": '{"StartAt": "A"}',
    "refused-no-start": '{"States": {"A": {"Type": "Succeed"}}}',
    "refused-no-such-start": '{"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}',
    "refused-no-such-target": machine({"A": {"Type": "Pass", "Next": "B"}}),
    "refused-no-such-catcher": machine(
        {"A": task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}])}
    ),
    "refused-unreachable": machine({"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}),
    "refused-twice": '{"StartAt": "A", "States": {"A": {"Type": "Fail"}, "A": {"Type": "Fail"}}}',
    "refused-no-type": machine({"A": {"End": True}}),
    "refused-unknown-type": machine({"A": {"Type": "Sleep", "End": True}}),
    "refused-negative-interval": machine({"A": task(Retry=[retry("E", IntervalSeconds=-1)])}),
    "refused-backoff-below-one": machine({"A": task(Retry=[retry("E", BackoffRate=0.5)])}),
}
"""Definitions that no engine could run."""
REDRIVE: Final = ("redrive-goes-on", "redrive-is-told")
"""The contracts of redrive."""
TOKENS: Final = ("tokens-once", "tokens-unknown")
"""The contracts of task tokens."""
DESCRIBED: Final = ("history-details", "described-failed")
"""The contracts of what is told of an execution."""
