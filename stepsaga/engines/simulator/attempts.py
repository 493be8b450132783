"""What Task, Parallel and Map do about errors: they try again, and then look for a catcher."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from stepsaga.engines.jsontext import dump, fits
from stepsaga.engines.simulator.errors import StateError, data_limit
from stepsaga.engines.simulator.expressions import Scope
from stepsaga.engines.simulator.retry import Retries
from stepsaga.engines.simulator.strands import Record, Step
from stepsaga.engines.simulator.world import Document

if TYPE_CHECKING:
    from stepsaga.engines.simulator.interpreter import Interpreter
    from stepsaga.engines.simulator.states import Work
    from stepsaga.engines.simulator.strands import Process

Attempt = Callable[[int], Generator[Step, Any, Document]]
"""Does a state's work, told how many retries there were before."""


def run_attempts(
    block: Interpreter,
    kind: str,
    state: Work,
    attempt: Attempt,
    *,
    failed: str | None = None,
) -> Process:
    """Do a state's work until it succeeds, or is not retried any more; leave the state.

    Args:
        block: Where the state is.
        kind: Its type.
        state: The state.
        attempt: Its work.
        failed: The event that says that it is not retried any more, if there is one.

    Raises:
        StateError: It failed, and nothing caught it.
    """
    yield from block.enter(kind)
    random = block.world.random
    retries = Retries(state.retriers)
    target = state.next
    while True:
        try:
            document = yield from attempt(retries.count)
        except StateError as error:
            pause = retries.pause(error, random)
            if pause is not None:
                block.position.children = []
                block.journey.transitions += 1
                yield from block.sleep_until(block.world.clock.now() + pause)
                continue
            if failed is not None and not error.final:
                yield Record(failed, {})
            document, target = _caught(block, state, error)
        break
    yield from block.leave(kind, target, document)


def result_document(
    block: Interpreter, state: Work, result: Any, context: dict[str, Any]
) -> Document:
    """What ``ResultSelector``, ``ResultPath`` and ``OutputPath`` make of a result."""
    if state.selector is not None:
        result = state.selector(Scope(result, context, block.world.random))
    return block.combined(state, state.result_path, result, context)


def _caught(block: Interpreter, state: Work, error: StateError) -> tuple[Document, str]:
    for catcher in state.catchers:
        if error.matched_by(catcher.errors):
            value = block.written(catcher.result_path, error.output())
            return within_limit(state.name, value), catcher.target
    raise error


def within_limit(name: str, value: Any) -> Document:
    """A value that is not too large.

    Raises:
        StateError: It is.
    """
    text = dump(value)
    if not fits(text):
        raise data_limit(name)
    return Document(value, text)
