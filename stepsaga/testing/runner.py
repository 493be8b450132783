"""Run a saga once, on this machine, and look at what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.client.answers import rejected, said
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.once import run_once
from stepsaga.errors import EngineError, RequestError, UsageError
from stepsaga.graph import children_of, steps_of
from stepsaga.runtime.stored import Recorded
from stepsaga.runtime.values import JsonType
from stepsaga.store.commits import EventRecord, Outcome
from stepsaga.store.events import effects_left
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import stream_of
from stepsaga.testing.triggering import Occasion, triggered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from stepsaga.authoring import Saga
    from stepsaga.engines.answering import Answer
    from stepsaga.engines.cost import Cost
    from stepsaga.engines.events import Arrival
    from stepsaga.engines.local import Message
    from stepsaga.engines.once import Run
    from stepsaga.engines.protocol import ExecutionView, HistoryEvent
    from stepsaga.engines.service_actions import Replies, ServiceCall
    from stepsaga.store.commits import Commit
    from stepsaga.store.objects import Objects
    from stepsaga.store.protocol import EventStore

    Fail = Mapping[str, str | Sequence[str | None] | None]
    """What shall go wrong: a state's name -> one kind of fault, or a list of one an attempt."""


@dataclass(frozen=True, slots=True)
class SagaRun:
    """One run of a saga.

    Attributes:
        saga: The saga's name.
        id: Its id.
        ending: Completed, compensated or stuck. There is no fourth ending.
        results: By step, as JSON values, where the saga completed.
        error: The execution's error where it did not: ``SagaCompensated``, or why it is stuck.
        cause: The execution's cause, a text.
        commits: The run's stream, in the order of its slots.
        history: The execution's history.
        cost: What it cost.
        duration: In virtual time.
        messages: What questions have sent to queues, topics and buses, in that order:
            ``message.channel``, ``message.name``, ``message.body``.
        actions: What services were called with that Step Functions itself calls, in that order:
            ``action.action``, ``action.parameters``, ``action.step``, ``action.key``.
    """

    saga: str
    id: str
    ending: Ending
    results: Mapping[str, Any]
    error: str
    cause: str
    commits: tuple[Commit, ...]
    history: tuple[HistoryEvent, ...]
    cost: Cost
    duration: timedelta
    messages: tuple[Message, ...] = ()
    actions: tuple[ServiceCall, ...] = ()

    @property
    def events(self) -> list[EventRecord]:
        """Every event, in the order of the stream: ``event.type``, ``event.data``."""
        return [event for commit in self.commits for event in commit.events]

    @property
    def undone(self) -> list[str]:
        """The steps whose compensation has run, in that order; in doubt or with a result."""
        return [
            event.data["step"]
            for commit in self.commits
            if commit.outcome is Outcome.COMPENSATED
            for event in commit.events
            if event.type == "StepCompensated" and event.data["found"] != "nothing"
        ]

    @property
    def left(self) -> list[str]:
        """The steps whose effect landed after their undoing, and stands: a participant's fault."""
        return effects_left(self.commits)


