"""The text of a definition, parsed once. What the simulator does not know it refuses here, by name.

Which state takes which field: https://states-language.net/spec.html and the pages of the single
states in the Step Functions guide.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.simulator import fields
from stepsaga.engines.simulator.choices import parse_rules
from stepsaga.engines.simulator.fields import Fields
from stepsaga.engines.simulator.integrations import TAKES_TOKEN, TOKEN_SUFFIX
from stepsaga.engines.simulator.naming import check_name
from stepsaga.engines.simulator.states import (
    Block,
    Choice,
    DistributedMap,
    Fail,
    Machine,
    Map,
    Parallel,
    Pass,
    State,
    Succeed,
    Task,
    Wait,
    Work,
)
from stepsaga.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.engines.simulator.expressions import Scope

    Check = Callable[[Any], None]
    """Refuses parameters that an integration does not know."""

_CHARACTERS: Final = 1_048_576
_YEAR_SECONDS: Final = 31_536_000
"""The longest time of an execution."""
_STATE_NAME: Final = 80

_COMMON: Final = frozenset({"Type", "Comment", "QueryLanguage"})
_FLOW: Final = frozenset({"Next", "End"})
_IO: Final = frozenset({"InputPath", "OutputPath"})
_WORK: Final = frozenset({"Parameters", "ResultSelector", "ResultPath", "Retry", "Catch"})
_TASK: Final = frozenset({"Resource", "TimeoutSeconds", "TimeoutSecondsPath"})
_HEARTBEAT: Final = frozenset({"HeartbeatSeconds", "HeartbeatSecondsPath"})
_ITEMS: Final = frozenset({"ItemsPath", "ItemSelector", "ItemProcessor", "Iterator"})
_CONCURRENCY: Final = frozenset({"MaxConcurrency", "MaxConcurrencyPath"})
_DISTRIBUTED: Final = frozenset({"ItemReader", "ResultWriter", "ToleratedFailurePercentage"})
_GET_OBJECT: Final = "arn:aws:states:::s3:getObject"
_PUT_OBJECT: Final = "arn:aws:states:::s3:putObject"
_JSON_LINES: Final = {"InputType": "JSONL"}
_AS_LINES: Final = {"OutputType": "JSONL", "Transformation": "NONE"}
_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "Task": _COMMON | _FLOW | _IO | _WORK | _TASK,
    "Parallel": _COMMON | _FLOW | _IO | _WORK | {"Branches"},
    "Map": _COMMON | _FLOW | _IO | _WORK | _ITEMS | _CONCURRENCY | _DISTRIBUTED,
    "Choice": _COMMON | _IO | {"Choices", "Default"},
    "Pass": _COMMON | _FLOW | _IO | {"Result", "Parameters", "ResultPath"},
    "Wait": _COMMON | _FLOW | _IO | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Succeed": _COMMON | _IO,
    "Fail": _COMMON | {"Error", "ErrorPath", "Cause", "CausePath"},
}
_BLOCK: Final = frozenset({"Comment", "StartAt", "States"})
_PROCESSOR: Final = _BLOCK | {"ProcessorConfig"}
_CONFIGURATION: Final = frozenset({"Mode"})
_MACHINE: Final = frozenset(
    {"Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage"}
)


def parse_machine(name: str, text: str, checks: Mapping[str, Check]) -> Machine:
    """A machine from the text of its definition. It can be run any number of times.

    Args:
        name: What it is called.
        text: Its definition.
        checks: By the ``Resource`` of each integration that there is.

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
    seconds = min(top.integer("TimeoutSeconds", _YEAR_SECONDS, least=1), _YEAR_SECONDS)
    return Machine(name, seconds, _Parser(checks).block(top))


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


