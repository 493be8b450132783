"""One saga on trial: run in one case, mended where it is stuck, and held against the laws."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl import build
from stepsaga.asl.service_rules import ENDS
from stepsaga.asl.undo import UNDO_RETRY
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.sagas import plan_of
from stepsaga.graph import Role, steps_of
from stepsaga.runtime.call import Part
from stepsaga.runtime.runtime import load
from stepsaga.runtime.values import JsonType
from stepsaga.store.commits import Outcome
from stepsaga.store.events import streams_of_items
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import stream_of
from stepsaga.testing.answering import Answering, Manner
from stepsaga.testing.by_hand import fill_by_hand, waiting_for_a_person
from stepsaga.testing.cases import Case, Seen, Task
from stepsaga.testing.children import Nursery, Telling
from stepsaga.testing.family import family_of, label, returning
from stepsaga.testing.files import put_files
from stepsaga.testing.laws import Broken, Story, broken_laws, found_by, step_of
from stepsaga.testing.stubs import Stubs
from stepsaga.testing.ways import Trail
from stepsaga.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from stepsaga.asl.release import Compiled
    from stepsaga.client.operator import Stuck as OperatorsStuck
    from stepsaga.engines.protocol import ExecutionView, HistoryEvent
    from stepsaga.engines.simulator.sagas import Plan
    from stepsaga.graph import SagaGraph, StepNode
    from stepsaga.runtime.context import SagaContext
    from stepsaga.store.commits import Commit
    from stepsaga.testing.children import ChildRun
    from stepsaga.testing.ways import Way

REDRIVES: Final = 60
"""More than there are Tasks that one fault can make fail, one at a time."""
TIMES_OUT: Final = frozenset({"times out before", "times out after", "lands late"})
IN_UNDO: Final = UNDO_RETRY.attempts
"""How often what is undone from the log is tried."""
SAGA_ID: Final = "trial"
STUCK_FOR_A_REASON: Final = (
    "a saga is stuck only where something was made to fail for good, or a person is needed"
)
MENDED: Final = "a saga that was stuck ends once it is mended and redriven"
NET_EFFECT: Final = "what is compensated has the net effect of nothing"
SAME_EFFECT: Final = "what is completed has its effect once"

_UNANSWERED: Final = " unanswered"
_BEHIND: Final = ("undo ", "verify ", "settle ", "items of ", "adopt ", "record the end")
"""How the names begin of Tasks that are reached only where something has failed."""


@dataclass(frozen=True)
class Surroundings:
    """What the project's own handlers work on.

    Attributes:
        prepare: Makes it anew, before each run.
        stands: What of it counts: what a compensated saga must leave as it was, as values that can
            be compared and shown. None where nobody says; then only the log is held to the laws.
        resources: What replaces the participants' own, by name.
    """

    prepare: Callable[[], None] | None = None
    stands: Callable[[], Any] | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stuck:
    """Where a saga was stuck, before it was mended.

    Attributes:
        state: The Task that failed.
        error: Its error.
        struck: Whether that Task was made to fail in every attempt.
        person: Whether it waits for somebody to find out (rule 27).
    """

    state: str
    error: str
    struck: bool
    person: bool

    @property
    def next_action(self) -> str:
        """What an operator does."""
        if self.person:
            return f"find out what became of it, fill its slot, redrive ({self.state})"
        return f"mend what {self.state!r} fails of, redrive"


@dataclass(frozen=True)
class Verdict:
    """What came of one run, and what is wrong with it.

    Attributes:
        case: What was to go wrong.
        ending: How the saga ended, before anything was mended.
        stuck: Where it was stuck, if it was.
        broken: The laws that do not hold.
        mended: The children that were stuck meanwhile, and where; each was mended and redriven.
        idle: What was to go wrong and did not, because the saga did not come there.
        seen: What further cases are made of.
    """

    case: Case
    ending: Ending
    stuck: Stuck | None
    broken: tuple[Broken, ...]
    idle: tuple[str, ...]
    seen: Seen
    mended: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """One run with all that is known of it: the execution and its log, mended where it was stuck.

    Attributes:
        verdict: What came of it.
        view: The execution at its end.
        history: The execution's history.
        commits: Its commits, in the order of their slots.
        world: What the stubs have done; None where the handlers are the saga's own.
        children: The children that it has started, in that order.
        inside: The states of the executions of its distributed maps' items.
    """

    verdict: Verdict
    view: ExecutionView
    history: tuple[HistoryEvent, ...]
    commits: tuple[Commit, ...]
    world: World | None
    children: tuple[ChildRun, ...] = ()
    inside: frozenset[str] = frozenset()


class Bench:
    """A saga that is to be tried: with stubs, or with handlers of its own.

    Args:
        graph: The saga.
        compiled: The same, compiled.
        own: What its own handlers work on; None for stubs.
        seed: Of the pauses between retries.
    """

    def __init__(
        self,
        graph: SagaGraph,
        compiled: Compiled,
        *,
        own: Surroundings | None = None,
        seed: int = 0,
    ) -> None:
        self.graph = graph
        self.compiled = compiled
        self._own = own
        self._seed = seed
        self._values: Mapping[str, Any] = {}
        self._stubs = Stubs(graph, self._result)
        self._effects: dict[str, tuple[Any, dict[Hashable, Any]]] = {}
        self._labels = {id(node): name for name, node in returning(graph)}
        self._types = {name: JsonType(one.call.returns) for name, one in returning(graph)}
        self.family = family_of(graph)
        self.sagas = (compiled, *map(build, list(self.family.values())[1:]))
        self._final = {
            label(graph, saga, node.name)
            for saga, one in self.family.items()
            for node in steps_of(one.nodes)
            if node.role is Role.RETRIABLE
        }

    @cached_property
    def _plan(self) -> Plan:
        return plan_of(self.sagas)

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The Tasks that can have faults."""
        asks = dict(_questions(self.compiled.definition))
        return tuple(
            Task(
                state=target.name,
                record=target.record,
                handler=target.handler,
                behind=target.state.startswith(_BEHIND) or target.state.endswith(_UNANSWERED),
                probe=target.state.startswith("verify "),
                asks="" if target.saga else asks.get(target.state, ""),
                starts=target.starts if not target.saga else "",
                saga=target.saga,
                possible=target.kinds,
                service=target.service,
            )
            for target in self._plan.targets
        )

    @cached_property
    def waiting(self) -> set[str]:
        """The Tasks that wait for children."""
        return {one.name for one in self._plan.targets if one.child}

    @cached_property
    def undoing(self) -> Mapping[tuple[str, str], str]:
        """The Tasks that undo steps, by saga and step."""
        own = self.graph.name
        return {(one.saga or own, one.undoes): one.name for one in self._plan.targets if one.undoes}

    @cached_property
    def attempts(self) -> Mapping[str, int]:
        """How often each Task is tried, where its handler raises."""
        return {
            label(self.graph, one.name, state): number
            for one in self.sagas
            for state, number in _attempts(one.definition)
        }

    def may_stick(self, state: str) -> bool:
        """Whether a saga may be stuck at a Task: before the pivot, going forward, it may not."""
        saga, sign, name = state.rpartition(":")
        first, _, rest = name.partition(" ")
        service = first in {"record", "adopt"} and name not in ENDS
        retriable = f"{saga}{sign}{(rest if service else name).rpartition('.')[2]}" in self._final
        if service:
            return retriable
        return retriable or name in ENDS or name.startswith(_BEHIND) or name.endswith(_UNANSWERED)

    def trail(self, way: Way) -> Trail:
        """The states to which a way leads where nothing fails, and where it leaves choices."""
        trial = self.run(Case(way.name), way)
        entered = [one for one in trial.history if one.type.endswith("StateEntered")]
        names = [str(one.details["name"]) for one in entered]
        left = [
            (name, after)
            for one, name, after in zip(entered, names, names[1:], strict=False)
            if one.type == "ChoiceStateEntered"
        ]
        completed = trial.verdict.ending is Ending.COMPLETED
        return Trail(completed, frozenset([*names, *trial.inside, *left]))

    def run(self, case: Case, way: Way) -> Trial:
        """Run the saga in one case.

        Raises:
            UsageError: A fault that cannot be.
        """
        return _Run(self, case, way).trial()

    # What a run needs

    def begin(self, way: Way) -> World | None:
        """Make everything anew."""
        self._values = {
            step: self._types[step].read(step, value) for step, value in way.results.items()
        }
        if self._own is None:
            self._stubs.world, self._stubs.worlds = World(), {}
            return self._stubs.world
        if self._own.prepare is not None:
            self._own.prepare()
        return None

    @property
    def worlds(self) -> Mapping[str, World] | None:
        """What the stubs of children have done, by stream; None where there are no stubs."""
        return self._stubs.worlds if self._own is None else None

    def simulator(self, store: Answering, case: Case, watch: Nursery) -> Simulator:
        """A simulator for one run."""
        return Simulator.for_sagas(
            self._plan,
            store=store,
            resolve=self._stubs.resolve if self._own is None else load,
            resources=None if self._own is None else self._own.resources,
            # Without a fault there would be none to count: what is None never strikes.
            faults=dict(case.faults) or {self.tasks[0].state: None},
            seed=self._seed,
            watch=watch,
            services=self._stubs if self._own is None else None,
        )

    def stands(self) -> Any:
        """What stands of what the saga's own handlers did; None where nobody can tell."""
        own = self._own
        return own.stands() if own is not None and own.stands is not None else None

    def effects(self, way: Way, ending: Ending, told: Hashable) -> tuple[str, Any] | None:
        """What must stand after a run: as before it, or as where nothing goes wrong.

        Args:
            way: The way.
            ending: How the run ended.
            told: Which steps have results. Where it is others than where nothing goes wrong, there
                is nothing to compare with.
        """
        if self._own is None or self._own.stands is None:
            return None
        if way.name not in self._effects:
            self.begin(way)
            before = self.stands()
            self._effects[way.name] = before, {}
            # What comes of it without a fault is the measure, so it cannot be held against it.
            well = _Run(self, Case(way.name), way)
            well.go()
            self._effects[way.name] = before, {well.told: self.stands()}
        before, after = self._effects[way.name]
        if ending is Ending.COMPENSATED:
            return NET_EFFECT, before
        return (SAME_EFFECT, after[told]) if told in after else None

    def answer(self, step: str) -> Any:
        """What is answered to a question."""
        return self._types[step].write(self._values[step])

    def recorded(self, node: StepNode, key: str) -> Any:
        """What a step has returned, as it is recorded."""
        del key
        return self.answer(self._labels[id(node)])

    def _result(self, node: StepNode, saga: SagaContext) -> Any:
        del saga
        return self._values[self._labels[id(node)]]