class SagaRunner:
    """Runs sagas on the simulator, with their real handlers and a virtual clock.

    Args:
        store: The event store; one in memory, with a bucket, where none is given.
        resources: What replaces participants' resources, by name.
        seed: Of jitter.
    """

    def __init__(
        self,
        *,
        store: EventStore | None = None,
        resources: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.store: EventStore = store or MemoryStore(bucket="results")
        self._resources = dict(resources or {})
        self._seed = seed
        self._runs = 0

    def run(  # noqa: PLR0913  # all but two are options by name
        self,
        saga: type[Saga],
        input: Any,  # noqa: A002  # as Step Functions names it
        *,
        fail: Fail | None = None,
        id: str | None = None,  # noqa: A002  # the saga's id
        resources: Mapping[str, Any] | None = None,
        answers: Mapping[str, Any] | None = None,
        events: Sequence[Arrival] = (),
        replies: Replies | None = None,
    ) -> SagaRun:
        """Run a saga to its end.

        Args:
            saga: Its class.
            input: An instance of its input model, or JSON values.
            fail: What shall go wrong, by the name of a state: ``{"charge": "times out after"}``,
                ``{"undo charge": ["raises", None]}``.
            id: The saga's id; a new one where none is given.
            resources: For this run, besides the runner's.
            answers: What is answered to the steps that ask, as soon as they do: ``{"review":
                True}`` approves, False rejects, of a callback it is the value, or `REJECT`. Where
                there is none, the question's time passes, in virtual time.
            events: The business events that come, before the saga or while it runs:
                ``[Arrival(payment_received, PaymentReceived(order_id="1"))]``.
            replies: What services reply to their parameters, by action, where that is not what
                they mostly do: ``{"http:invoke": lambda given: {"StatusCode": 200, ...}}``.

        Raises:
            UsageError: A fault, an answer or an event that cannot be; a fault or an answer that was
                of no use because the saga did not get there; an input that is no JSON; an id used
                before.
        """
        self._runs += 1
        graph = graph_of(saga)
        compiled = build(graph)
        name = id or f"{compiled.name}-{self._runs}"
        if next(iter(self.store.read(stream_of(compiled.name, name))), None) is not None:
            raise UsageError(f"{compiled.name} {name} has run already; give another id")
        try:
            done = run_once(
                compiled,
                json_of(saga, input),
                saga_id=name,
                store=self.store,
                faults=fail,
                seed=self._seed,
                resources={**self._resources, **(resources or {})},
                answers=answers_of(saga, answers or {}),
                children=map(build, children_of(graph).values()),
                events=events,
                replies=replies,
            )
        except EngineError as error:
            raise UsageError(str(error)) from error
        if done.unasked:
            raise UsageError(
                f"{', '.join(map(repr, done.unasked))} never asked: the saga did not get there, and"
                " its answer was of no use; leave it out"
            )
        if done.idle:
            raise UsageError(
                f"the fault on {', '.join(map(repr, done.idle))} never struck: the saga did not get"
                " there; add a fault that leads there"
            )
        steps = {node.name for node in steps_of(graph.nodes)}
        return _told(compiled.name, done, _results(done.view, steps, self.store.objects))

    def trigger(
        self,
        saga: type[Saga],
        given: Any,
        *,
        by: int = 0,
        key: str = "",
        **options: Any,
    ) -> SagaRun | None:
        """Run what a trigger starts, by the code that starts it when it is deployed.

        Args:
            saga: Its class.
            given: An event as EventBridge has it, ``{"id", "time", "detail"}``; of a queue or a
                request the body, as JSON values.
            by: Which of the saga's ``starts``.
            key: The message's id, or the header of the request, where the trigger names no field.
            **options: As in `run`: ``fail``, ``resources``, ``answers``.

        Returns:
            The run; None where that id was started before, with the same input.

        Raises:
            RequestError: It can never be started: deployed it would be a dead letter, or answered
                with 400 or 409.
            UsageError: There is no such trigger; as `run`.
        """

        def run(value: Any, name: str) -> SagaRun:
            return self.run(saga, value, id=name, **options)

        return triggered(saga, Occasion(given, by, key), self.store, run)


class Reject:
    """What `REJECT` is."""


REJECT: Final = Reject()
"""In the answers of a run: rejects a callback; of an approval False does the same."""


def answers_of(saga: type[Saga], answers: Mapping[str, Any]) -> dict[str, Answer]:
    """Answers by step, checked as a client checks them.

    Raises:
        UsageError: A step asks nothing, or the answer does not fit.
    """
    try:
        return {
            step: rejected(saga, step, "", "")
            if isinstance(answer, Reject)
            else said(saga, step, answer)
            for step, answer in answers.items()
        }
    except RequestError as error:
        raise UsageError(f"answers: {error}") from error


def json_of(saga: type[Saga], value: Any) -> Any:
    """A saga's input as the JSON values that Step Functions is given.

    An instance of the input's model is written as JSON, secrets as they are. Other values go as
    they are, also such as do not fit: what becomes of them is the saga's business.
    """
    annotation = graph_of(saga).input.annotation
    try:
        TypeAdapter(annotation).validate_python(value, strict=True)
    except ValidationError:
        return value
    return JsonType(annotation).write(value)


def _told(saga: str, done: Run, results: Mapping[str, Any]) -> SagaRun:
    view = done.view
    return SagaRun(
        saga=saga,
        id=view.name,
        ending=ending_of(view),
        results=results,
        error=view.error or "",
        cause=view.cause or "",
        commits=done.commits,
        history=done.history,
        cost=done.cost,
        duration=(view.stopped or view.started) - view.started,
        messages=done.messages,
        actions=done.actions,
    )


def _results(view: ExecutionView, steps: set[str], objects: Objects | None) -> dict[str, Any]:
    document = view.output if isinstance(view.output, dict) else {}
    found = {
        name: entry["value"]
        for name, entry in document.items()
        if isinstance(entry, dict) and "value" in entry
    }
    opened = {
        name: Recorded(name, found[name], 0, objects).value() for name in found.keys() & steps
    }
    return found | opened
