"""The entry point of the function `Recovery`: ``stepsaga.recovery.entry.handler``.

The machine `Undo` calls it to go on, EventBridge when an execution has ended other than well, and a
schedule for what EventBridge, which is best effort, did not tell.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import StepFailedForGood
from stepsaga.limits import DISPATCH_SECONDS
from stepsaga.recovery.deployed import CHILDREN, deployed
from stepsaga.recovery.forward import Forwarding
from stepsaga.recovery.reconcile import Found, Reconciler
from stepsaga.recovery.sweep import Sweep
from stepsaga.recovery.undo import Run, Undoing
from stepsaga.runtime.generations import goes_forward
from stepsaga.runtime.runtime import utc_now
from stepsaga.store.open_sagas import MemoryOpenSagas
from stepsaga.store.slots import moment_of, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stepsaga.recovery.children import Children
    from stepsaga.recovery.executions import Executions
    from stepsaga.store.open_sagas import OpenSagas
    from stepsaga.store.protocol import EventStore

FUNCTIONS: Final = "STEPSAGA_FUNCTIONS"
"""The participants' functions, JSON: ``{"handlers.payments": "<ARN of its alias live>"}``."""
SWEEP: Final = "sweep"


class Recovery:
    """Answers the machine that undoes, and looks at sagas that have ended other than well.

    Args:
        store: The event store.
        executions: Step Functions.
        functions: What calls a participant's live code, by its module.
        now: The clock, aware.
        open_sagas: Which sagas are open, as far as that is known.
        children: Who tells what children came to; none where no saga starts any.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # collaborators, all but three by name
        self,
        store: EventStore,
        executions: Executions,
        functions: Mapping[str, str],
        now: Callable[[], datetime] = utc_now,
        open_sagas: OpenSagas | None = None,
        children: Children | None = None,
    ) -> None:
        known = open_sagas or MemoryOpenSagas()
        self._executions = executions
        self._children = children
        self._undoing = Undoing(store, now)
        self._forwarding = Forwarding(self._undoing, now)
        self._reconciler = Reconciler(store, executions, now, known)
        self._sweep = Sweep(store, executions, now, known, children)
        self._functions = functions

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Do what an event asks for.

        Raises:
            CallError: By which the machine decides whether to try again.
        """
        match event:
            case {"do": "proceed"}:
                return self._proceed(event)
            case {"do": "end", "undo": undo}:
                driver = self._forwarding if self._goes_forward(undo) else self._undoing
                driver.end(_run_of(undo), undo["generation"])
                return {}
            case {"do": "sweep"}:
                return dict(self._sweep.run())
            case {"detail": {"executionArn": str() as arn}}:
                return {"found": self._look(arn).value}
            case _:
                raise StepFailedForGood(
                    "recovery is called by its own state machine, by EventBridge, and by its"
                    f" schedule; this is none of them: {', '.join(map(str, event)) or 'nothing'}"
                )

    def _look(self, arn: str) -> Found:
        """Look at a saga; where it is a child that has ended, its parent is told once more."""
        found = self._reconciler.look(arn)
        execution = self._executions.describe(arn) if self._children else None
        if execution and execution.saga and self._children:
            self._children.settle(stream_of(execution.saga, execution.id))
        return found

    def _proceed(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """What can be done now; after a redrive, what had failed once more."""
        undo = event["undo"]
        failed = {one["key"]: one["error"] for one in event["failed"]}
        failed |= {one["key"]: one["error"] for one in event["reports"] if one["error"]}
        if _was_redriven(event["execution"], event["state"]):
            failed = {}
        run, generation = _run_of(undo), undo["generation"]
        if self._goes_forward(undo):
            redrives = event["execution"].get("RedriveCount", 0)
            found = self._forwarding.proceed(run, generation, failed, redrives=redrives)
        else:
            found = self._undoing.proceed(run, generation, failed)
        calls = [
            {
                "key": one["key"],
                "function": self._function(one["participant"]),
                "timeout": one["waits"] or one["seconds"] + DISPATCH_SECONDS,
                "waits": bool(one["waits"]),
                "call": one["call"],
            }
            for one in found["calls"]
        ]
        kept = [{"key": key, "error": error} for key, error in sorted(failed.items())]
        until = found.get("until")
        return {"done": found["done"], "calls": calls, "failed": kept, "until": until}

    def _goes_forward(self, undo: Mapping[str, Any]) -> bool:
        return goes_forward(self._undoing.begun(_run_of(undo), undo["generation"]))

    def _function(self, participant: str) -> str:
        try:
            return self._functions[participant]
        except KeyError:
            raise StepFailedForGood(
                f"the handlers of {participant} are not deployed any more: deploy a module of that"
                " name with the handlers that are needed, then redrive this execution"
            ) from None


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Take one event. Everything that it needs is built at the first one."""
    del context
    return _recovery().handle(event)


def _run_of(undo: Mapping[str, Any]) -> Run:
    return Run(undo["saga"], undo["id"], undo["run"], undo["execution"])


def _was_redriven(execution: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    """Whether the undo was redriven since its state was entered (rule 13)."""
    redriven, entered = execution.get("RedriveTime"), state["EnteredTime"]
    return bool(redriven) and moment_of(str(redriven)) > moment_of(entered)


@lru_cache(maxsize=1)
def _recovery() -> Recovery:
    from stepsaga.recovery.children_entry import children_from  # noqa: PLC0415  # at the first call

    parts, functions = deployed(os.environ), json.loads(os.environ[FUNCTIONS])
    children = children_from(os.environ, parts.store) if os.environ.get(CHILDREN) else None
    return Recovery(parts.store, parts.executions, functions, utc_now, parts.open_sagas, children)