class _Parser:
    """Parses the states of one machine, whose names are used once in all its blocks."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._names: set[str] = set()
        self._kinds: Mapping[str, Callable[[str, Fields], State]] = {
            "Task": self._task,
            "Parallel": self._parallel,
            "Map": self._map,
            "Choice": _choice,
            "Pass": _pass,
            "Wait": _wait,
            "Succeed": _succeed,
            "Fail": _fail,
        }

    def block(self, place: Fields) -> Block:
        """The states of an object with ``StartAt`` and ``States``."""
        states = {
            name: self._state(name, content) for name, content in place.table("States").items()
        }
        block = Block(place.string("StartAt"), states)
        _check_targets(place.place, block)
        return block

    def _state(self, name: str, content: Any) -> State:
        if not 1 <= len(name) <= _STATE_NAME:
            raise EngineError(f"state {name!r}: a name has 1 to {_STATE_NAME} characters")
        if name in self._names:
            raise EngineError(f"state {name!r}: the name is used twice in this machine")
        self._names.add(name)
        place = Fields(f"state {name!r}", content)
        try:
            return self._parsed(name, place)
        except EngineError as error:
            if str(error).startswith("state "):
                raise
            raise EngineError(f"{place.place}: {error}") from error

    def _parsed(self, name: str, place: Fields) -> State:
        kind = place.string("Type")
        if kind not in _KNOWN:
            known = ", ".join(_KNOWN)
            raise place.refuse("Type", f"{kind!r} is not known to the simulator: it runs {known}")
        token = kind == "Task" and str(place.get("Resource")).endswith(TOKEN_SUFFIX)
        place.only(_KNOWN[kind] | (_HEARTBEAT if token else frozenset()))
        place.jsonpath()
        return self._kinds[kind](name, place)

    def _task(self, name: str, place: Fields) -> Task:
        whole = place.string("Resource")
        resource = whole.removesuffix(TOKEN_SUFFIX)
        token = resource != whole
        if resource not in self._checks or (token and resource not in TAKES_TOKEN):
            both = [f"{one}{TOKEN_SUFFIX}" for one in self._checks if one in TAKES_TOKEN]
            known = ", ".join(sorted([*self._checks, *both])) or "none"
            raise place.refuse(
                "Resource", f"{whole!r} is not known to the simulator; known are: {known}"
            )
        self._checks[resource](place.get("Parameters", {}))
        return Task(
            **_work(name, place),
            parameters=fields.template(place, "Parameters"),
            resource=resource,
            token=token,
            seconds=fields.timeout(place),
            heartbeat=fields.heartbeat(place),
        )

    def _parallel(self, name: str, place: Fields) -> Parallel:
        contents = place.items("Branches")
        if not contents:
            raise place.refuse("Branches", "must hold at least one branch")
        branches = []
        for index, content in enumerate(contents):
            branch = Fields(f"{place.place}: Branches[{index}]", content)
            branch.only(_BLOCK)
            branches.append(self.block(branch))
        return Parallel(
            **_work(name, place),
            parameters=fields.template(place, "Parameters"),
            branches=tuple(branches),
        )

    def _map(self, name: str, place: Fields) -> Map | DistributedMap:
        if _is_distributed(place):
            return self._distributed(name, place)
        for field in _DISTRIBUTED:
            if field in place.content:
                raise place.refuse(field, "the simulator knows it of a distributed Map only")
        selector = "ItemSelector"
        if "Parameters" in place.content:
            # The older name of the same field.
            selector = place.one_of("ItemSelector", "Parameters")
        return Map(
            **_work(name, place),
            parameters=fields.template(place, selector),
            items=fields.items_path(place),
            processor=self._processor(place),
            concurrency=fields.concurrency(place),
        )

    def _distributed(self, name: str, place: Fields) -> DistributedMap:
        for field in ("ItemSelector", "ItemReader", "ResultWriter"):
            if field not in place.content:
                raise place.refuse(field, "the simulator runs no DISTRIBUTED Map without it")
            place.table(field)
        if "ItemsPath" in place.content:
            raise place.refuse("ItemsPath", "the simulator reads the items of an object in S3 only")
        reader = Fields(f"{place.place}: ItemReader", place.content["ItemReader"])
        reader.only(frozenset({"Resource", "ReaderConfig", "Parameters"}))
        if reader.string("Resource") != _GET_OBJECT or reader.get("ReaderConfig") != _JSON_LINES:
            raise reader.refuse("Resource", f"the simulator knows {_GET_OBJECT} of JSONL only")
        writer = Fields(f"{place.place}: ResultWriter", place.content["ResultWriter"])
        writer.only(frozenset({"Resource", "Parameters", "WriterConfig"}))
        if writer.string("Resource") != _PUT_OBJECT or writer.get("WriterConfig") != _AS_LINES:
            raise writer.refuse("Resource", f"the simulator knows {_PUT_OBJECT} as JSONL only")
        return DistributedMap(
            **_work(name, place),
            parameters=_required(place, "ItemSelector"),
            reader=_required(reader, "Parameters"),
            writer=_required(writer, "Parameters"),
            processor=self._processor(place),
            concurrency=fields.concurrency(place),
            tolerated=place.number("ToleratedFailurePercentage", 0, least=0),
        )

    def _processor(self, place: Fields) -> Block:
        field = place.one_of("ItemProcessor", "Iterator")
        processor = Fields(f"{place.place}: {field}", place.content[field])
        processor.only(_PROCESSOR if field == "ItemProcessor" else _BLOCK)
        if "ProcessorConfig" in processor.content:
            found = processor.content["ProcessorConfig"]
            configuration = Fields(f"{processor.place}: ProcessorConfig", found)
            mode = configuration.get("Mode", "INLINE")
            if mode == "DISTRIBUTED":
                configuration.only(_CONFIGURATION | {"ExecutionType"})
                if configuration.get("ExecutionType") != "STANDARD":
                    raise configuration.refuse("ExecutionType", "the simulator knows STANDARD only")
            elif mode != "INLINE":
                raise configuration.refuse("Mode", f"{mode!r} is not known to the simulator")
            else:
                configuration.only(_CONFIGURATION)
        return self.block(processor)


def _is_distributed(place: Fields) -> bool:
    processor = place.get("ItemProcessor")
    configuration = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    return isinstance(configuration, dict) and configuration.get("Mode") == "DISTRIBUTED"


def _required(place: Fields, field: str) -> Callable[[Scope], Any]:
    place.table(field)
    found = fields.template(place, field)
    assert found is not None  # noqa: S101  # for mypy: it is there
    return found


def _work(name: str, place: Fields) -> dict[str, Any]:
    """The fields that Task, Parallel and Map have in common."""
    return {
        "name": name,
        "next": fields.flow(place),
        "input": fields.selection(place, "InputPath"),
        "output": fields.selection(place, "OutputPath"),
        "selector": fields.template(place, "ResultSelector"),
        "result_path": fields.result_path(place),
        "retriers": fields.retriers(place),
        "catchers": fields.catchers(place),
    }


def _choice(name: str, place: Fields) -> Choice:
    return Choice(
        name=name,
        next=place.string("Default") if "Default" in place.content else None,
        input=fields.selection(place, "InputPath"),
        output=fields.selection(place, "OutputPath"),
        rules=parse_rules(place),
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


def _check_targets(place: str, block: Block) -> None:
    """Every name is a state of the same block, and every state of it can be reached."""

    def there(where: str, target: str) -> str:
        if target not in block.states:
            raise EngineError(f"{where} names no state of its block: {target!r}")
        return target

    left = [there(f"{place}: StartAt", block.start)]
    reached: set[str] = set()
    for name, state in block.states.items():
        for target in _targets(state):
            there(f"state {name!r}", target)
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += _targets(block.states[name])
    if lost := [name for name in block.states if name not in reached]:
        raise EngineError(f"{place}: state {lost[0]!r} cannot be reached")


def _targets(state: State) -> list[str]:
    targets = [] if state.next is None else [state.next]
    if isinstance(state, Work):
        targets += [catcher.target for catcher in state.catchers]
    if isinstance(state, Choice):
        targets += [rule.target for rule in state.rules]
    return targets
