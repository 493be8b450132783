"""The functions of participants, run in this process by the real runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepsaga.engines.functions import (
    FunctionError,
    ProcessKilled,
    exit_error,
    raised_error,
    through_json,
)
from stepsaga.errors import UsageError
from stepsaga.runtime.runtime import Runtime, load
from stepsaga.runtime.timers import NoTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from stepsaga.runtime.answers import Answers
    from stepsaga.runtime.call import To
    from stepsaga.runtime.children import Children
    from stepsaga.store.protocol import EventStore


@dataclass(frozen=True, slots=True)
class Message:
    """A question that was sent: by a queue, topic or bus, of that name, and what it says."""

    channel: str
    name: str
    body: Mapping[str, Any]


class KeptMessages:
    """Keeps what questions send; nothing leaves this process."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, to: To, message: Mapping[str, Any]) -> None:
        """Keep a message; see `stepsaga.runtime.question_messages.Messages`."""
        self.sent.append(Message(to.channel, to.name, through_json(message)))


class LocalFunctions:
    """The functions of some participants, run in this process by the real runtime.

    Args:
        participants: Handler modules. ``handlers.payments`` is the function ``payments``, under
            whatever version or alias it is called: ``payments:live``.
        store: The event store.
        now: The clock, aware datetimes.
        resolve: How ``module:qualname`` becomes a handler; by default it is imported.
        resources: What replaces the participants' own resources, by name.
        answers: How Tasks that wait are told of answers.
        children: How sagas are started that are children of others, and undone.

    Raises:
        UsageError: Two participants would be the same function.
    """

    def __init__(  # noqa: PLR0913  # collaborators by name
        self,
        participants: Iterable[str],
        *,
        store: EventStore,
        now: Callable[[], datetime],
        resolve: Callable[[str], Callable[..., Any]] = load,
        resources: Mapping[str, Any] | None = None,
        answers: Answers | None = None,
        children: Children | None = None,
    ) -> None:
        self._participants = _by_function(participants)
        self._store = store
        self._now = now
        self._resolve = resolve
        self._resources = resources
        self._answers = answers
        self._children = children
        self._messages = KeptMessages()
        self._requests = 0

    @property
    def messages(self) -> list[Message]:
        """What questions have sent, in that order."""
        return self._messages.sent

    def invoke(  # noqa: PLR0913  # collaborators by name
        self,
        function: str,
        payload: Any,
        *,
        store: EventStore | None = None,
        resolve: Callable[[str], Callable[..., Any]] | None = None,
        now: Callable[[], datetime] | None = None,
        children: Children | None = None,
    ) -> Any:
        """Call a function; the options replace collaborators for this one invocation.

        Raises:
            FunctionError: As Lambda would report it: the exception's bare class name, and a cause
                that is JSON text: ``errorMessage``, ``errorType``, ``requestId``, ``stackTrace``.
        """
        self._requests += 1
        name = function.partition(":")[0]
        if name not in self._participants:
            message = f"Function not found: {function}; there are: {_listed(self._participants)}"
            raise FunctionError("Lambda.ResourceNotFoundException", message)
        runtime = Runtime(
            participant=self._participants[name],
            store=store or self._store,
            now=now or self._now,
            timer=NoTimer,
            resolve=resolve or self._resolve,
            resources=self._resources,
            answers=self._answers,
            messages=self._messages,
            children=children or self._children,
        )
        return self._run(runtime, payload)

    def _run(self, runtime: Runtime, payload: Any) -> Any:
        try:
            return runtime.handle(payload)
        except Exception as error:
            raise raised_error(error, self._request_id()) from error
        except (ProcessKilled, SystemExit) as death:
            raise exit_error(self._request_id()) from death

    def _request_id(self) -> str:
        return str(UUID(int=self._requests))


def _by_function(participants: Iterable[str]) -> dict[str, str]:
    functions: dict[str, str] = {}
    for participant in participants:
        name = participant.rpartition(".")[2]
        if functions.setdefault(name, participant) != participant:
            raise UsageError(
                f"participants {functions[name]} and {participant} would both be the function"
                f" {name!r}: give one of the modules another last name"
            )
    return functions


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
