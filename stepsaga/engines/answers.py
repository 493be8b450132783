"""Answers to Tasks that wait, given through an engine."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stepsaga.errors import EngineError, TaskTimedOut, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.engines.protocol import Engine


class EngineAnswers:
    """An engine as functions see it, which are there before it is; see `stepsaga.runtime.answers`.

    Attributes:
        engine: The engine, as soon as there is one.
    """

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = engine

    def success(self, token: str, output: Any) -> None:
        """Give a Task its result. Where nothing waits any more, nothing happens.

        Raises:
            EngineError: The engine did not take the answer.
            UsageError: There is no engine.
        """
        with _unless_over():
            self._known.send_task_success(token, output)

    def failure(self, token: str, error: str, cause: str) -> None:
        """Let a Task fail; as `success`."""
        with _unless_over():
            self._known.send_task_failure(token, error=error, cause=cause)

    @property
    def _known(self) -> Engine:
        if self.engine is None:
            raise UsageError("no engine was given that could tell a Task of an answer")
        return self.engine


@contextmanager
def _unless_over() -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        if not is_over(error):
            raise


def is_over(error: EngineError) -> bool:
    """Whether an engine says that nothing waits for a token, or that it was never one."""
    return isinstance(error, TaskTimedOut) or str(error).startswith(
        ("InvalidToken", "TaskDoesNotExist", "TaskTimedOut")
    )
