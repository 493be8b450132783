"""Parallel and Map: blocks that run side by side, on one clock.

Where several could go on at the same moment, the one does that has waited for it longest; those
that began together take turns in the order of the definition. So the same machine with the same
functions always gives the same history.

Where one fails, the others are stopped, and the state fails with that one's error. Invocations that
are under way happen all the same; see `stepsaga.engines.simulator.tasks`.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.simulator.attempts import result_document, run_attempts, within_limit
from stepsaga.engines.simulator.expressions import Scope
from stepsaga.engines.simulator.states import Map, Parallel, Task, Wait
from stepsaga.engines.simulator.strands import Inbox, Record, Spawn

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from stepsaga.engines.simulator.errors import StateError
    from stepsaga.engines.simulator.interpreter import Interpreter
    from stepsaga.engines.simulator.strands import Process, Step, Strand
    from stepsaga.engines.simulator.world import Child, Document

MOST_ITEMS: Final = 40
"""Items of a Map that are under way at once, whatever ``MaxConcurrency`` says.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""


def run_parallel(block: Interpreter, state: Parallel) -> Process:
    """Run a Parallel."""
    attempt = partial(_parallel_attempt, block, state)
    yield from run_attempts(block, "Parallel", state, attempt, failed="ParallelStateFailed")


def run_map(block: Interpreter, state: Map) -> Process:
    """Run a Map."""
    attempt = partial(_map_attempt, block, state)
    yield from run_attempts(block, "Map", state, attempt, failed="MapStateFailed")


def _parallel_attempt(
    block: Interpreter, state: Parallel, attempt: int
) -> Generator[Step, Any, Document]:
    context = block.context(attempt)
    if _begins(block):
        scope = block.scope(state, context)
        value = scope.document if state.parameters is None else state.parameters(scope)
        document = within_limit(state.name, value)
        block.position.children = [block.child(branch, document) for branch in state.branches]
        yield Record("ParallelStateStarted", {})
    yield from _join(block, state, len(state.branches))
    result = within_limit(state.name, _results(block))
    yield Record("ParallelStateSucceeded", {})
    return result_document(block, state, result.value, context)


def _map_attempt(block: Interpreter, state: Map, attempt: int) -> Generator[Step, Any, Document]:
    context = block.context(attempt)
    scope = block.scope(state, context)
    limit = state.concurrency(scope) or MOST_ITEMS
    if _begins(block):
        items = state.items(scope)
        documents = [_item(block, state, scope, index, item) for index, item in enumerate(items)]
        block.position.children = [block.child(state.processor, one) for one in documents]
        yield Record("MapStateStarted", {"length": len(items)})
    yield from _join(block, state, min(limit, MOST_ITEMS))
    result = within_limit(state.name, _results(block))
    yield Record("MapStateSucceeded", {})
    return result_document(block, state, result.value, context)


def _item(block: Interpreter, state: Map, scope: Scope, index: int, item: Any) -> Document:
    """The input of an item's block: what ``ItemSelector`` makes of it."""
    if state.parameters is None:
        return within_limit(state.name, item)
    context = {**scope.context, "Map": {"Item": {"Index": index, "Value": item}}}
    value = state.parameters(Scope(scope.document, context, block.world.random))
    return within_limit(state.name, value)


def _begins(block: Interpreter) -> bool:
    """Whether all is to be done; otherwise a redrive goes on with what has not succeeded."""
    return all(child.over for child in block.position.children)


def _results(block: Interpreter) -> list[Any]:
    return [child.interpreter.position.document for child in block.position.children]


def _join(block: Interpreter, state: Parallel | Map, limit: int) -> Process:
    """Run the children that are not over, so many at once, until all are.

    Raises:
        StateError: One has failed. The others are stopped.
    """
    children = block.position.children
    inbox: Inbox[tuple[int, StateError | None]] = Inbox()
    waiting = deque(index for index, child in enumerate(children) if not child.over)
    running: dict[int, Strand] = {}
    try:
        while waiting or running:
            while waiting and len(running) < limit:
                index = waiting.popleft()
                yield from _begin(state, index, children[index])
                process = _process(state, index, children[index])
                running[index] = yield Spawn(process, partial(_over, inbox, index))
            index, error = yield from inbox.next()
            del running[index]
            if error is not None:
                _stop(running)
                if not error.final:
                    yield from _failed(state, index, children)
                raise error
    finally:
        _stop(running)


def _begin(state: Parallel | Map, index: int, child: Child) -> Process:
    if isinstance(state, Map) and not child.begun:
        yield _iteration("Started", state, index)
    child.begun = True


def _process(state: Parallel | Map, index: int, child: Child) -> Process:
    yield from child.interpreter.run()
    if isinstance(state, Map):
        yield _iteration("Succeeded", state, index)


def _over(
    inbox: Inbox[tuple[int, StateError | None]], index: int, error: StateError | None
) -> None:
    inbox.put((index, error))


def _stop(running: dict[int, Strand]) -> None:
    for strand in running.values():
        strand.close()
    running.clear()


def _failed(state: Parallel | Map, index: int, children: list[Child]) -> Iterator[Record]:
    """What the history says of the child that has failed, and of those that were stopped."""
    if isinstance(state, Map):
        yield _iteration("Failed", state, index)
    yield from _left(children[index].interpreter, failed=True)
    yield from _aborted(state, children, but=index)


def _aborted(
    state: Parallel | Map, children: list[Child], *, but: int | None = None
) -> Iterator[Record]:
    for index, child in enumerate(children):
        if child.over or not child.begun or index == but:
            continue
        if isinstance(state, Map):
            yield _iteration("Aborted", state, index)
        yield from _left(child.interpreter, failed=False)


def _left(block: Interpreter, *, failed: bool) -> Iterator[Record]:
    """What the history says of the state in which a block came to its end.

    A Task is told to be aborted also where it is the one that failed: so it has been observed. Of
    blocks inside of blocks nothing is documented; they are told from the outside in, as the items
    of a Map have been seen to be.
    """
    state = block.state
    if state is None or block.position.entered is None:
        return
    if isinstance(state, Task | Wait):
        yield Record(f"{type(state).__name__}StateAborted", {})
    elif isinstance(state, Parallel | Map) and not failed:
        yield Record(f"{type(state).__name__}StateAborted", {})
        yield from _aborted(state, block.position.children)


def _iteration(what: str, state: Map, index: int) -> Record:
    return Record(f"MapIteration{what}", {"name": state.name, "index": index})
