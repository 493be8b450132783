"""What stands between a client and its world, and lets something happen there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.errors import EngineUnreachable, ExecutionMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.errors import EngineError
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import ClientStore


class Slow:
    """A store after whose first answer somebody else does something, once."""

    def __init__(self, store: ClientStore, then: Callable[[], object]) -> None:
        self._store = store
        self._then: Callable[[], object] | None = then

    def first(self, stream_id: str) -> Commit | None:
        """As the store behind; by the time the answer arrives it is an old one."""
        answer = self._store.first(stream_id)
        then, self._then = self._then, None
        if then is not None:
            then()
        return answer

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """As the store behind."""
        return self._store.read(stream_id, prefix)

    def append(self, commit: Commit) -> Commit:
        """As the store behind."""
        return self._store.append(commit)

    def get_definition(self, fingerprint: str) -> Mapping[str, Any] | None:
        """As the store behind."""
        return self._store.get_definition(fingerprint)


class _Passes:
    """An engine in front of another; those below change one thing."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


class LosesReplies(_Passes):
    """An engine that starts what it is to start, and whose reply never arrives."""

    def start(self, machine: str, input: Any, *, name: str) -> str:  # noqa: A002  # as in `Engine`
        """Start, and say that nobody answered."""
        self.engine.start(machine, input, name=name)
        raise EngineUnreachable("no answer")


class SeesLate(_Passes):
    """An engine that does not know of an execution when it is asked, some times."""

    def __init__(self, engine: Any, *, times: int) -> None:
        super().__init__(engine)
        self.times = times

    def describe(self, arn: str) -> ExecutionView:
        """Know of nothing, as long as it is to."""
        if self.times:
            self.times -= 1
            raise ExecutionMissing(f"ExecutionDoesNotExist: {arn}")
        view: ExecutionView = self.engine.describe(arn)
        return view


class Forgets(_Passes):
    """An engine that refuses a name some times, and does not know it when it is asked."""

    def __init__(self, engine: Any, *, times: int, error: type[EngineError]) -> None:
        super().__init__(engine)
        self.times = times
        self.error = error

    def start(self, machine: str, input: Any, *, name: str) -> str:  # noqa: A002  # as in `Engine`
        """Refuse, as long as it is to."""
        if self.times:
            self.times -= 1
            raise self.error(name)
        started: str = self.engine.start(machine, input, name=name)
        return started

    def describe(self, arn: str) -> ExecutionView:
        """Know of nothing."""
        raise ExecutionMissing(f"ExecutionDoesNotExist: {arn}")
