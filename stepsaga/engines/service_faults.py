"""Faults of what Step Functions itself does for a step: an integration around another."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.functions import FunctionError, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.engines.faults import Faults
    from stepsaga.engines.simulator.actions import ServiceAction
    from stepsaga.engines.simulator.integrations import TaskCall

SERVICE_FAULTS: Final[Mapping[str, str]] = {
    "raises": "nothing is done, and the service answers with an error",
    "times out before": "nothing is done, and the Task's time goes by",
    "times out after": "it is done, and the Task's time goes by",
    "delivered twice": "the service is called twice; the second reply counts",
    "reply lost": "it is done, and Step Functions hears nothing of it",
    "lands late": "the call hangs, and is done after its step was undone",
}
"""The faults of an action of a service, and what each of them does."""


class FaultyAction:
    """An action that goes wrong as a test wishes.

    Args:
        action: The action.
        faults: What shall go wrong.
        later: Has something done when the step of a slot is undone, by execution and slot.
    """

    def __init__(
        self,
        action: ServiceAction,
        faults: Faults,
        later: Callable[[str, str, Callable[[], None]], None],
    ) -> None:
        self.service, self.action = action.service, action.action
        self._action = action
        self._faults = faults
        self._later = later

    def check(self, parameters: Any) -> None:
        """Refuse what the action itself refuses."""
        self._action.check(parameters)

    def call(self, task: TaskCall) -> Any:
        """Do it, or not, and answer, or not."""
        kind = self._faults.next(task.execution, task.state)
        if kind == "raises":
            raise FunctionError(f"{self.service.upper()}.InjectedException", "the fault 'raises'")
        if kind == "times out before":
            raise NoAnswer
        if kind == "lands late":
            self._later(task.execution, self._action.slot(task), lambda: self._quietly(task))
            raise NoAnswer
        if kind == "delivered twice":
            self._quietly(task)
        result = self._action.call(task)
        if kind == "times out after":
            raise NoAnswer
        if kind == "reply lost":
            raise FunctionError(f"{self.service.upper()}.SdkClientException", f"the fault {kind!r}")
        return result

    def _quietly(self, task: TaskCall) -> None:
        """Nobody hears what comes of it."""
        with suppress(FunctionError):
            self._action.call(task)
