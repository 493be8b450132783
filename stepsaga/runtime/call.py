"""The call that the compiler writes into a Task and the runtime takes. Both sides read this."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from stepsaga.errors import BadCall
from stepsaga.limits import DISPATCH_SECONDS, SHARE
from stepsaga.store.slots import (
    execution_name,
    key_of,
    service_key_of,
    shard_of,
    slot_text,
    stream_of,
)


class Part(StrEnum):
    """What a call does for its step."""

    COMPENSATABLE = "compensatable"
    READ_ONLY = "read-only"
    PIVOT = "pivot"
    RETRIABLE = "retriable"
    COMPENSATION = "compensation"
    VERIFY = "verify"
    INPUT = "input"
    ITEMS = "items"
    SETTLE = "settle"
    QUESTION = "question"
    UNANSWERED = "unanswered"
    ADOPT = "adopt"
    OPEN = "open"
    CLOSE = "close"
    SETTLE_ITEMS = "settle items"


MANY: Final = frozenset({Part.OPEN, Part.CLOSE, Part.SETTLE_ITEMS})
"""What is done around a distributed map."""
OWN_PARTS: Final = MANY | {
    Part.VERIFY,
    Part.INPUT,
    Part.ITEMS,
    Part.SETTLE,
    Part.UNANSWERED,
    Part.ADOPT,
}
"""What the runtime can do without a handler."""


def _aware(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("must name its time zone")
    return text


Instant = Annotated[str, AfterValidator(_aware)]
"""A time as Step Functions writes it: ISO 8601 with ``Z``, 0 to 9 digits of a second's fraction."""

SlotParts = Annotated[tuple[int, ...], Field(min_length=1)]
EVERY: Final = "*"
ITEMS: Final = "items"
"""Where a lane's document has the items of the maps that it is in, by parameter name."""
Pattern = Annotated[tuple[int | Literal["*"], ...], Field(min_length=1)]
"""A slot, or with ``*`` for each item of a map those of all items."""

Keys = Annotated[tuple[str, ...], Field(min_length=1)]


def flat(address: Any) -> list[Any]:
    """The parts of a lane, outermost first. `States.Array` can only nest lists in lists."""
    if isinstance(address, list | tuple):
        return [part for item in address for part in flat(item)]
    return [address]


class Execution(BaseModel):
    """``$$.Execution`` whole; what begins with ``Redrive`` is absent before a redrive (rule 7)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(alias="Id")
    name: str = Field(alias="Name")
    started: Instant = Field(alias="StartTime")
    input: Any = Field(default=None, alias="Input")
    redrives: int = Field(default=0, alias="RedriveCount")
    redriven: Instant | None = Field(default=None, alias="RedriveTime")


class State(BaseModel):
    """``$$.State`` whole."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    entered: Instant = Field(alias="EnteredTime")
    attempt: int = Field(alias="RetryCount", ge=0)


class To(BaseModel):
    """Where a question's message goes: the name of a resource in the template."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: Literal["queue", "topic", "bus"]
    name: str


class Child(BaseModel):
    """The saga that a call starts, or has undone (rule 28): see `stepsaga.graph.ChildSaga`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    saga: str
    input: str
    model: str = ""
    result: str = ""


class Awaits(BaseModel):
    """The business event that a call waits for: see `stepsaga.graph.AwaitedEvent`.

    ``seconds`` are those of the wait; ``takes["key"]`` is what ``by`` has to be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    name: str
    by: Annotated[tuple[str, ...], Field(min_length=1)]
    since: int = Field(ge=0)
    seconds: int = Field(gt=0)


class Many(BaseModel):
    """A distributed map: see `stepsaga.graph.Distributed`; ``item`` is the name of its items."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["list", "json lines", "csv"]
    model: str = ""
    item: str
    tolerated: int | float = Field(default=0, ge=0)


