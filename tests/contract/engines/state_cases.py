"""Cases of Choice, Parallel, Map and task tokens, in pure ASL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.compiler import INVOKE
from tests.contract.engines.cases import CAUGHT, Case, catch, machine, retry, task
from tests.contract.engines.scripts import Answers, AnswersFailure, Fails, Hangs, Replies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.contract.engines.scripts import Act

KINDS: Final[dict[str, tuple[Any, Any, Any]]] = {
    "String": ("apple", "banana", 5),
    "Numeric": (0.5, 5, True),
    "Timestamp": ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00.5Z", "banana"),
}
"""For each kind of comparison a lower and a higher value, and one of another type."""
ORDERS: Final = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
TYPES: Final = ("IsNull", "IsString", "IsNumeric", "IsBoolean", "IsTimestamp", "IsPresent")
VALUES: Final = {
    "text": "apple",
    "empty": "",
    "number": 5,
    "fraction": 0.5,
    "zero": 0,
    "yes": True,
    "no": False,
    "none": None,
    "time": "2026-03-01T10:00:00Z",
    "offset": "2026-03-01T12:00:00+02:00",
    "list": [1],
    "object": {"a": 1},
}
TRUE: Final = {"Variable": "$.yes", "BooleanEquals": True}
FALSE: Final = {"Variable": "$.no", "BooleanEquals": True}
MISSING: Final = {"Variable": "$.missing", "StringEquals": "x"}
FAIL: Final = {"Type": "Fail", "Error": "Broken", "Cause": "for a reason"}


def questions(rules: Sequence[Mapping[str, Any]]) -> str:
    """A machine that asks these rules one after the other; its output tells which held."""
    states: dict[str, Any] = {}
    for number, rule in enumerate(rules):
        choice = [{**rule, "Next": f"yes {number}"}]
        states[f"ask {number}"] = {"Type": "Choice", "Choices": choice, "Default": f"no {number}"}
        for word in ("yes", "no"):
            after = {"Next": f"ask {number + 1}"} if number + 1 < len(rules) else {"End": True}
            answer = {"Type": "Pass", "Result": word, "ResultPath": f"$.answers.q{number}"}
            states[f"{word} {number}"] = {**answer, **after}
    return machine(states)


def _choices() -> Iterator[Case]:
    for kind, (low, high, other) in KINDS.items():
        value = {"low": low, "high": high, "other": other}
        for order in ORDERS:
            name = f"{kind}{order}"
            pairs = [("low", "low"), ("low", "high"), ("high", "low"), ("other", "low")]
            given: list[dict[str, Any]] = [
                {"Variable": f"$.{left}", name: value[right]} for left, right in pairs
            ]
            found = [
                {"Variable": f"$.{left}", f"{name}Path": f"$.{right}"}
                for left, right in [*pairs, ("low", "other")]
            ]
            yield Case(f"choice-{name}", questions(given), input=value)
            yield Case(f"choice-{name}Path", questions(found), input=value)
    yield Case(
        "choice-BooleanEquals",
        questions([{"Variable": f"$.{key}", "BooleanEquals": True} for key in VALUES]),
        input=VALUES,
    )
    yield Case(
        "choice-BooleanEqualsPath",
        questions([{"Variable": f"$.{key}", "BooleanEqualsPath": "$.no"} for key in VALUES]),
        input=VALUES,
    )
    for name in TYPES:
        rules = [{"Variable": f"$.{key}", name: True} for key in VALUES]
        others = [{"Variable": f"$.{key}", name: False} for key in VALUES]
        yield Case(f"choice-{name}", questions([*rules, *others]), input=VALUES)
    patterns = ["*", "app*", "*le", "a*e", "apple", "a", "a.ple", "APP*", ""]
    texts = [{"Variable": "$.text", "StringMatches": pattern} for pattern in patterns]
    yield Case("choice-StringMatches", questions(texts), input=VALUES)
    stars = [{"Variable": "$", "StringMatches": pattern} for pattern in ("a\\*b", "a*b", "a\\\\*b")]
    yield Case("choice-StringMatches-stars", questions_of_text(stars), input="a*b")
    logic: list[dict[str, Any]] = [
        {"And": [TRUE, TRUE]},
        {"And": [TRUE, FALSE]},
        {"Or": [FALSE, TRUE]},
        {"Or": [FALSE, FALSE]},
        {"Not": TRUE},
        {"Not": FALSE},
        {"And": [{"Not": FALSE}, {"Or": [FALSE, {"And": [TRUE, TRUE]}]}]},
        {"And": [TRUE]},
        {"Or": [FALSE]},
    ]
    yield Case("choice-logic", questions(logic), input=VALUES)
    short: list[dict[str, Any]] = [{"Or": [TRUE, MISSING]}, {"And": [FALSE, MISSING]}]
    yield Case("choice-short-circuit", questions(short), input=VALUES)
    absent: list[dict[str, Any]] = [
        {"Variable": "$.missing", "IsPresent": True},
        {"Variable": "$.missing", "IsPresent": False},
        {"Variable": "$.object.b", "IsPresent": True},
        {"And": [{"Variable": "$.missing", "IsPresent": True}, MISSING]},
    ]
    yield Case("choice-absent", questions(absent), input=VALUES)
    yield Case("choice-missing-variable", questions([MISSING]), input=VALUES)
    operand = {"Variable": "$.text", "StringEqualsPath": "$.missing"}
    yield Case("choice-missing-operand", questions([operand]), input=VALUES)
    choice = {"Type": "Choice", "Choices": [{**FALSE, "Next": "End"}]}
    end = {"Type": "Succeed"}
    yield Case("choice-without-match", machine({"A": choice, "End": end}), input=VALUES)
    rules = [
        {"Variable": "$.a", "NumericEquals": 2, "Next": "End"},
        {"Variable": "$.a", "NumericEquals": 1, "Next": "Second"},
        {"Variable": "$.a", "IsNumeric": True, "Next": "End"},
    ]
    selecting = {"Type": "Choice", "Choices": rules, "InputPath": "$.object", "OutputPath": "$.a"}
    second = {"Type": "Pass", "Parameters": {"second.$": "$"}, "End": True}
    yield Case(
        "choice-first-rule-wins",
        machine({"A": selecting, "Second": second, "End": end}),
        input=VALUES,
    )


def questions_of_text(rules: Sequence[Mapping[str, Any]]) -> str:
    """Questions of an input that is a text."""
    states = questions([{**rule, "Variable": "$.text"} for rule in rules])
    wrapped = {"Type": "Pass", "Parameters": {"text.$": "$"}, "Next": "ask 0"}
    return machine({"wrap": wrapped, **_states_of(states)})


def _states_of(text: str) -> dict[str, Any]:
    states: dict[str, Any] = json.loads(text)["States"]
    return states


# Blocks


def block(**states: Mapping[str, Any]) -> dict[str, Any]:
    """States that begin with the first."""
    return {"StartAt": next(iter(states)), "States": states}


def parallel(*branches: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A Parallel."""
    flow = {} if "Next" in fields else {"End": True}
    return {"Type": "Parallel", "Branches": list(branches), **flow, **fields}


