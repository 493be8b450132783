"""The actions of service steps: integrations of the simulator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.service_rules import is_action
from stepsaga.asl.services import ARN
from stepsaga.engines.functions import through_json
from stepsaga.engines.service_actions import ServiceCall
from stepsaga.engines.simulator.expressions import parse_expression
from stepsaga.engines.simulator.integrations import PutItem
from stepsaga.engines.simulator.naming import machine_and_name
from stepsaga.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stepsaga.engines.service_actions import Services
    from stepsaga.engines.simulator.integrations import Integration, TaskCall

EVENTS: Final = "events"
"""The event table's name here."""
SUBSTITUTION: Final = re.compile(r"\$\{(\w+)\}")


class ServiceAction:
    """One action of a service, done by whoever stands for the services."""

    def __init__(self, resource: str, services: Services, slots: Mapping[str, str]) -> None:
        action = resource.removeprefix(ARN)
        self.service, _, self.action = action.rpartition(":")
        self._name = action
        self._services = services
        self._slots = slots

    @staticmethod
    def check(parameters: Any) -> None:
        """Any object: what it needs was checked where the saga was."""
        if not isinstance(parameters, dict):
            raise EngineError("Parameters must be an object")

    def call(self, task: TaskCall) -> Any:
        """Do it."""
        machine, name = machine_and_name(task.execution)
        return self._services.act(
            ServiceCall(
                action=self._name,
                parameters=through_json(task.arguments),
                saga=machine,
                id=name,
                step=str(task.state).rpartition(".")[2],
                slot=self.slot(task),
            )
        )

    def slot(self, task: TaskCall) -> str:
        """The slot of the step, as the record that follows will have it."""
        machine, _ = machine_and_name(task.execution)
        expression = parse_expression("slot", self._slots[f"{machine}:{task.state}"])
        assert task.scope is not None  # noqa: S101  # for mypy: the simulator's own calls have one
        return str(expression(task.scope))


class EitherPut:
    """``dynamodb:putItem``: the record of an event, or an action on a table of the author's."""

    service = "dynamodb"
    action = "putItem"

    def __init__(self, record: Integration, action: Integration) -> None:
        self._record, self._action = record, action

    @staticmethod
    def check(parameters: Any) -> None:
        """As the one of both that it is."""
        (PutItem if _is_record(parameters) else ServiceAction).check(parameters)

    def call(self, task: TaskCall) -> Any:
        """As the one of both that it is."""
        return (self._record if _is_record(task.arguments) else self._action).call(task)


def _is_record(parameters: Any) -> bool:
    known = isinstance(parameters, dict) and "TableName" in parameters
    return not known or parameters["TableName"] == EVENTS


def actions_in(tasks: Iterable[tuple[str, str, Mapping[str, Any]]]) -> dict[str, str]:
    """The actions among Tasks, by saga and state, each with the expression of its slot."""
    known = list(tasks)
    records = {(saga, state): task for saga, state, task in known}
    found: dict[str, str] = {}
    for saga, state, task in known:
        record = records.get((saga, f"record {state}"))
        if is_action(dict(task)) and record is not None:
            found[f"{saga}:{state}"] = record["Parameters"]["Item"]["slot"]["S.$"]
    return found


def resources_in(tasks: Iterable[tuple[str, str, Mapping[str, Any]]]) -> set[str]:
    """The resources of actions that the simulator can do."""
    return {str(task.get("Resource")) for *_, task in tasks if is_action(dict(task))}


def targets_in(tasks: Iterable[tuple[str, str, Mapping[str, Any]]]) -> dict[str, str]:
    """What actions work on: here a resource's name is all that there is of it."""
    texts = (
        text
        for *_, task in tasks
        if is_action(dict(task))
        for text in _texts(task.get("Parameters"))
    )
    return {match[1]: match[1] for text in texts if (match := SUBSTITUTION.fullmatch(text))}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
