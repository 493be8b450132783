"""Runs that take their time: begun before they are asked for, several at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from tests.contract.engines.observe import observe
from tests.contract.engines.reference import CASES, tables_of
from tests.contract.engines.scripts import Company
from tests.contract.engines.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Future
    from types import TracebackType

    import pytest

    from tests.contract.engines.cases import Case
    from tests.contract.engines.observe import Run
    from tests.contract.engines.on_ministack import Switchboard
    from tests.contract.engines.reference import House
    from tools.local import Ledger

T = TypeVar("T")
AT_ONCE: Final = 12
"""Runs; each is mostly a wait for another process."""


class Ahead(Generic[T]):
    """Jobs under way. A context manager: what has not begun at its end never does."""

    def __init__(self, jobs: Mapping[str, Callable[[], T]]) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._futures: dict[str, Future[T]] = {
            name: self._pool.submit(job) for name, job in jobs.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __getitem__(self, name: str) -> T:
        """What came of a job, or the error that it raised."""
        return self._futures[name].result()


@dataclass
class StageAhead(Stage):
    """A stage on which each case has a company of its own, so that many are played at once."""

    switchboard: Switchboard = field(kw_only=True)

    @contextmanager
    def playing(self, cases: Mapping[str, Case]) -> Iterator[Self]:
        """The stage, on which these cases are under way."""
        for case in cases.values():
            self.machine(self.given(case))
        with Ahead({name: partial(self._play, case) for name, case in cases.items()}) as ahead:
            self._ahead = ahead
            yield self

    def run(self, case: Case) -> Run:
        """What was seen of a case that is under way, or over."""
        return self._ahead[case.name]

    def _play(self, case: Case) -> Run:
        company = Company(self.store, script=case.script, engine=self.engine)
        self.switchboard.connect(case.name, company)
        arn = self.engine.start(self.machine(self.given(case)), case.input, name=case.name)
        try:
            view = self.engine.wait(arn)
        finally:
            self.switchboard.over(case.name)
        return observe(self.engine, view, company.invocations, self.store)


class HousesAhead:
    """Houses of which each does one thing at a time: no two runs count in the same tables."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard
        self._free: SimpleQueue[House] = SimpleQueue()

    @contextmanager
    def working(self, names: Iterable[str]) -> Iterator[Self]:
        """The houses, where these cases are under way."""
        houses = [replace(self._house, tables=tables_of(f"house{n}")) for n in range(AT_ONCE)]
        for house in houses:
            self._free.put(house.open())
        for name in names:
            self._house.machine(CASES[name])
        with Ahead({name: partial(self._work, name) for name in names}) as ahead:
            self._ahead = ahead
            yield self
        for house in houses:
            house.close()

    def run(self, name: str) -> tuple[Run, Ledger, Ledger]:
        """What was seen of a case that is under way, or over; see `House.run`."""
        return self._ahead[name]

    def _work(self, name: str) -> tuple[Run, Ledger, Ledger]:
        house = self._free.get()
        try:
            return replace(house, use=partial(self._switchboard.connect, name)).run(name)
        finally:
            self._switchboard.over(name)
            self._free.put(house)


def asked_for(request: pytest.FixtureRequest, engine: str, parameter: str) -> dict[str, Any]:
    """What this module's tests on an engine, those that were chosen, will ask for, by name."""
    items = [item for item in request.session.items if item.path == request.path]
    given = [item.callspec.params for item in items if hasattr(item, "callspec")]
    values = [one[parameter] for one in given if one.get("engine") == engine and parameter in one]
    return {getattr(value, "name", value): value for value in values}
