"""The fault matrix of a saga: every case of every way, on all cores, and what came of each."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Self

from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.errors import UsageError
from stepsaga.graph import MapNode, steps_of, walk
from stepsaga.testing.cases import (
    Case,
    behind,
    coming_back,
    going_forward,
    new_ones,
    one_of_each,
    pairs,
)
from stepsaga.testing.stack import SETUP, find_setup, find_stands, local_stack
from stepsaga.testing.trial import Bench, Surroundings
from stepsaga.testing.ways import SAMPLE, bases, different, varied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from stepsaga.authoring import Saga
    from stepsaga.graph import SagaGraph
    from stepsaga.testing.cases import Seen, Task
    from stepsaga.testing.stack import LocalStack
    from stepsaga.testing.trial import Trial, Verdict
    from stepsaga.testing.ways import Way

SHORT: Final = 5
"""Steps of a saga of which every pair of faults is tried without being asked for."""
_CHUNK: Final = 4


@dataclass(frozen=True)
class Report:
    """What came of a saga's matrix.

    Attributes:
        saga: The saga's name.
        verdicts: Of each run.
        unreached: The Tasks to which no run came: no fault was tried there.
        seconds: What it took.
    """

    saga: str
    verdicts: tuple[Verdict, ...]
    unreached: tuple[str, ...]
    seconds: float

    @property
    def broken(self) -> list[Verdict]:
        """The runs in which a law does not hold, those with the fewest faults first."""
        found = [one for one in self.verdicts if one.broken]
        return sorted(found, key=lambda one: len(one.case.texts))

    @property
    def idle(self) -> list[Verdict]:
        """The runs in which a fault did not strike, so that they prove less than they say."""
        return [one for one in self.verdicts if one.idle]


class Court:
    """Sagas on trial, in this process: with stubs, or with handlers that work on something.

    Args:
        own: What the sagas' own handlers work on; None for stubs.
        seed: Of the pauses between retries.
    """

    def __init__(self, own: Surroundings | None = None, *, seed: int = 0) -> None:
        self.own = own
        self._seed = seed
        self._benches: dict[type[Saga], Bench] = {}

    def bench(self, saga: type[Saga]) -> Bench:
        """The bench of a saga, made once."""
        if saga not in self._benches:
            graph = graph_of(saga)
            made = Bench(graph, build(graph), own=self.own, seed=self._seed)
            self._benches[saga] = made
        return self._benches[saga]

    def ways(self, saga: type[Saga], inputs: Mapping[str, Any]) -> list[Way]:
        """The ways through a saga that come to something different.

        Args:
            saga: Its class.
            inputs: JSON values by name; those that do not fit the saga are left out. Where none is
                left, an input is made up, and varied so that every way of a choice is taken.

        Raises:
            NoSampleError: A value cannot be made up.
        """
        graph, stubs = graph_of(saga), self.own is None
        found = bases(graph, inputs, stubs=stubs)
        vary = found[0].name == SAMPLE
        every = (way for one in found for way in varied(graph, one, stubs=stubs, inputs=vary))
        return different(every, self.bench(saga).trail)

    def run(self, saga: type[Saga], case: Case, way: Way) -> Trial:
        """Try a saga in one case."""
        # stdout is the report's: what handlers print goes where logs go.
        with redirect_stdout(sys.stderr):
            return self.bench(saga).run(case, way)

    def run_many(
        self, saga: type[Saga], ways: Mapping[str, Way], cases: Sequence[Case]
    ) -> Iterator[Verdict]:
        """Try a saga in many cases, one after the other."""
        for case in cases:
            yield self.run(saga, case, ways[case.way]).verdict


def explore(  # noqa: PLR0913  # all but three are options by name
    court: Court,
    saga: type[Saga],
    ways: Sequence[Way],
    *,
    run_many: Callable[..., Iterable[Verdict]] | None = None,
    both: bool | None = None,
    told: Callable[[int, int], object] = max,
) -> Report:
    """Try a saga in every case.

    Args:
        court: Where.
        saga: Its class.
        ways: The ways that it takes.
        run_many: Runs cases, in their order; by default in this process, as `Court.run_many`.
        both: Whether every pair of faults is tried; by default with stubs, of short sagas.
        told: Told after each run how many are done, and how many are known of.
    """
    stubs, began = court.own is None, time.monotonic()
    # Real handlers are slow, and what has none behind it is the same with stubs.
    tasks = [task for task in court.bench(saga).tasks if stubs or task.handler]
    by_name = {way.name: way for way in ways}
    known: set[frozenset[object]] = set()
    verdicts: list[Verdict] = []

    def wave(cases: Iterable[Case]) -> list[Seen]:
        fresh = new_ones(list(cases), known)
        first = len(verdicts)
        for verdict in (run_many or court.run_many)(saga, by_name, fresh):
            verdicts.append(verdict)
            told(len(verdicts), first + len(fresh))
        return [one.seen for one in verdicts[first:]]

    well = wave(Case(way.name) for way in ways)
    forward = wave(_forward(well, tasks, again=stubs))
    # Handlers cannot tell runs apart that look the same to them, and real ones take their time.
    led = forward if stubs else one_of_each(forward, each_way=False)
    wave(case for seen in led for case in coming_back(seen, tasks))
    back = wave(behind([*well, *forward], tasks, each_way=stubs))
    if (stubs and is_short(graph_of(saga))) if both is None else both:
        wave(pairs([*forward, *back], tasks))
    reached = {state for one in verdicts for state in one.seen.entered}
    return Report(
        saga=saga.__name__,
        verdicts=tuple(verdicts),
        unreached=tuple(task.state for task in tasks if task.state not in reached),
        seconds=time.monotonic() - began,
    )


def _forward(well: Sequence[Seen], tasks: Sequence[Task], *, again: bool) -> Iterator[Case]:
    """What goes wrong on each way: with ``again`` also where an earlier way came by."""
    known: set[str] = set()
    for seen in well:
        yield from going_forward(seen, tasks, known=known)
        if not again:
            known |= seen.entered.keys()


def is_short(graph: SagaGraph) -> bool:
    """Whether every pair of faults of a saga can be tried in a minute or two."""
    mapped = any(isinstance(node, MapNode) for node in walk(graph.nodes))
    return not mapped and len(list(steps_of(graph.nodes))) <= SHORT


# Many processes


@dataclass(frozen=True)
class Project:
    """What a process must know to try the sagas of a project.

    Attributes:
        root: Its folder.
        own: Whether its own handlers are called, on local tables; else stubs are.
        seed: Of the pauses between retries.
    """

    root: Path
    own: bool = False
    seed: int = 0


@contextmanager
def court_of(project: Project) -> Iterator[Court]:
    """A court for the sagas of a project. Enter it before its modules are imported.

    Raises:
        UsageError: ``tools/local.py`` is not what it should be, or moto is not installed.
    """
    if not project.own:
        yield Court(seed=project.seed)
        return
    with local_stack() as stack:
        yield Court(tables(stack, project.root), seed=project.seed)


def tables(stack: LocalStack, root: Path) -> Surroundings:
    """A project's own tables, as ``tools/local.py`` makes them and says what of them counts.

    Raises:
        UsageError: ``tools/local.py`` is not what it should be.
    """
    setup, stands, client = find_setup(root), find_stands(root), stack.client()
    return Surroundings(
        prepare=lambda: _told("setup", lambda: stack.prepare(setup, client)),
        stands=None if stands is None else lambda: _told("stands", lambda: stands(client)),
    )


def _told(name: str, call: Callable[[], Any]) -> Any:
    """Call a function of the project's; say which it was, where it fails."""
    try:
        return call()
    except Exception as error:
        text = f"{name} in {SETUP} failed: {type(error).__name__}: {error}"
        raise UsageError(text) from error


