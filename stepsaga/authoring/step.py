"""What stands in a saga's class body: `Step` and `Retry`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NoReturn, TypeVar, cast

from stepsaga.authoring.data import Own, Reference, SagaData
from stepsaga.authoring.hints import returns
from stepsaga.authoring.place import class_body, here
from stepsaga.authoring.standin import Standin, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often and when a step is tried again after an error that leaves its outcome unknown.

    Attributes:
        attempts: All attempts, the first included; 1 to 1000.
        wait: Before the second attempt; whole seconds, at least one.
        backoff: By which each pause is longer than the one before; 1 to 100.
        longest_wait: No pause is longer.
        jitter: Spread the pauses at random between none and full, so that many sagas that failed
            together do not come back together.
        only: Retry these exceptions and their subclasses alone; empty means all.
        never: Never retry these and their subclasses.

    The ranges are Step Functions':
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """

    attempts: int = 3
    wait: timedelta = timedelta(seconds=1)
    backoff: float = 2.0
    longest_wait: timedelta = timedelta(minutes=1)
    jitter: bool = True
    only: tuple[type[Exception], ...] = ()
    never: tuple[type[Exception], ...] = ()


class Default:
    """Says that an option was not given."""


DEFAULT: Final = Default()

STEP_RETRY: Final = Retry()
"""Before and at the pivot: soon the saga would rather be undone."""

UNDO_RETRY: Final = Retry(attempts=10, wait=timedelta(seconds=2), longest_wait=timedelta(minutes=5))
"""Compensations and probes: about 14 minutes of pauses, then a person is needed."""

FORWARD_RETRY: Final = Retry(
    attempts=60, wait=timedelta(seconds=2), longest_wait=timedelta(hours=1)
)
"""After the pivot: a little over two days of pauses, then a person is needed."""

TIMEOUT: Final = timedelta(seconds=30)


class Step(Standin, Generic[R]):
    """One step of a saga: a handler, and how to undo it.

    Args:
        handler: A plain function, importable by name. Its parameters name what it needs: the
            saga's input, earlier steps, a resource of its participant, or ``SagaContext`` by type.
        compensation: Undoes the step; its parameter for the step's own result must accept None.
        timeout: The handler's time for one attempt; whole seconds, 1 to 870.
        retry: For outcomes that are unknown: 3 attempts where not given; after the pivot 60,
            which is a little over two days. None says that the step must not run twice.
        compensation_retry: The same for the compensation or the probe: 10 attempts where not
            given, which is about 14 minutes and the time of the attempts themselves.
        compensation_timeout: The time of the compensation or the probe; the step's where not given.
        pivot: The point of no return: once its result is recorded, the saga only goes forward.
        verify: A probe that settles a step in doubt, before it is undone or gone on with: returns
            its result, or raises `Rejected` after it has made sure that the effect will not come
            later either. It is asked only where something failed.
        claim: The effect cannot be made idempotent: a claim is written before the handler is
            called, so that it is called once and never again, and nothing but a call that was not
            made is retried. Give ``verify`` with it, if there is any way to find out: without a
            probe a step in doubt stops the saga until a person has settled it.
        read_only: The step has no effect.
        retriable: From here on only forward; every step after the pivot is.
        takes: What fills a parameter that is named otherwise: ``takes={"payment": charge}``, or a
            field: ``takes={"amount": charge.result.amount}``. Serves compensation and probe too. A
            compensation that several steps share takes the step's own result by
            ``takes={"payment": Step.own}``.

    A definition's problems are raised when its class is created, all at once.
    """

    __slots__ = (
        "claim",
        "compensation",
        "compensation_retry",
        "compensation_timeout",
        "handler",
        "pivot",
        "read_only",
        "retriable",
        "retry",
        "source",
        "takes",
        "timeout",
        "verify",
    )

    own: ClassVar[Any] = Own()
    """In ``takes``: the step's own result, for a parameter of its compensation."""

    def __init__(  # noqa: PLR0913  # an author's options, all but one keyword-only
        self,
        handler: Callable[..., R],
        *,
        compensation: Callable[..., object] | None = None,
        timeout: timedelta = TIMEOUT,
        retry: Retry | Default | None = DEFAULT,
        compensation_retry: Retry | Default | None = DEFAULT,
        compensation_timeout: timedelta | None = None,
        pivot: bool = False,
        verify: Callable[..., R] | None = None,
        read_only: bool = False,
        retriable: bool = False,
        claim: bool = False,
        takes: Mapping[str, object] | None = None,
    ) -> None:
        self.handler = handler
        self.compensation = compensation
        self.timeout = timeout
        self.retry = retry
        self.compensation_retry = compensation_retry
        self.compensation_timeout = compensation_timeout
        self.pivot = pivot
        self.verify = verify
        self.read_only = read_only
        self.retriable = retriable
        self.claim = claim
        self.takes: Mapping[str, object] = {} if takes is None else takes
        under_way = class_body()
        self.source = under_way[2] if under_way else here()
        if under_way:
            under_way[1].steps.append(self)

    @property
    def result(self) -> R:
        """The step's result as saga data, for ``takes``."""
        return cast("R", SagaData(Reference(self, (), returns(self.handler))))

    if not TYPE_CHECKING:  # mypy shall go on refusing unknown attributes

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_") or name in self.__slots__:
                raise AttributeError(name)
            text = f"a step has no {name!r}"
            hint = f"the step's result has fields: .result.{name}"
            raise refusal("S108", self, text, hint)

    def __root__(self) -> tuple[object, tuple[str, ...]]:
        return self, ()

    def __repr__(self) -> str:
        return f"Step({getattr(self.handler, '__qualname__', repr(self.handler))})"