class Call(BaseModel):
    """One call of a handler.

    Attributes:
        saga: The saga's name; with the execution's name it makes the stream.
        fingerprint: Of the compiled definition.
        step: The step; for a compensation or a probe the step that it serves.
        part: What the call does for the step.
        handler: ``module:qualname``, within this participant. Empty in a ``verify`` without a
            probe, where the pivot's slot alone decides.
        lane: In a lane the parts that stand before its slots, nested as they come; ``undo`` those
            that stand before the slots of compensations.
        slot: Where the outcome goes, with its lane before it. A probe has its pivot's slot.
        undoes: A compensation's step's slot, with its lane before it.
        seconds: The step's time, from arrival.
        deadline: Seconds from the execution's start; absent where none applies (rule 16).
        input: The name of the parameter that takes the saga's input.
        model: The input's type as ``module:qualname``, in the first node's call: all of the input
            is validated before anything is done, whatever of it the first step takes.
        takes: Parameters that are named otherwise than their source: [source, key, ...], where
            source is the input's name or a step's.
        only, never: Which errors a retry can mend: class references; empty only means every one.
        opens: The commit can be the stream's first: it carries SagaStarted (rule 8).
        closes: The commit ends the saga: it carries SagaCompleted.
        claim: The effect cannot be made idempotent: a claim is written before it (rule 27).
        results: The document: ``{"reserve": {"value": ...}}``. Absent in the first node's call and
            in compensations, which read what they need from ``reads``: step -> slot (rule 22).
            Where the call's own lane leads to a slot, it is given as how many of its forks do, and
            the parts below.
        shapes: How many results a step in maps has of which ``reads`` takes all: for one map how
            many items it has, for maps in maps a list of that; None where a choice has passed it
            over. Without it there are as many as the slots tell.
        places: Where results and items stand that do not stand in the document by their name; what
            is not there is None.
        items: The items of the maps that a compensation is in, by parameter name.
        most: How many items the lists at these keys of the input, or of the result, may have; ``*``
            stands for each item of a list around them.
        share: How many results the document may get yet, this one among them: one that takes more
            than its part of what is free goes to the bucket (rule 22).
        inline: The definition itself looks into the result, so it never goes there.
        since: When the fork was entered whose lanes a ``settle`` looks at.
        failures: Of those lanes; null for one that did not fail.
        token: In a question's call, or a child's: by which its Task is answered. It never shows.
        to: Where a question without a handler of its author's is sent; ``takes`` fills the message.
        child: The saga that a step starts, in its call and in its compensation's.
        event: The business event that a question waits for, and its ``unanswered`` looks for.
        links: In a question's call whose handler takes approval links: for how many seconds an
            answer is waited for.
        otherwise: In an ``unanswered``: what counts where no answer came, ``{"value": ...}``;
            absent where that is a rejection.
        failure: In an ``unanswered``: what became of the question's Task.
        done: In an ``adopt``: what Step Functions itself did, ``{"value": ...}``, where its own
            record of that found the slot taken (rule 26).
        service: In a compensation or a probe: Step Functions itself did the step, under a key of
            its own.
        shard: In a distributed map's lane: which of the map's streams holds the item's slots.
        many: Around a distributed map: which.
        ran: In its ``close``, and in the ``settle items`` of its undoing, what the document has of
            it: under ``value`` what was opened, under ``run`` where Step Functions put the results.
        late: In a compensation: which of the effects that landed late it undoes, from 1 (rule 11);
            0 for the step itself.
        generation: Of whoever undoes, or goes forward, from the log, and calls; 0 for the saga's
            own execution. Its calls do not carry the input (`stepsaga.runtime.generations`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    saga: str
    fingerprint: str
    step: str
    part: Part
    handler: str = ""
    lane: tuple[int, ...] = ()
    undo: tuple[int, ...] = ()
    slot: SlotParts
    undoes: SlotParts | None = None
    seconds: int = Field(gt=0)
    deadline: int | None = None
    input: str
    model: str = ""
    takes: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(default_factory=dict)
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    opens: bool = False
    closes: bool = False
    claim: bool = False
    results: dict[str, Any] = Field(default_factory=dict)
    reads: dict[str, Pattern] = Field(default_factory=dict)
    shapes: dict[str, Any] = Field(default_factory=dict)
    places: dict[str, Keys] = Field(default_factory=dict)
    items: dict[str, Any] = Field(default_factory=dict)
    most: tuple[tuple[tuple[str, ...], int], ...] = ()
    share: int = Field(default=SHARE, gt=0)
    inline: bool = False
    since: Instant | None = None
    failures: tuple[Any, ...] = ()
    token: SecretStr = SecretStr("")
    to: To | None = None
    child: Child | None = None
    event: Awaits | None = None
    links: int = Field(default=0, ge=0)
    otherwise: dict[str, Any] | None = None
    failure: dict[str, Any] = Field(default_factory=dict)
    done: dict[str, Any] | None = None
    service: bool = False
    shard: int | None = Field(default=None, ge=0)
    many: Many | None = None
    ran: dict[str, Any] = Field(default_factory=dict)
    late: int = Field(default=0, ge=0)
    generation: int = Field(default=0, ge=0)
    execution: Execution
    state: State

    @model_validator(mode="before")
    @classmethod
    def _slots_are_whole(cls, data: Any) -> Any:
        """Put the lane's parts before every slot."""
        if not isinstance(data, dict) or not isinstance(data.get("slot"), list):
            return data
        lane, undo = flat(data.get("lane", [])), flat(data.get("undo", []))
        whole = data | {"lane": lane, "undo": undo}
        whole["slot"] = [*(undo or lane), *data["slot"]]
        if isinstance(data.get("undoes"), list):
            whole["undoes"] = [*lane, *data["undoes"]]
        if isinstance(data.get("reads"), dict):
            whole["reads"] = {step: _read(lane, slot) for step, slot in data["reads"].items()}
        return whole

    @model_validator(mode="after")
    def _parts_have_what_they_need(self) -> Self:
        if not self.handler and self.part not in OWN_PARTS:
            raise ValueError(f"a call for {self.part.value} needs a handler")
        if (self.undoes is None) == (self.part is Part.COMPENSATION):
            raise ValueError("a compensation, and nothing else, names the slot that it undoes")
        if bool(self.secret) != (self.part is Part.QUESTION or self.child is not None):
            raise ValueError("a question, or a child's call, and nothing else, has a task token")
        if (self.done is None) == (self.part is Part.ADOPT):
            raise ValueError("an adopt, and nothing else, says what was done")
        if (self.many is None) == (self.part in MANY):
            raise ValueError("a call around a distributed map, and no other, says which")
        if self.to and self.part is not Part.QUESTION:
            raise ValueError("a question, and nothing else, is sent somewhere")
        if self.event and self.part not in {Part.QUESTION, Part.UNANSWERED}:
            raise ValueError("a question, and nothing else, waits for an event")
        if self.links and self.part is not Part.QUESTION:
            raise ValueError("a question, and nothing else, has approval links")
        if not self.generation and "input" not in self.execution.model_fields_set:
            raise ValueError("the execution's input is missing")
        return self

    @property
    def label(self) -> str:
        """How messages name the call: ``charge``, ``undo charge``, ``verify ship``."""
        if self.part is Part.COMPENSATION:
            return f"undo {self.step}"
        if self.part is Part.INPUT:
            return "check input"
        if self.part is Part.VERIFY and self.claim and not self.handler:
            return f"settle {self.step}"
        if self.part is Part.UNANSWERED:
            return f"{self.step} unanswered"
        prefix = {
            Part.VERIFY: "verify ",
            Part.ITEMS: "items of ",
            Part.SETTLE: "settle ",
            Part.ADOPT: "adopt ",
            Part.OPEN: "open ",
            Part.CLOSE: "close ",
            Part.SETTLE_ITEMS: "settle undo ",
        }
        return f"{prefix.get(self.part, '')}{self.step}"

    @property
    def secret(self) -> str:
        """The task token in clear; empty where there is none."""
        return self.token.get_secret_value()

    @property
    def again(self) -> bool:
        """Whether an earlier invocation may have run: then slots are read first (rule 7)."""
        return self.state.attempt > 0 or self.execution.redrives > 0 or self.generation > 0

    @property
    def stream(self) -> str:
        """The saga's stream: ``FulfilOrder#order-123``."""
        return stream_of(self.saga, self.execution.name)

    def stream_at(self, parts: tuple[int, ...]) -> str:
        """The stream that holds a slot: the saga's, or in a distributed map's lane the shard's."""
        lane = self.undo or self.lane
        if self.shard is None or not lane or parts[1:2] != lane[1:2]:
            return self.stream
        return shard_of(self.stream, self.lane[0], self.shard)

    @property
    def started(self) -> datetime:
        """When the execution started."""
        return datetime.fromisoformat(self.execution.started)

    @property
    def ends(self) -> datetime | None:
        """The moment after which the handler is not called any more (rule 2)."""
        return None if self.deadline is None else self.started + timedelta(seconds=self.deadline)

    @property
    def last_arrival(self) -> datetime | None:
        """The moment after which Step Functions has given up the first attempt (rules 7, 23).

        A redrive may keep the time at which the state was first entered, so it counts from the
        redrive; None where the call does not say when that was.
        """
        entered = datetime.fromisoformat(self.state.entered)
        if self.execution.redrives > 0:
            if self.execution.redriven is None:
                return None
            entered = max(entered, datetime.fromisoformat(self.execution.redriven))
        return entered + timedelta(seconds=self.seconds + DISPATCH_SECONDS)

    def address(self, parts: tuple[int, ...]) -> str:
        """The sort key of a slot of this run."""
        return slot_text(self.execution.started, parts)

    @property
    def child_name(self) -> str:
        """The id of the child that the step starts: the same for the same step (rule 28)."""
        key = self.key(self.undoes or self.slot)
        return execution_name(f"{self.execution.name}-{self.step}", key)

    @property
    def child_stream(self) -> str:
        """The child's stream; empty where there is none."""
        return stream_of(self.child.saga, self.child_name) if self.child else ""

    def key(self, parts: tuple[int, ...]) -> str:
        """The idempotency key of a slot of this run, and the id of its commit (rule 4)."""
        return key_of(self.stream_at(parts), self.address(parts))

    @property
    def step_key(self) -> str:
        """The key under which the step itself was done that the call serves (rule 10)."""
        slot = self.undoes or self.slot
        return service_key_of(self.stream, self.address(slot)) if self.service else self.key(slot)