class Processes:
    """Processes that try sagas side by side.

    Args:
        project: Whose sagas.
        number: How many processes.
    """

    def __init__(self, project: Project, number: int) -> None:
        # Started anew, not forked: this process may have threads, and clients with connections.
        self._pool = ProcessPoolExecutor(
            number, mp_context=get_context("spawn"), initializer=_begin, initargs=(project,)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def run_many(
        self, saga: type[Saga], ways: Mapping[str, Way], cases: Sequence[Case]
    ) -> Iterable[Verdict]:
        """Try a saga in many cases; the verdicts come in the order of the cases."""
        name = f"{saga.__module__}:{saga.__qualname__}"
        calls = [(name, case, ways[case.way]) for case in cases]
        return self._pool.map(_try, calls, chunksize=_CHUNK)


_here: Final[dict[str, Court]] = {}
"""In a process of `Processes`: its court."""
_open: Final = ExitStack()
"""What that court needs, open until the process ends."""


def _begin(project: Project) -> None:
    _here["court"] = _open.enter_context(court_of(project))


def _try(call: tuple[str, Case, Way]) -> Verdict:
    name, case, way = call
    module, _, qualified = name.partition(":")
    saga = attrgetter(qualified)(import_module(module))
    return _here["court"].run(saga, case, way).verdict
