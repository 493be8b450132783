"""A call, from its arrival to its reply."""

from __future__ import annotations

import importlib
import inspect
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from stepsaga.errors import (
    BadCall,
    CallError,
    CommitTooLarge,
    CommitUnreadable,
    EventInvalid,
    Fenced,
    StepFailed,
    StepFailedForGood,
    StoreError,
)
from stepsaga.runtime.answers import NoAnswers
from stepsaga.runtime.approval_links import ProcessLinks
from stepsaga.runtime.business_events import await_event, look_again
from stepsaga.runtime.call import Part, parse_call
from stepsaga.runtime.children import NoChildren, start_child, undo_child
from stepsaga.runtime.flows import (
    Reply,
    Work,
    adopt,
    check_input,
    compensate,
    find_items,
    go_forward,
    settle,
    verify,
)
from stepsaga.runtime.generations import admitted
from stepsaga.runtime.handling import Handling
from stepsaga.runtime.items import close_items, open_items, settle_items
from stepsaga.runtime.journal import Journal
from stepsaga.runtime.observer import LANDED_LATE, Report, SilentObserver, frames
from stepsaga.runtime.questions import ask, unanswered
from stepsaga.runtime.texts import class_text, message_of
from stepsaga.runtime.timers import KernelTimer, NoTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from stepsaga.runtime.answers import Answers
    from stepsaga.runtime.approval_links import LinkMaker
    from stepsaga.runtime.call import Call
    from stepsaga.runtime.children import Children
    from stepsaga.runtime.observer import Observer
    from stepsaga.runtime.question_messages import Messages
    from stepsaga.store.protocol import EventStore

__all__ = ["KernelTimer", "NoTimer", "Runtime", "load"]

_FLOWS: Final = {
    Part.COMPENSATION: compensate,
    Part.VERIFY: verify,
    Part.INPUT: check_input,
    Part.ITEMS: find_items,
    Part.SETTLE: settle,
    Part.QUESTION: ask,
    Part.UNANSWERED: unanswered,
    Part.ADOPT: adopt,
    Part.OPEN: open_items,
    Part.CLOSE: close_items,
    Part.SETTLE_ITEMS: settle_items,
}
_CHILD_FLOWS: Final = {Part.COMPENSATION: undo_child}
_EVENT_FLOWS: Final = {Part.QUESTION: await_event, Part.UNANSWERED: look_again}
_LASTING: Final = (CommitTooLarge, CommitUnreadable, EventInvalid)
_log = logging.getLogger("stepsaga")


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def load(reference: str) -> Callable[..., Any]:
    """Import a handler by ``module:qualname``.

    Raises:
        ImportError: The module cannot be imported.
        LookupError: It has no such function of its own.
    """
    module, _, name = reference.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not inspect.isroutine(found) or getattr(found, "__module__", None) != module:
        raise LookupError(f"module {module} has no function {name!r} of its own")
    return found