def mapped(processor: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A Map."""
    flow = {} if "Next" in fields else {"End": True}
    inline = {"ProcessorConfig": {"Mode": "INLINE"}, **processor}
    return {"Type": "Map", "ItemProcessor": inline, **flow, **fields}


def passing(**fields: Any) -> dict[str, Any]:
    """A Pass, the last state."""
    return {"Type": "Pass", "End": True, **fields}


def _parallels() -> Iterator[Case]:
    def run(name: str, state: Mapping[str, Any], **script: Sequence[Act]) -> Case:
        caught = CAUGHT if "Catch" in state else {}
        return Case(f"parallel-{name}", machine({"P": state, **caught}), script, together=True)

    two = (block(A=task()), block(B=task()))
    selector = {"first.$": "$[0].got", "count.$": "States.ArrayLength($)"}
    yield run("succeeds", parallel(*two))
    yield run("of-one-branch", parallel(block(A=passing(Result=1))))
    yield run("takes-parameters", parallel(*two, Parameters={"x.$": "$.id", "y": 1}))
    yield run("has-a-result-path", parallel(*two, InputPath="$.lines", ResultPath="$.done"))
    yield run("drops-its-result", parallel(*two, ResultPath=None))
    yield run("has-an-output-path", parallel(*two, OutputPath="$[1]"))
    yield run("has-a-result-selector", parallel(*two, ResultSelector=selector))
    yield run("fails", parallel(block(F=FAIL)))
    to_caught = [catch("States.ALL", ResultPath="$.e")]
    yield run("fails-and-is-caught", parallel(block(F=FAIL), Catch=to_caught))
    by_name = [catch("States.BranchFailed", ResultPath=None), catch("Broken", ResultPath="$.e")]
    yield run("is-caught-by-the-branchs-error", parallel(block(F=FAIL), Catch=by_name))
    yield run("task-fails", parallel(block(A=task())), A=[Fails("Odd")])
    yield run("task-fails-and-is-caught", parallel(block(A=task()), Catch=to_caught),
              A=[Fails("Odd")])  # fmt: skip
    yield run("task-times-out", parallel(block(A=task()), Catch=to_caught), A=[Hangs()])
    waiting = {"Type": "Wait", "Seconds": 1000, "End": True}
    yield run("stops-the-others", parallel(block(W=waiting), block(F=FAIL), Catch=to_caught))
    inside = task(Catch=[catch("Odd", to="Mended")])
    yield run("is-caught-inside", parallel(block(A=inside, Mended=passing()), block(B=task())),
              A=[Fails("Odd")])  # fmt: skip
    again = [retry("Odd", MaxAttempts=2)]
    odd: list[Act] = [Fails("Odd"), Fails("Odd"), Replies("fine")]
    yield run("is-retried", parallel(block(A=task()), Retry=again), A=odd)
    yield run("is-retried-in-vain", parallel(block(A=task()), Retry=again), A=[Fails("Odd")])
    yield run("task-is-retried-inside", parallel(block(A=task(Retry=again)), block(B=task())),
              A=odd)  # fmt: skip
    lost = passing(Parameters={"x.$": "$.none"})
    yield run("has-a-missing-path-inside", parallel(block(A=lost), Catch=to_caught))
    big = passing(Parameters={"x": "x" * 200_000})
    too_large = [catch("States.DataLimitExceeded", ResultPath=None)]
    yield run("is-too-large", parallel(block(A=big), block(B=big), Catch=too_large))
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.count", "NumericEquals": 2,
              "Next": "C"}], "Default": "C"}  # fmt: skip
    inner = parallel(block(D=choice, C=task()), block(E=task()))
    yield run("is-nested", parallel(block(M=mapped(block(Q=inner), ItemsPath="$.lines",
              ItemSelector={"count.$": "$$.Map.Item.Value.count"})), block(B=task())))  # fmt: skip
    failing = parallel(block(Q=parallel(block(R=parallel(block(F=FAIL))))), Catch=to_caught)
    yield run("fails-three-levels-down", failing)


def _maps() -> Iterator[Case]:
    numbers = [3, 1, 2]

    def run(name: str, state: Mapping[str, Any], value: Any = numbers, **script: Any) -> Case:
        caught = CAUGHT if "Catch" in state else {}
        text = machine({"M": state, **caught})
        return Case(f"map-{name}", text, script, value, together=True)

    one = block(A=task())
    selector = {"n.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "k": 1}
    yield run("of-items", mapped(one))
    yield run("of-nothing", mapped(one), [])
    yield run("selects-its-items", mapped(one, ItemSelector=selector))
    inside = {"at": {"items": numbers}, "x": 5}
    paths = {"InputPath": "$.at", "ItemsPath": "$.items", "ResultPath": "$.done"}
    yield run("has-paths", mapped(one, **paths, ItemSelector=selector), inside)
    whole = {"all.$": "$", "v.$": "$$.Map.Item.Value"}
    yield run("selector-sees-the-input", mapped(one, ItemsPath="$.at.items", ItemSelector=whole),
              inside)  # fmt: skip
    older = {"Type": "Map", "Iterator": one, "Parameters": selector, "End": True}
    yield run("by-its-older-names", older)
    yield run("one-after-the-other", mapped(one, MaxConcurrency=1))
    yield run("two-at-once", mapped(one, MaxConcurrency=2))
    count = {"count.$": "States.ArrayLength($)"}
    yield run("has-a-result-selector", mapped(one, ResultSelector=count))
    to_caught = [catch("States.ALL", ResultPath=None)]
    for kind, value in {"object": {"a": 1}, "text": "x", "null": None}.items():
        yield run(f"of-{kind}", mapped(one, Catch=to_caught), value)
    yield run("fails", mapped(block(F=FAIL)), [1])
    yield run("fails-and-is-caught", mapped(block(F=FAIL), Catch=to_caught), [1])
    yield run("task-fails", mapped(one), [1], A=[Fails("Odd")])
    waits = {"Type": "Wait", "Seconds": 1000, "End": True}
    which = {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "F"}],
             "Default": "W"}  # fmt: skip
    yield run("stops-the-others", mapped(block(D=which, W=waits, F=FAIL), Catch=to_caught))
    again = [retry("Odd", MaxAttempts=2)]
    yield run("is-retried", mapped(one, Retry=again), [1],
              A=[Fails("Odd"), Fails("Odd"), Replies(1)])  # fmt: skip
    item = passing(Parameters={"x.$": "$$.Map.Item.Value"})
    yield run("tells-the-selector-only", mapped(block(A=item)))


def asking(**fields: Any) -> dict[str, Any]:
    """A Task that waits for its token."""
    payload = {"state.$": "$$.State", "execution.$": "$$.Execution", "token.$": "$$.Task.Token"}
    parameters = {"FunctionName": "shop", "Payload": payload}
    flow = {} if "Next" in fields else {"End": True}
    resource = f"{INVOKE}.waitForTaskToken"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, **flow, **fields}


def _tokens() -> Iterator[Case]:
    def run(name: str, *acts: Act, **fields: Any) -> Case:
        caught = CAUGHT if "Catch" in fields else {}
        return Case(f"token-{name}", machine({"A": asking(**fields), **caught}), {"A": acts})

    to_caught = [catch("States.ALL", ResultPath="$.e")]
    failure = AnswersFailure("Odd", "for a reason")
    yield run("is-answered", Answers({"paid": True}))
    yield run("is-answered-with-null", Answers(None), ResultPath="$.answer")
    yield run("is-answered-in-time", Answers(1), TimeoutSeconds=3, HeartbeatSeconds=1)
    yield run("is-answered-with-a-failure", failure)
    yield run("failure-is-caught", failure, Catch=to_caught)
    yield run("failure-without-a-name", AnswersFailure(), Catch=to_caught)
    again = [retry("Odd", MaxAttempts=1)]
    yield run("is-asked-for-again", failure, Answers("at last"), Retry=again)
    yield run("function-fails", Fails("Odd"), TimeoutSeconds=2, Catch=to_caught)
    silent = Replies("nobody answers")
    yield run("times-out", silent, TimeoutSeconds=1, Catch=to_caught)
    for name in ("States.Timeout", "States.HeartbeatTimeout"):
        yield run(f"misses-a-heartbeat-{name}", silent, TimeoutSeconds=3, HeartbeatSeconds=1,
                  Catch=[catch(name, ResultPath="$.e")])  # fmt: skip


CHOICES: Final = list(_choices())
BLOCKS: Final = [*_parallels(), *_maps()]
TOKENS: Final = list(_tokens())