class _Run:
    """One run, under way."""

    def __init__(self, bench: Bench, case: Case, way: Way) -> None:
        self._bench = bench
        self._case = case
        self._way = way
        self._world: World | None = None
        self._store = MemoryStore(bucket="results")
        self._stream = stream_of(bench.compiled.name, SAGA_ID)
        self._nursery = Nursery(
            bench.family,
            {one.name: one for one in bench.sagas},
            self._stream,
            self._store,
            {step: how for step, how in case.manners if isinstance(how, Telling)},
            self._fill,
            self._explained,
        )

    def go(self) -> ExecutionView:
        """Run it to its first end."""
        bench = self._bench
        self._world = bench.begin(self._way)
        manners = {step: how for step, how in self._case.manners if isinstance(how, Manner)}
        store = Answering(self._store, bench.graph, manners, bench.answer)
        self._simulator = bench.simulator(store, self._case, self._nursery)
        store.on_simulator(self._simulator)
        self._nursery.on(self._simulator)
        if len(bench.sagas) > 1:  # they may be undone from their logs
            for one in bench.sagas:
                self._store.put_definition(one.fingerprint, one.graph)
        put_files(bench.graph, self._way.input, self._way.results, self._store.objects)
        self._arn = self._simulator.start(bench.compiled.name, self._way.input, name=SAGA_ID)
        view = self._simulator.wait(self._arn)
        self._settle()
        return view

    def _settle(self) -> None:
        """Let everything happen that is under way, and read the log: it is complete now."""
        self._simulator.settle()
        own = list(self._store.read(self._stream))
        items = [one for shard in streams_of_items(own) for one in self._store.read(shard)]
        self._commits = sorted([*own, *items], key=lambda one: one.slot)
        self._children = tuple(self._nursery.runs())

    def trial(self) -> Trial:
        """Run it, mend it where it is stuck, and hold it against the laws."""
        view = self.go()
        ending, stuck, last, broken = ending_of(view), None, view, []
        idle, seen = tuple(self._idle()), self._seen()
        if ending is Ending.STUCK:
            stuck = self._stuck(view)
            broken += broken_laws(self._story(view))
            if not (stuck.struck or stuck.person):
                text = f"it is stuck at {stuck.state!r}: {stuck.error}"
                broken.append(Broken(STUCK_FOR_A_REASON, text))
            elif not stuck.person or self._world is not None:
                last = self._mended()
                if ending_of(last) is Ending.STUCK:
                    broken.append(Broken(MENDED, f"it is stuck at {self._stuck(last).state!r}"))
        if last is not view or stuck is None:
            broken += broken_laws(self._story(last))
            broken += self._effects(ending_of(last))
        broken += self._nursery.broken
        kept = tuple(dict.fromkeys(broken))
        return Trial(
            Verdict(self._case, ending, stuck, kept, idle, seen, tuple(self._nursery.mended)),
            view=last,
            history=tuple(self._simulator.history(self._arn)),
            commits=tuple(self._commits),
            world=self._world,
            children=self._children,
            inside=frozenset(self._simulator.inside(self._arn)),
        )

    @property
    def told(self) -> Hashable:
        """Which steps have results."""
        return frozenset(one.slot for one in self._commits if one.outcome is Outcome.RESULT)

    def _story(self, view: ExecutionView) -> Story:
        return Story(
            self._bench.graph,
            ending_of(view),
            view.error or "",
            self._commits,
            self._world,
            children=self._nursery.stories(self._children, self._bench.worlds),
        )

    def _mended(self) -> ExecutionView:
        """Mend what was made to fail, say what only a person can find out, and redrive."""
        if self._simulator.faults is not None:
            self._simulator.faults.mend()
        view = self._simulator.describe(self._arn)
        for _ in range(REDRIVES):
            if ending_of(view) is not Ending.STUCK:
                break
            self._fill(self._stream)
            self._simulator.redrive(self._arn)
            view = self._simulator.wait(self._arn)
        self._settle()
        return view

    def _fill(self, stream: str) -> None:
        """Say what only a person can find out of a saga, or of a child."""
        worlds = self._bench.worlds
        if self._world is not None and worlds is not None:
            graph = self._bench.family[stream.partition("#")[0]]
            world = self._world if stream == self._stream else worlds.get(stream, World())
            fill_by_hand(graph, stream, world, self._store, self._bench.recorded)

    def _stuck(self, view: ExecutionView) -> Stuck:
        state = self._last_state()
        struck = self._struck(state)
        waits = any(waiting_for_a_person(self._bench.graph, self._commits))
        person = waits and view.error == "StepFailedForGood"
        return Stuck(state, _error(view), struck, person and not struck)

    def _explained(self, saga: str, stuck: OperatorsStuck) -> str:
        """What was made to fail in a child that is stuck, or what it waits for."""
        bench, stream = self._bench, stream_of(saga, stuck.status.id)
        tried = {
            task.state: min(bench.attempts.get(task.state, 1), IN_UNDO) for task in bench.tasks
        }
        for state, number in self._strikes.items():
            often = number >= tried[state] or state in self._given_up
            if state.startswith(f"{saga}:") and often and bench.may_stick(state):
                return state
        waits = any(waiting_for_a_person(bench.family[saga], list(self._store.read(stream))))
        return "a person" if waits else ""

    def _last_state(self) -> str:
        history = self._simulator.history(self._arn)
        entered = [one for one in history if one.type.endswith("StateEntered")]
        return str(entered[-1].details["name"]) if entered else ""

    def _struck(self, state: str) -> bool:
        """Whether a Task that may stick was made to fail as often as it was tried.

        Of a fork, whether one in it was.
        """
        bench = self._bench
        struck = {one for one, n in self._strikes.items() if n >= bench.attempts.get(one, 1)}
        struck |= self._given_up | self._unheard
        if state.startswith("settle "):
            fork = f"{state.rpartition(' ')[2]}."
            struck |= {state for one in struck if one.rpartition(" ")[2].startswith(fork)}
        return state in struck and bench.may_stick(state)

    @property
    def _strikes(self) -> Counter[str]:
        faults = self._simulator.faults
        return Counter(one.state for one in faults.injected) if faults else Counter()

    @property
    def _unheard(self) -> set[str]:
        """Tasks that undo a child of whose end nobody hears."""
        bench, told = self._bench, self._case.manners
        never = {(bench.graph.name, step) for step, how in told if how is Telling.NEVER}
        return {name for key, name in bench.undoing.items() if key in never}

    @property
    def _given_up(self) -> set[str]:
        """Tasks that wait for a child, and whose time went by: that is not tried again."""
        faults = self._simulator.faults
        late = [one for one in faults.injected if one.kind in TIMES_OUT] if faults else []
        return {one.state for one in late} & self._bench.waiting

    def _idle(self) -> Iterator[str]:
        """What did not come to pass: a fault that struck less often than was wanted."""
        for state, pattern in self._case.faults:
            wanted = 1 if isinstance(pattern, str) else len([one for one in pattern if one])
            if self._strikes[state] < wanted:
                yield state
        entered = self._entered()
        tasks = self._bench.tasks
        states = {one: task.state for task in tasks if (one := task.asks or task.starts)}
        for step, _ in self._case.manners:
            if not entered[states[step]]:
                yield step

    def _entered(self) -> Counter[str]:
        names = {task.state for task in self._bench.tasks}
        graph, history = self._bench.graph, self._simulator.history(self._arn)
        entered = [(graph.name, one) for one in history]
        for child in self._children:
            entered += [(child.saga, one) for one in child.history]
        found = Counter(
            name
            for saga, one in entered
            if one.type == "TaskStateEntered"
            and (name := label(graph, saga, str(one.details["name"]))) in names
        )
        inside = {k: n for k, n in self._simulator.inside(self._arn).items() if k in names}
        return found + Counter(inside) + Counter(self._undone_from_logs(names - found.keys()))

    def _undone_from_logs(self, names: set[str]) -> Iterator[str]:
        """The Tasks that stand for what was undone of children from their logs."""
        for child in self._children:
            for commit in child.commits:
                if commit.outcome is Outcome.COMPENSATED:
                    state = self._bench.undoing.get((child.saga, step_of(commit)), "")
                    if state in names:
                        yield state

    def _seen(self) -> Seen:
        faults = self._simulator.faults
        return Seen(
            case=self._case,
            entered=dict(self._entered()),
            attempts=faults.attempts(self._arn) if faults else {},
            found=dict(self._found()),
        )

    def _found(self) -> Iterator[tuple[str, str]]:
        by_step = {step_of(one): found_by(one) for one in self._commits if found_by(one)}
        for task in self._bench.tasks:
            step = task.state.rpartition(" ")[2].rpartition(".")[2]
            if task.state.startswith("undo ") and step in by_step:
                yield task.state, by_step[step]

    def _effects(self, ending: Ending) -> Iterator[Broken]:
        stands, told = self._bench.stands(), self.told
        if ending not in {Ending.COMPLETED, Ending.COMPENSATED}:
            return
        wanted = self._bench.effects(self._way, ending, told)
        if wanted is not None and stands != wanted[1]:
            yield Broken(wanted[0], difference(wanted[1], stands))


