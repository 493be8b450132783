"""The events that sagas write themselves, and the base of the events that authors emit."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from stepsaga.errors import UsageError


class Event(BaseModel):
    """The base of domain events: ``class OrderPaid(Event): amount: Decimal``.

    The type's name is the class's. When the fields change, raise the version
    (``version: ClassVar[int] = 2``) and register an upcaster from the old one.
    """

    # Not numbers stay what they are, so that they are refused: Pydantic would write null.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    version: ClassVar[int] = 1

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Refuse a class whose ``version`` is a field, or no version.

        Raises:
            UsageError: As said.
        """
        super().__pydantic_init_subclass__(**options)
        if "version" in cls.model_fields:
            raise UsageError(
                f"{cls.__name__}.version is the schema's version, not a field; write"
                " `version: ClassVar[int] = 2`, or give the field another name"
            )
        if cls.version < 1:
            raise UsageError(f"{cls.__name__}.version must be 1 or more, got: {cls.version!r}")


class SagaStarted(Event):
    """Carried by every commit that can be a saga's first; readers take one (rule 8)."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    execution: str = Field(
        default="", validation_alias=AliasChoices("execution", "Id"), exclude=True
    )
    """The execution's ARN. It is not stored: what starts a saga is caused by the execution, so the
    commit's ``causation_id`` says it, and a first commit has to fit one write unit.
    `stepsaga.store.events.EventTypes.events` fills it in.
    """
    input: Any = Field(validation_alias=AliasChoices("input", "Input"))
    """The saga's input. Step Functions itself writes ``$$.Execution`` here, hence the aliases."""


class StepCompleted(Event):
    """A step had its effect and returned. ``value`` is its result, or says where that is.

    The forms that it can have are in `stepsaga.runtime.stored`.
    """

    step: str
    value: Any


class ItemsOpened(Event):
    """A distributed map's items are recorded, and nothing has been done with one of them yet.

    ``value`` is ``{"items", "shards", "bucket", "list"}``: how many they are, in how many streams
    their steps are recorded (``<saga's stream>#<the map's slot>#<shard>``), and where they are.
    """

    step: str
    value: Any


class ItemsClosed(Event):
    """A distributed map has come to its end.

    ``value`` is ``{"items", "done", "failed", "bucket", "list", "results", "failures", "first"}``:
    three numbers, where in the bucket the items, the results and the failed items are, and the
    first of these as ``{"index", "error"}``.
    """

    step: str
    value: Any


class StepRejected(Event):
    """A step did nothing. ``error`` is the author's class, ``message`` its text."""

    step: str
    error: str
    message: str


class StepSealed(Event):
    """A step's outcome was unknown when its undoing began; nothing may be recorded for it now."""

    step: str


class StepCompensated(Event):
    """A step is undone.

    ``found`` says what the compensation was given: "result", "doubt" (it ran with None), or
    "nothing" (the step was cleanly rejected, the handler was not called).
    """

    step: str
    found: str


class StepClaimed(Event):
    """An invocation is about to call a step's handler, and no other may (rule 27).

    ``request`` is the invocation's id. It stands in ``<slot>/claim``, where a `StepSealed` says
    that nobody may call the handler any more.
    """

    step: str
    request: str


class StepLanded(Event):
    """An effect landed after its slot was decided otherwise (rule 11)."""

    step: str
    value: Any


class StepAsked(Event):
    """A step has asked, and waits.

    Attributes:
        step: The step.
        token: Answers it: whoever has it can, so it never shows.
        to: Where the question was sent, where no handler asks: ``queue ReviewQueue``.
        shown: What the page behind its approval links says of it, where there are any: see
            `stepsaga.runtime.approval_shown`.
    """

    step: str
    token: str = Field(repr=False)
    to: str = ""
    shown: dict[str, Any] | None = None


class ChildAwaited(Event):
    """A step waits for its child's end, or its compensation for the child's undoing (rule 28).

    Attributes:
        step: The step.
        child: The child's stream: ``ShipParcel#order-1-ship-0f3a...``.
        token: Answers its Task: it never shows.
        undo: Whether it is the compensation that waits.
    """

    step: str
    child: str
    undo: bool = False
    token: str = Field(repr=False)


