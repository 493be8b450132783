"""A Task: one call after the other, and, where a token was asked for, the answer that it brings.

What is not waited for any more, because the execution was stopped or a branch beside it failed,
still happens: an invocation that is under way cannot be called back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.functions import FunctionError, NoAnswer
from stepsaga.engines.jsontext import dump, fits
from stepsaga.engines.simulator.attempts import result_document, run_attempts, within_limit
from stepsaga.engines.simulator.clock import Signal
from stepsaga.engines.simulator.errors import TIMEOUT, StateError, data_limit
from stepsaga.engines.simulator.integrations import TOKEN_SUFFIX, TaskCall
from stepsaga.engines.simulator.naming import REGION
from stepsaga.engines.simulator.strands import Record
from stepsaga.engines.simulator.world import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from stepsaga.engines.simulator.clock import Timer
    from stepsaga.engines.simulator.integrations import Integration
    from stepsaga.engines.simulator.interpreter import Interpreter
    from stepsaga.engines.simulator.states import Task
    from stepsaga.engines.simulator.strands import Process, Step
    from stepsaga.engines.simulator.tokens import TaskToken
    from stepsaga.engines.simulator.world import World

_WHOLE: Final = {"truncated": False}


def run_task(block: Interpreter, state: Task) -> Process:
    """Run a Task."""
    yield from run_attempts(block, "Task", state, partial(_attempt, block, state))


@dataclass(frozen=True, slots=True)
class _Invocation:
    """One call of an integration. ``names`` is how the history calls the integration."""

    world: World
    integration: Integration
    call: TaskCall
    names: Mapping[str, str]
    seconds: int

    def begin(self) -> Signal:
        """Make the call after a while; the signal fires with a `Document`, or a `StateError`."""
        reply = Signal()
        deliver = partial(_deliver, self.integration, self.call, reply)
        self.world.clock.after(self.world.latency, deliver)
        return reply

    def limit(self, action: Callable[[], None]) -> Timer:
        """Do something when the Task's time is over."""
        return self.world.clock.after(timedelta(seconds=self.seconds), action)


def _attempt(block: Interpreter, state: Task, attempt: int) -> Generator[Step, Any, Document]:
    world = block.world
    token = world.tokens.issue() if state.token else None
    context = block.context(attempt, **_told_of(token))
    scope = block.scope(state, context)
    arguments = scope.document if state.parameters is None else state.parameters(scope)
    seconds = state.seconds(scope)
    beat = None if state.heartbeat is None else state.heartbeat(scope)
    text = within_limit(state.name, arguments).text
    integration = world.integrations[state.resource]
    action = integration.action if token is None else f"{integration.action}{TOKEN_SUFFIX}"
    names = {"resourceType": integration.service, "resource": action}
    scheduled = {**names, "region": REGION, "parameters": text, "timeoutInSeconds": seconds}
    yield Record("TaskScheduled", scheduled | _heartbeat(beat))
    call = TaskCall(block.journey.execution["Id"], state.name, arguments, scope)
    invocation = _Invocation(world, integration, call, names, seconds)
    if token is None:
        reply = yield from _called(invocation)
    else:
        reply = yield from _answered(invocation, token, beat)
    if isinstance(reply, StateError):
        kind = "TaskTimedOut" if reply.error == TIMEOUT else "TaskFailed"
        yield Record(kind, {**names, **reply.details()})
        raise reply
    yield Record("TaskSucceeded", {**names, "output": reply.text, "outputDetails": _WHOLE})
    return result_document(block, state, reply.value, context)


def _told_of(token: TaskToken | None) -> dict[str, Any]:
    return {} if token is None else {"Task": {"Token": token.text}}


def _heartbeat(seconds: int | None) -> dict[str, int]:
    return {} if seconds is None else {"heartbeatInSeconds": seconds}


def _called(invocation: _Invocation) -> Generator[Step, Any, Document | StateError]:
    # On its way before the history says so: an execution that is stopped at TaskStarted leaves
    # an invocation behind that nobody can call back.
    reply = invocation.begin()
    timer = invocation.limit(partial(reply.fire, StateError(TIMEOUT)))
    try:
        yield Record("TaskStarted", invocation.names)
        answer: Document | StateError = yield reply
    finally:
        timer.cancel()
    return answer


def _answered(
    invocation: _Invocation, token: TaskToken, beat: int | None
) -> Generator[Step, Any, Document | StateError]:
    """Make a call, and wait for what is sent with its token. The reply is only recorded."""
    reply = invocation.begin()
    # A token that is over ends the wait for the reply, too: the function may hang.
    token.over.listen(reply.fire)
    timer = invocation.limit(token.time_out)
    try:
        yield Record("TaskStarted", invocation.names)
        called: Document | StateError | None = yield reply
        if isinstance(called, StateError) and token.is_open:
            return called
        if isinstance(called, Document):
            submitted = {"output": called.text, "outputDetails": _WHOLE}
            yield Record("TaskSubmitted", {**invocation.names, **submitted})
            # AWS's clock for heartbeats starts when the call has returned.
            token.expect_heartbeats(beat)
        answer: Document | StateError = yield token.answer
    finally:
        timer.cancel()
        token.close()
    return answer


def _deliver(integration: Integration, call: TaskCall, reply: Signal) -> None:
    """Make a call, and hand back its result or its failure, if anybody still waits for it."""
    try:
        result = integration.call(call)
    except NoAnswer:
        return
    except FunctionError as error:
        reply.fire(StateError(error.error, error.cause))
        return
    text = dump(result)
    resource = f"arn:aws:states:::{integration.service}:{integration.action}"
    reply.fire(Document(result, text) if fits(text) else data_limit(resource))