def difference(wanted: Any, found: Any) -> str:
    """Where two values differ, in words."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        parts = [
            f"{key}: {difference(wanted.get(key), found.get(key))}"
            for key in dict.fromkeys([*wanted, *found])
            if wanted.get(key) != found.get(key)
        ]
        return "; ".join(parts)
    return f"{found!r} stands, and should be {wanted!r}"


def _error(view: ExecutionView) -> str:
    try:
        told = json.loads(view.cause or "")
        text = str(told["errorMessage"])
    except (ValueError, LookupError, TypeError):
        text = view.cause or ""
    return f"{text} ({view.error})" if text else str(view.error)


def _blocks(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every Task of a definition, those of branches and items included."""
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield name, state
        for block in (*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])):
            yield from _blocks(block)


def _questions(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, state in _blocks(definition):
        payload = state.get("Parameters", {}).get("Payload", {})
        if isinstance(payload, dict) and payload.get("part") == Part.QUESTION:
            yield name, payload["step"]


def _attempts(definition: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for name, state in _blocks(definition):
        retriers: Sequence[Mapping[str, Any]] = state.get("Retry", ())
        own = [one["MaxAttempts"] for one in retriers if "StepFailed" in one["ErrorEquals"]]
        record = [one["MaxAttempts"] for one in retriers if "States.ALL" in one["ErrorEquals"]]
        yield name, 1 + min([*own, *record], default=0)