def _read(lane: list[Any], slot: Any) -> Any:
    match slot:
        case [int() as common, [*parts]]:
            return [*lane[: 2 * common], *parts]
        case _:
            return slot


def _unwrapped(payload: Any) -> Any:
    """The call, told of the redrives of whoever makes it.

    An undo from the log sends ``{"call": ..., "state": ..., "by": ...}``, with ``token`` where it
    waits; an item of a distributed map sends ``by`` in the call. It is ``$$.Execution`` of the
    undo, or of the item: that execution is redriven, and not, or not alone, the saga's.
    """
    match payload:
        case {
            "call": {"execution": dict() as execution, **call},
            "state": state,
            "by": dict() as by,
            **more,
        }:
            redriven = _redriven(by)
            token = {"token": more["token"]} if "token" in more else {}
            return {**call, **token, "execution": {**execution, **redriven}, "state": state}
        case {"execution": dict() as execution, "by": dict() as by, **call}:
            return {**call, "execution": {**execution, **_redriven(by)}}
        case _:
            return payload


def _redriven(by: dict[str, Any]) -> dict[str, Any]:
    return {key: by[key] for key in ("RedriveCount", "RedriveTime") if key in by}


def parse_call(payload: Any) -> Call:
    """What arrived, as a call.

    Raises:
        BadCall: It is no call that stepsaga compiled. The text names fields, never values.
    """
    try:
        return Call.model_validate(_unwrapped(payload))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'payload'}: {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)[:5]
        )
        raise BadCall(
            f"not a call that stepsaga compiled: {wrong}. Only state machines that"
            " `stepsaga compile` wrote call this function."
        ) from None