class Runtime:
    """Takes the calls of one participant. Cheap to make; keeps nothing between calls.

    Args:
        participant: The module whose handlers it runs; it refuses all others.
        store: Where outcomes are recorded.
        now: The clock: aware datetimes.
        timer: Makes the context that ends the process when a call's seconds are over.
        resolve: How ``module:qualname`` becomes a handler.
        resources: What replaces the participant's resources, by name: the objects themselves.
        observer: Who is told of each call.
        answers: How a Task that waits is told of an answer that there is already.
        messages: How a question is sent that no handler asks.
        children: How sagas are started that are children of others, and undone.
        links: How approval links are made; by a key of this process where nothing is given.
    """

    def __init__(  # noqa: PLR0913  # every collaborator is passed in; all but two have defaults
        self,
        *,
        participant: str,
        store: EventStore,
        now: Callable[[], datetime] = utc_now,
        timer: Callable[[float], AbstractContextManager[object]] = NoTimer,
        resolve: Callable[[str], Callable[..., Any]] = load,
        resources: Mapping[str, Any] | None = None,
        observer: Observer | None = None,
        answers: Answers | None = None,
        messages: Messages | None = None,
        children: Children | None = None,
        links: LinkMaker | None = None,
    ) -> None:
        self._participant = participant
        self._store = store
        self._now = now
        self._timer = timer
        self._resolve = resolve
        self._resources = resources or {}
        self._observer = observer or SilentObserver()
        self._answers = answers or NoAnswers()
        self._messages = messages
        self._children = children or NoChildren()
        self._links = links or ProcessLinks(now)

    def handle(self, payload: Any, context: Any = None) -> dict[str, Any]:
        """Do what a call asks for.

        What is no `Exception` (``SystemExit``, a killed process) passes through: nothing is written
        then, and Lambda reports that the process ended, which leaves the outcome unknown.

        Args:
            payload: The call, as JSON values: see `stepsaga.runtime.call.Call`.
            context: Lambda's, for the observer; its request id is what a claim carries (rule 27).

        Returns:
            ``{"value": ...}``, JSON values: the result, or what stands for it
            (`stepsaga.runtime.stored`).

        Raises:
            CallError: Exactly one of the classes in ``stepsaga.errors``, never a subclass of an
                author's: Step Functions matches bare names. Texts hold no sensitive values; those
                of chained errors may.
        """
        try:
            call = parse_call(payload)
        except BadCall as error:
            self._ended(None, error)
            raise
        try:
            # On arrival, before anything else is done (rule 23).
            with self._timer(call.seconds):
                return {"value": self._work(call, context).value}
        except CallError:
            raise
        except Exception as error:
            # The timer itself failed: nothing ran.
            raise StepFailed(f"{call.label}: {class_text(type(error))}: {error}") from error

    def _work(self, call: Call, context: Any) -> Reply:
        self._tell("began", call, context)
        handling = self._handling(call)
        try:
            arrived = self._now()
            _refuse_if_late(call, arrived)
            call = admitted(call, self._store)
            handling = self._handling(call)
            journal = Journal(call, self._store, self._now, _request_id(context))
            work = Work(
                call, journal, handling, arrived, self._answers, self._children, self._store.objects
            )
            reply = _flow(call)(work)
        except CallError as error:
            self._ended(call, error)
            raise
        except Exception as error:
            failure = _as_call_error(error, handling)
            failure.__cause__ = error
            self._ended(call, failure)
            raise failure from error
        self._tell("ended", call, Report(reply.outcome))
        return reply

    def _handling(self, call: Call) -> Handling:
        return Handling(
            call,
            participant=self._participant,
            resolve=self._resolve,
            resources=self._resources,
            objects=self._store.objects,
            messages=self._messages,
            links=self._links,
        )

    def _ended(self, call: Call | None, error: CallError) -> None:
        landed = isinstance(error, Fenced) and error.landed
        outcome = LANDED_LATE if landed else type(error).__name__
        self._tell("ended", call, Report(outcome, str(error), frames(error)))

    def _tell(self, what: str, *arguments: Any) -> None:
        try:
            getattr(self._observer, what)(*arguments)
        except Exception as error:  # noqa: BLE001  # a log that fails must not fail a payment
            _log.warning("the observer failed: %s", class_text(type(error)))


def _flow(call: Call) -> Callable[[Work], Reply]:
    if call.child:
        return _CHILD_FLOWS.get(call.part, start_child)
    if call.event:
        return _EVENT_FLOWS[call.part]
    return _FLOWS.get(call.part, go_forward)


def _request_id(context: Any) -> str:
    """What tells this invocation from all others."""
    return str(getattr(context, "aws_request_id", None) or uuid4())


def _refuse_if_late(call: Call, arrived: datetime) -> None:
    """Step Functions has given up this attempt and may be undoing the step by now (rule 7)."""
    last = call.last_arrival
    if call.state.attempt == 0 and last is not None and arrived > last:
        raise StepFailed(
            f"{call.label}: the first attempt arrived at {arrived.isoformat()}, after its time was"
            f" up at {last.isoformat()}; nothing was done"
        )


def _as_call_error(error: Exception, handling: Handling) -> CallError:
    """What is neither the handler's nor a decision: the store's errors, and our own."""
    lasting = isinstance(error, _LASTING)
    kind = StepFailedForGood if lasting else StepFailed
    name = type(error).__name__ if isinstance(error, StoreError) else class_text(type(error))
    return kind(handling.text(name, message_of(error)))
