"""Try everything that can go wrong in a saga, as one line of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from stepsaga.errors import UsageError
from stepsaga.testing.cases import parse_case
from stepsaga.testing.matrix import Court, Report, explore
from stepsaga.testing.runner import json_of
from stepsaga.testing.trial import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stepsaga.asl.release import Compiled
    from stepsaga.authoring import Saga
    from stepsaga.testing.trial import Trial
    from stepsaga.testing.ways import Way


class LawBroken(AssertionError):
    """A saga breaks a law: says which, what happened in the run, and how to see it again."""


class SagaVerifier:
    """Tries sagas in every case, on the simulator.

    Args:
        tell: A run as text, for the message of a test that fails.
        local: What real handlers work on, where a test does not say.
    """

    def __init__(
        self, tell: Callable[[Compiled, Trial], str], local: Callable[[], Surroundings]
    ) -> None:
        self._tell = tell
        self._local = local

    def __call__(  # noqa: PLR0913  # all but the saga are options by name
        self,
        saga: type[Saga],
        *,
        handlers: Literal["stub", "real"] = "stub",
        input: Any = None,  # noqa: A002  # as Step Functions names it
        pairs: bool = False,
        seed: int = 0,
        only: Sequence[str] = (),
        way: str | None = None,
        resources: Mapping[str, Any] | None = None,
        prepare: Callable[[], None] | None = None,
        stands: Callable[[], Any] | None = None,
    ) -> Report:
        """Try a saga.

        Args:
            saga: Its class.
            handlers: Stubs, which keep a ledger, or the saga's own.
            input: An instance of its input's model, or JSON values; by default it is made up.
            pairs: Whether every pair of faults is tried, too.
            seed: Of the pauses between retries.
            only: One case alone, as `stepsaga verify --only` has it: ``["charge=raises,ok"]``.
            way: One way through the saga alone, by its name.
            resources: What replaces those of the participants, by name; for real handlers, as are
                the two that follow.
            prepare: Makes what the handlers work on anew, before each run.
            stands: What of it counts: what a compensated saga must leave as it was.

        Returns:
            What came of each run.

        Raises:
            LawBroken: A law does not hold.
            UsageError: No input can be made up, or a fault that cannot be.
        """
        own = None
        if handlers == "real":
            local = Surroundings() if prepare else self._local()
            own = Surroundings(
                prepare or local.prepare, stands or local.stands, resources or local.resources
            )
        elif resources or prepare or stands:
            raise UsageError('stubs work on nothing of yours: write handlers="real"')
        court = Court(own, seed=seed)
        inputs = {} if input is None else {"input": json_of(saga, input)}
        ways = [one for one in court.ways(saga, inputs) if way in (None, one.name)]
        if not ways:
            raise UsageError(f"way={way!r} is no way through {saga.__name__}")
        report = _one(court, saga, ways[0], only) if only else None
        report = report or explore(court, saga, ways, both=pairs)
        if report.broken:
            raise LawBroken(self._text(court, saga, ways, report))
        return report

    def _text(self, court: Court, saga: type[Saga], ways: Sequence[Way], report: Report) -> str:
        first, runs = report.broken[0], len(report.verdicts)
        by_name = {way.name: way for way in ways}
        trial = court.run(saga, first.case, by_name[first.case.way])
        again = f"only={list(first.case.texts)}, way={first.case.way!r}"
        return (
            f"{len(report.broken):,} of {runs:,} runs break a law. The first:\n\n"
            f"{self._tell(court.bench(saga).compiled, trial)}\n"
            f"  to see it again: verify_saga({saga.__name__}, {again}, ...)"
        )


def _one(court: Court, saga: type[Saga], way: Way, only: Sequence[str]) -> Report:
    verdict = court.run(saga, parse_case(way.name, only, "only"), way).verdict
    if verdict.idle:
        states = ", ".join(map(repr, verdict.idle))
        raise UsageError(f"the fault on {states} never struck: the saga did not get there")
    return Report(saga.__name__, (verdict,), (), 0.0)
