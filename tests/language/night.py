"""One saga of a night: without a fault, and with every single one.

What was asked for is not always reached: a step in a way that is not gone is never called, and most
steps are called once only. A fault that does not strike changes nothing, so its run would be one
that was made already. What is called in a run is known from it: the simulator does the same again.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from itertools import groupby, product
from random import Random
from typing import TYPE_CHECKING, Final

from hypothesis import HealthCheck, given, settings

from stepsaga.testing.answering import Manner
from tests.language.faults import LEADS_BACK, every_fault, is_behind, triggers
from tests.language.oracle import assert_goes_well
from tests.language.running import assert_laws, run
from tests.language.sagas import AnySaga, any_sagas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepsaga.engines.faults import Target
    from tests.language.faults import Wanted
    from tests.language.running import Done

    Manners = Mapping[str, Manner]

ENTROPY: Final = 16_384
"""Random bytes from which a saga is made: more than any takes."""
MOST_TRIGGERS: Final = 4
"""So many of the failures that lead back are behind what goes wrong on the way back."""


@dataclass
class Told:
    """What became of a saga.

    Attributes:
        number: Of the saga.
        runs: How often it was run.
        struck: How many faults struck, each in a run of its own.
        idle: How many faults cannot strike in this saga, with this input.
        violation: What was not true: the saga, the run, where it showed. Empty where all was.
    """

    number: int
    runs: int = 0
    struck: int = 0
    idle: int = 0
    violation: str = ""


def told_of(seed: int, number: int, *, children: int = 0) -> Told:
    """Run a saga of a night, by its number, with every fault; stop at what is not true.

    Args:
        seed: Of the night.
        number: Of the saga.
        children: How many it has at least.
    """
    told = Told(number)
    saga = saga_of(seed, number, children=children)
    night = Night(saga, Random(f"{seed}/{number}/faults"), told)  # noqa: S311  # no secret
    try:
        night.go()
    except Exception:  # noqa: BLE001  # whatever it is, it must not end the night
        asked = {name: manner.value for name, manner in night.manners.items()}
        wanted = {state: shown(kinds) for state, kinds in night.wanted.items() if kinds}
        lines = [repr(saga), f"faults={wanted}", f"answers={asked}", traceback.format_exc()]
        told.violation = "\n".join(lines)
    return told


def shown(kinds: str | Sequence[str | None]) -> str:
    """What goes wrong in a Task, call by call: ``None, 1000 x raises``."""
    if isinstance(kinds, str):
        return f"always {kinds}"
    runs = [(kind, len(list(same))) for kind, same in groupby(kinds)]
    return ", ".join(f"{number} x {kind}" if number > 1 else f"{kind}" for kind, number in runs)


def saga_of(seed: int, number: int, *, children: int = 0) -> AnySaga:
    """A saga by its number: the same in every process, and like none of its neighbours."""
    found: list[AnySaga] = []

    @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(saga=any_sagas(children=children))
    def take(saga: AnySaga) -> None:
        found.append(saga)

    random = Random(f"{seed}/{number}")  # noqa: S311  # no secret
    while not found:  # what is no saga is drawn again
        take.hypothesis.fuzz_one_input(random.randbytes(ENTROPY))  # type: ignore[attr-defined]
    return found[0]


class Night:
    """Runs a saga with every fault.

    Args:
        saga: The saga.
        random: Which manners of answering, and which failures that lead back, are taken.
        told: What is added up.
    """

    def __init__(self, saga: AnySaga, random: Random, told: Told) -> None:
        self._saga = saga
        self._random = random
        self._told = told
        self._turns = turns(saga, random)
        leading = triggers(saga)
        self._leading = random.sample(leading, min(len(leading), MOST_TRIGGERS))
        self._known: dict[str, Mapping[str, int]] = {}
        self.wanted: Wanted = {}
        """What is to go wrong in the run that is under way, or was the last."""
        self.manners: Manners = {}
        """How questions are answered in it."""

    def go(self) -> None:
        """Run it without a fault, then with each.

        Raises:
            AssertionError: A law was broken.
        """
        self._told.runs += 1
        assert_goes_well(self._saga)
        for target, first, kinds in every_fault(self._saga):
            for before in self._before(target):
                self._strike(target.name, first, kinds, before)

    def _before(self, target: Target) -> list[list[Wanted]]:
        """What can lead to a Task: one of each list."""
        if not is_behind(target):
            return [[{}]]
        return [[{one.name: why} for one in self._leading] for why in LEADS_BACK]

    def _strike(
        self, state: str, first: int, kinds: Sequence[str | None], before: list[Wanted]
    ) -> None:
        """Run it with a fault, in the first of all ways in which it strikes."""
        chances = list(product(before, self._turns))
        self._random.shuffle(chances)
        for leading, manners in chances:
            if self._called(leading, manners).get(state, 0) > first:
                done = self._run({**leading, state: kinds}, manners)
                assert state in done.struck, "what was called is called again"
                self._told.struck += 1
                return
        self._told.idle += 1

    def _called(self, wanted: Wanted, manners: Manners) -> Mapping[str, int]:
        """How often each Task is called where nothing else goes wrong."""
        key = repr((wanted, manners))
        if key not in self._known:
            all_states: Wanted = {target.name: [] for target in self._saga.plan.targets}
            self._known[key] = self._run({**all_states, **wanted}, manners).called
        return self._known[key]

    def _run(self, wanted: Wanted, manners: Manners) -> Done:
        self.wanted, self.manners = wanted, manners
        self._told.runs += 1
        done = run(self._saga, wanted, manners=manners)
        assert_laws(done)
        return done


def turns(saga: AnySaga, random: Random) -> list[Manners]:
    """In each turn a question is answered in another manner; in all of them in every one."""
    manners = list(Manner)
    begin = {name: random.randrange(len(manners)) for name in saga.manners}
    if not begin:
        return [{}]
    return [
        {name: manners[(first + turn) % len(manners)] for name, first in begin.items()}
        for turn in range(len(manners))
    ]
