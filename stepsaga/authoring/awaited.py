"""A step whose result comes from outside: what questions and children have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from stepsaga.authoring.data import Reference, SagaData
from stepsaga.authoring.step import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from stepsaga.authoring.step import Default, Retry

A = TypeVar("A")


class Awaited(Step[A]):
    """A step that calls, and then waits for what comes back.

    Attributes:
        answer: The type of what comes back, which is the step's result.
        wait: How long it is waited for; None where that follows from what is called.
    """

    __slots__ = ("answer", "wait")

    def __init__(  # noqa: PLR0913  # a step's options
        self,
        handler: object,
        answer: Any,
        *,
        wait: timedelta | None,
        retry: Retry | Default | None,
        compensation: Callable[..., object] | None = None,
        read_only: bool = False,
        takes: Mapping[str, object] | None,
    ) -> None:
        super().__init__(
            cast("Callable[..., A]", handler),
            compensation=compensation,
            retry=retry,
            read_only=read_only,
            takes=takes,
        )
        self.answer = answer
        self.wait = wait

    @property
    def result(self) -> A:
        """What comes back as saga data, for ``takes`` and conditions."""
        return cast("A", SagaData(Reference(self, (), self.answer)))

    def __repr__(self) -> str:
        name = getattr(self.handler, "__qualname__", repr(self.handler))
        return f"{type(self).__name__}({name})"