class ChildLinked(Event):
    """Who waits for the end of a child: a step of its parent, or that step's compensation.

    Attributes:
        stream: The parent's stream.
        slot: Where what the child came to goes, run included.
        step: The step.
        execution: The ARN of the parent's execution.
        result: The step of the child whose result is taken; empty for none.
        room: How many bytes that may have in the parent's document; more goes to the bucket.
        most: How many it may have at all there.
        inline: The parent's definition itself looks into it, so that it never goes to the bucket.
        undoes: Of a compensation: the step's slot, run included.
    """

    stream: str
    slot: str
    step: str
    execution: str
    result: str = ""
    room: int = 0
    most: int = 0
    inline: bool = False
    undoes: str = ""


class EventAwaited(Event):
    """A step waits for a business event.

    It stands beside its `StepAsked`, and in the event's stream, where its router finds it.

    Attributes:
        stream: The saga's stream.
        slot: Where the event goes, run included.
        step: The step.
        source, event: The event's source, and its detail type.
        by: The field that says which saga it is for, as it is written, dotted.
        key: What that field has to be.
        since: What came before that does not count; ISO 8601.
        until: When nobody waits there any more; ISO 8601.
        room: How many bytes the event may have in the saga's document; more goes to the bucket.
        most: How many it may have at all there.
        inline: The definition itself looks into it, so that it never goes to the bucket.
        lists: How many items its lists may have: ``most`` of a call.
    """

    stream: str
    slot: str
    step: str
    source: str
    event: str
    by: str
    key: str | int
    since: str
    until: str
    room: int
    most: int
    inline: bool = False
    lists: tuple[tuple[tuple[str, ...], int], ...] = ()


class EventArrived(Event):
    """A business event has come.

    Attributes:
        id: EventBridge's id of it: twice the same is one event.
        source, event: Its source, and its detail type.
        time: When it happened, as its sender says.
        detail: What it says, as its model writes it.
    """

    id: str
    source: str
    event: str
    time: str
    detail: Any


class EventTaken(Event):
    """A step has a business event as its result: it stands beside its `StepCompleted`.

    Attributes:
        step: The step.
        event: The event's detail type.
        id: EventBridge's id of it.
        arrived: When it came.
    """

    step: str
    event: str
    id: str
    arrived: str


class UndoStarted(Event):
    """An undo from the log has begun: from here on nobody else undoes this run (rule 15).

    Attributes:
        generation: Which undo of this run it is, from 1.
        execution: The ARN of the run's execution.
        why: What it is for, in words.
        by: Who asked for it; empty for the reconciler.
        completed: Whether a saga that turns out to be completed is undone, too.
    """

    generation: int
    execution: str
    why: str
    by: str = ""
    completed: bool = False


class ForwardStarted(Event):
    """A saga behind its point of no return goes on from its log; nobody else drives it now.

    Attributes:
        generation: Of the run, counted with its undos from the log.
        execution: The ARN of the run's execution.
        why: What was mended, in words.
        by: Who asked for it.
    """

    generation: int
    execution: str
    why: str
    by: str = ""


class ForwardEnded(Event):
    """Whoever went on from the log has come to the saga's end."""

    generation: int


class InputChecked(Event):
    """The saga's input as its model writes it: somebody needed it to count items, or to choose."""

    input: Any


class UndoEnded(Event):
    """An undo from the log has come to its end; what has become of the saga, others say."""

    generation: int


class StepResolved(Event):
    """A person has settled what no call could: undone it outside, or found that it never was.

    It stands beside the event that says so in the words of calls.
    """

    step: str
    why: str
    by: str = ""


class SagaStuck(Event):
    """The saga does not go on by itself (rule 18).

    Attributes:
        steps: What is left: the steps whose compensation failed, or where it went no further.
        error: The error of the execution that failed; empty where there is none.
        then: What is to be done, in words, with the command.
    """

    steps: tuple[str, ...]
    error: str
    then: str


class SagaCompleted(Event):
    """All steps are done. Carried by the last step's commit."""


class SagaCompensated(Event):
    """All that was done is undone. Recorded by Step Functions itself (rule 8)."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    error: str = Field(validation_alias=AliasChoices("error", "Error"))
    cause: str = Field(default="", validation_alias=AliasChoices("cause", "Cause"))
    """The caught error as Step Functions has it; it may have no Cause."""
