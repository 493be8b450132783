"""The text of a definition, parsed once. What the simulator does not know it refuses here, by name.

Which state takes which field: https://states-language.net/spec.html and the pages of the single
states in the Step Functions guide.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.simulator import fields
from stepsaga.engines.simulator.fields import Fields
from stepsaga.engines.simulator.naming import check_name
from stepsaga.engines.simulator.states import Fail, Machine, Pass, State, Succeed, Task, Wait
from stepsaga.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.engines.simulator.integrations import Integration

_CHARACTERS: Final = 1_048_576
_YEAR_SECONDS: Final = 31_536_000
"""The longest time of an execution."""
_STATE_NAME: Final = 80

_COMMON: Final = frozenset({"Type", "Comment", "QueryLanguage"})
_FLOW: Final = frozenset({"Next", "End"})
_IO: Final = frozenset({"InputPath", "OutputPath"})
_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "Task": _COMMON
    | _FLOW
    | _IO
    | {
        "Resource",
        "Parameters",
        "ResultSelector",
        "ResultPath",
        "TimeoutSeconds",
        "TimeoutSecondsPath",
        "Retry",
        "Catch",
    },
    "Pass": _COMMON | _FLOW | _IO | {"Result", "Parameters", "ResultPath"},
    "Wait": _COMMON | _FLOW | _IO | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Succeed": _COMMON | _IO,
    "Fail": _COMMON | {"Error", "ErrorPath", "Cause", "CausePath"},
}
_MACHINE: Final = frozenset(
    {"Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage"}
)


def parse_machine(name: str, text: str, integrations: Mapping[str, Integration]) -> Machine:
    """A machine from the text of its definition.

    Raises:
        EngineError: The text is no definition, or uses what the simulator does not know.
    """
    check_name("state machine", name)
    if len(text) > _CHARACTERS:
        raise EngineError(
            f"machine {name}: the definition has {len(text)} characters, at most {_CHARACTERS}"
            " are allowed"
        )
    top = Fields(f"machine {name}", _parsed(name, text))
    top.only(_MACHINE)
    top.jsonpath()
    if top.get("Version", "1.0") != "1.0":
        raise top.refuse("Version", "only '1.0' exists")
    states = {
        state: _state(state, content, integrations)
        for state, content in top.table("States").items()
    }
    machine = Machine(
        name,
        top.string("StartAt"),
        min(top.integer("TimeoutSeconds", _YEAR_SECONDS, least=1), _YEAR_SECONDS),
        states,
    )
    _check_targets(machine)
    return machine


def _parsed(name: str, text: str) -> dict[str, Any]:
    try:
        definition = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise EngineError(f"machine {name}: the definition is no JSON: {error}") from error
    if not isinstance(definition, dict):
        raise EngineError(f"machine {name}: the definition must be an object")
    return definition


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise EngineError(f"the definition has {double!r} twice in one object")
    return table


def _no_number(text: str) -> Any:
    raise EngineError(f"the definition holds {text}, which is no JSON")


def _state(name: str, content: Any, integrations: Mapping[str, Integration]) -> State:
    if not 1 <= len(name) <= _STATE_NAME:
        raise EngineError(f"state {name!r}: a name has 1 to {_STATE_NAME} characters")
    place = Fields(f"state {name!r}", content)
    try:
        return _parsed_state(name, place, integrations)
    except EngineError as error:
        if str(error).startswith(place.place):
            raise
        raise EngineError(f"{place.place}: {error}") from error


def _parsed_state(name: str, place: Fields, integrations: Mapping[str, Integration]) -> State:
    kind = place.string("Type")
    if kind not in _KNOWN:
        known = ", ".join(_KNOWN)
        raise place.refuse("Type", f"{kind!r} is not known to the simulator: it runs {known}")
    place.only(_KNOWN[kind])
    place.jsonpath()
    if kind == "Task":
        return _task(name, place, integrations)
    return _PARSERS[kind](name, place)


def _task(name: str, place: Fields, integrations: Mapping[str, Integration]) -> Task:
    resource = place.string("Resource")
    if resource not in integrations:
        known = ", ".join(sorted(integrations)) or "none"
        raise place.refuse(
            "Resource", f"{resource!r} is not known to the simulator; known are: {known}"
        )
    integrations[resource].check(place.get("Parameters", {}))
    return Task(
        name=name,
        next=fields.flow(place),
        input=fields.selection(place, "InputPath"),
        output=fields.selection(place, "OutputPath"),
        resource=resource,
        parameters=fields.template(place, "Parameters"),
        selector=fields.template(place, "ResultSelector"),
        result_path=fields.result_path(place),
        seconds=fields.timeout(place),
        retriers=fields.retriers(place),
        catchers=fields.catchers(place),
    )


def _pass(name: str, place: Fields) -> Pass:
    parameters = fields.template(place, "Parameters")
    if "Result" in place.content:
        value = place.content["Result"]
        parameters = lambda _: value  # noqa: E731 -- `Result` wins over `Parameters`
    return Pass(
        name=name,
        next=fields.flow(place),
        input=fields.selection(place, "InputPath"),
        output=fields.selection(place, "OutputPath"),
        result=parameters,
        result_path=fields.result_path(place),
    )


def _wait(name: str, place: Fields) -> Wait:
    return Wait(
        name=name,
        next=fields.flow(place),
        input=fields.selection(place, "InputPath"),
        output=fields.selection(place, "OutputPath"),
        until=fields.wake(place),
    )


def _succeed(name: str, place: Fields) -> Succeed:
    return Succeed(
        name=name,
        next=None,
        input=fields.selection(place, "InputPath"),
        output=fields.selection(place, "OutputPath"),
    )


def _fail(name: str, place: Fields) -> Fail:
    return Fail(
        name=name,
        next=None,
        input=None,
        output=None,
        error=fields.failure(place, "Error"),
        cause=fields.failure(place, "Cause"),
    )


_PARSERS: Final[Mapping[str, Callable[[str, Fields], State]]] = {
    "Pass": _pass,
    "Wait": _wait,
    "Succeed": _succeed,
    "Fail": _fail,
}


def _check_targets(machine: Machine) -> None:
    def there(where: str, target: str) -> str:
        if target not in machine.states:
            raise EngineError(f"machine {machine.name}: {where} names no state: {target!r}")
        return target

    left = [there("StartAt", machine.start)]
    reached: set[str] = set()
    for name, state in machine.states.items():
        for target in _targets(state):
            there(f"state {name!r}", target)
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += _targets(machine.states[name])
    if lost := [name for name in machine.states if name not in reached]:
        raise EngineError(f"machine {machine.name}: state {lost[0]!r} cannot be reached")


def _targets(state: State) -> list[str]:
    caught = [catcher.target for catcher in state.catchers] if isinstance(state, Task) else []
    return caught if state.next is None else [state.next, *caught]
