"""What calls write into a saga's stream, and what they read there (rules 4 to 8, 11)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import CommitUnreadable, StoreError
from stepsaga.limits import FIRST_INDEX
from stepsaga.runtime.call import EVERY
from stepsaga.store.commits import Commit, EventRecord, Outcome
from stepsaga.store.saga_events import (
    ChildAwaited,
    ChildLinked,
    InputChecked,
    ItemsClosed,
    ItemsOpened,
    SagaCompleted,
    SagaStarted,
    StepAsked,
    StepClaimed,
    StepCompensated,
    StepCompleted,
    StepLanded,
    StepRejected,
    StepSealed,
)
from stepsaga.store.slots import iso, key_of, parents_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from stepsaga.runtime.call import Call, Pattern
    from stepsaga.store.protocol import EventStore
    from stepsaga.store.saga_events import Event

Slot = tuple[int, ...]

TOKEN: Final = "token"  # noqa: S105  # a part of an address
"""Below a question's slot: the task tokens under which it was asked."""
AS_TOLD: Final = -1
"""As many results as there are slots."""
_MOST_LATE: Final = 1000


class Journal:
    """One call's view of its saga's stream.

    Every method raises what the store raises.
    """

    def __init__(
        self, call: Call, store: EventStore, now: Callable[[], datetime], request: str
    ) -> None:
        self._call = call
        self._store = store
        self._now = now
        self._request = request
        self._linked: Commit | None = None

    def now(self) -> datetime:
        """The clock by which commits are dated."""
        return self._now()

    def get(self, slot: Slot) -> Commit | None:
        """What a slot of this run holds."""
        return self._store.get(self._call.stream_at(slot), self._call.address(slot))

    def result(self, pattern: Pattern, shape: Any = AS_TOLD) -> Any:
        """The result in a slot, or None; where the pattern has ``*``, the list of all items'.

        ``shape`` says how many those are, where that is known; see `Call`.
        """
        if EVERY not in pattern:
            return _result(self.get(tuple(int(part) for part in pattern)))
        known = pattern[: pattern.index(EVERY)]
        prefix = f"{self._call.address(tuple(int(part) for part in known))}/"
        start = len(self._call.address(())) + 1
        found: dict[Slot, Any] = {}
        for commit in self._store.read(self._call.stream, prefix):
            parts = commit.slot[start:].split("/")
            if len(parts) == len(pattern) and all(map(str.isdigit, parts)):
                slot = tuple(map(int, parts))
                if all(want in (EVERY, part) for want, part in zip(pattern, slot, strict=True)):
                    found[slot] = _result(commit)
        return _listed(found, pattern, shape)

    def settled(self, slot: Slot) -> tuple[Commit | None, Commit | None]:
        """What a step's slot holds, and the first effect that landed late for it."""
        address = self._call.address(slot)
        own, late = None, None
        for commit in self._store.read(self._call.stream_at(slot), address):
            if commit.slot == address:
                own = commit
            elif commit.slot.startswith(f"{address}/late/") and late is None:
                late = commit
        return own, late

    def many(self, kind: type[ItemsOpened | ItemsClosed], value: Any) -> Commit:
        """Record what a distributed map has, or came to; return what the slot holds."""
        call = self._call
        events = [event_of(kind, step=call.step, value=value)]
        return self._append(call.address(call.slot), Outcome.RESULT, events)

    def complete(self, value: Any, emitted: Sequence[EventRecord]) -> Commit:
        """Record the step's result, with what its handler emitted; return what the slot holds."""
        call = self._call
        events = [event_of(StepCompleted, step=call.step, value=value), *emitted]
        if call.closes:
            events.append(event_of(SagaCompleted))
        return self._append(call.address(call.slot), Outcome.RESULT, events)

    def reject(self, error: str, message: str) -> Commit:
        """Record that the step did nothing; return what the slot holds."""
        event = event_of(StepRejected, step=self._call.step, error=error, message=message)
        return self._append(self._call.address(self._call.slot), Outcome.REJECTED, [event])

    def seal(self, slot: Slot) -> Commit:
        """Let nothing be recorded for the step any more; return what the slot holds."""
        events = [event_of(StepSealed, step=self._call.step)]
        return self._append(self._call.address(slot), Outcome.SEALED, events, slot)

    @property
    def store(self) -> EventStore:
        """Where streams are, for who looks into others than the saga's own."""
        return self._store

    def ask(self, token: str, *more: EventRecord, shown: Mapping[str, Any] | None = None) -> Commit:
        """Record that somebody is asked, and by which token an answer goes back (rule 26).

        Args:
            token: The Task's.
            more: What is recorded with it.
            shown: What the page behind approval links says of it, where there are any.
        """
        call = self._call
        to = f"{call.to.channel} {call.to.name}" if call.to else ""
        # Only where there is a page: what a question costs is not more for all others.
        page = {"shown": dict(shown)} if shown else {}
        events = [event_of(StepAsked, step=call.step, token=token, to=to, **page), *more]
        return self._append(self._token_address(), Outcome.ASKED, events)

    def wait_for(self, child: str, token: str) -> Commit:
        """Record which child is waited for, and by which token its end is told (rule 28)."""
        call = self._call
        told = {"step": call.step, "child": child, "undo": bool(call.undoes), "token": token}
        events = [event_of(ChildAwaited, **told)]
        slot = call.undoes or call.slot
        return self._append(self._token_address(), Outcome.AWAITED, events, slot)

    def _token_address(self) -> str:
        """One for each attempt; those of an undo from the log come after the execution's own."""
        call = self._call
        undo = f"g{call.generation:05d}-" if call.generation else ""
        attempt = f"{undo}{call.execution.redrives:05d}-{call.state.attempt:05d}"
        return f"{call.address(call.slot)}/{TOKEN}/{attempt}"

    def tokens(self, slot: Slot) -> list[Commit]:
        """The records of all attempts that waited for what goes into a slot."""
        return list(self._store.read(self._call.stream, f"{self._call.address(slot)}/{TOKEN}/"))

    def link(self, slot: str, link: ChildLinked) -> Commit:
        """Say beside the child's stream who waits for its end; return what stands there."""
        event = event_of(ChildLinked, **link.model_dump(mode="json"))
        return self._store.append(self._beside(slot, Outcome.LINKED, event))

    def close_link(self, slot: str) -> Commit:
        """Let the child never be started, unless somebody has said that he would."""
        event = event_of(StepSealed, step=self._call.step)
        return self._store.append(self._beside(slot, Outcome.SEALED, event))

    def is_own(self, link: Commit) -> bool:
        """Whether this invocation has put a link; who sends it twice may take it for another's."""
        return link == self._linked

    def _beside(self, slot: str, outcome: Outcome, event: EventRecord) -> Commit:
        call = self._call
        commit = self._commit(slot, outcome, [event], call.key(call.undoes or call.slot))
        stream = parents_of(call.child_stream)
        self._linked = replace(commit, stream_id=stream, commit_id=key_of(stream, slot))
        return self._linked

    def answer(self, slot: Slot) -> tuple[Commit | None, list[Commit]]:
        """What a question's slot holds, and under which tokens it was asked."""
        address = self._call.address(slot)
        found = list(self._store.read(self._call.stream, address))
        own = next((commit for commit in found if commit.slot == address), None)
        return own, [one for one in found if one.slot.startswith(f"{address}/{TOKEN}/")]

    def claim(self) -> Commit:
        """Claim the right to have the step's effect; return who has it (rule 27)."""
        event = event_of(StepClaimed, step=self._call.step, request=self._request)
        return self._put_claim(self._call.slot, Outcome.CLAIMED, event)

    def seal_claim(self, slot: Slot) -> Commit:
        """Let nobody have the step's effect any more, unless somebody has claimed it."""
        return self._put_claim(slot, Outcome.SEALED, event_of(StepSealed, step=self._call.step))

    def holds(self, claim: Commit) -> bool:
        """Whether a claim is this invocation's own, which boto3 may have sent twice."""
        return claim.outcome is Outcome.CLAIMED and claimed_by(claim) == self._request

    def compensate(self, undone: Slot, found: str, emitted: Sequence[EventRecord]) -> Commit:
        """Record the compensation's success; return what the slot holds.

        It is never a stream's first commit: something was found or put in the step's slot before.
        """
        event = event_of(StepCompensated, step=self._call.step, found=found)
        address = self._call.address(self._call.slot)
        cause = self._call.step_key if self._call.service else self._call.key(undone)
        return self._put(address, Outcome.COMPENSATED, [event, *emitted], cause)

    def note_input(self, value: Any) -> None:
        """Record the input as its model writes it, for the undo from the log that asks for it."""
        event = event_of(InputChecked, input=value)
        address = self._call.address(self._call.slot)
        self._put(address, Outcome.CHECKED, [event], self._call.execution.id)

    def landed(self) -> Commit | None:
        """The late effect that the call undoes."""
        return self._get_late(self._call.undoes or ())

    def undone_late(self) -> Commit | None:
        """What says that it is undone; None where it is not."""
        return self._get_late(self._call.slot)

    def compensate_late(self, late: Commit, emitted: Sequence[EventRecord]) -> Commit:
        """Record that a late effect is undone; return what the slot holds."""
        event = event_of(StepCompensated, step=self._call.step, found="result")
        address = self._late_address(self._call.slot)
        return self._put(address, Outcome.COMPENSATED, [event, *emitted], late.commit_id)

    def _get_late(self, slot: Slot) -> Commit | None:
        return self._store.get(self._call.stream_at(slot), self._late_address(slot))

    def _late_address(self, slot: Slot) -> str:
        return f"{self._call.address(slot)}/late/{self._call.late:05d}"

    def land(self, value: Any) -> Commit:
        """Record an effect that landed after its slot was decided otherwise (rule 11).

        Two such effects are two records: each invocation takes the next free ``late`` slot.
        """
        call = self._call
        event = event_of(StepLanded, step=call.step, value=value)
        for number in range(1, _MOST_LATE):
            address = f"{call.address(call.slot)}/late/{number:05d}"
            commit = self._commit(address, Outcome.LATE, [event], call.key(call.slot))
            if self._store.append(commit) == commit:
                return commit
        raise StoreError(f"{call.stream} {call.address(call.slot)}/late: all slots are taken")

    def _append(
        self, address: str, outcome: Outcome, events: list[EventRecord], slot: Slot = ()
    ) -> Commit:
        """Put what belongs to a step; ``slot`` is the step's, if it is not the call's own."""
        return self._open(address, outcome, events, self._before(slot or self._call.slot))

    def _put_claim(self, slot: Slot, outcome: Outcome, event: EventRecord) -> Commit:
        address = f"{self._call.address(slot)}/claim"
        return self._open(address, outcome, [event], self._before(slot))

    def _open(
        self, address: str, outcome: Outcome, events: list[EventRecord], causation: str
    ) -> Commit:
        """Put what can be the stream's first commit (rule 8), which says by which execution."""
        if self._call.opens:
            events.insert(0, event_of(SagaStarted, input=self._call.execution.input))
            # A step of a choice that comes first need not have a commit before it.
            causation = self._call.execution.id
        return self._put(address, outcome, events, causation)

    def _before(self, slot: Slot) -> str:
        """What led to a step: the commit in the slot before it, or the execution."""
        *lane, last = slot
        if last > 1:
            return self._call.key((*lane, last - 1))
        return self._call.execution.id

    def _put(
        self, address: str, outcome: Outcome, events: Sequence[EventRecord], causation: str
    ) -> Commit:
        return self._store.append(self._commit(address, outcome, events, causation))

    def _commit(
        self, address: str, outcome: Outcome, events: Sequence[EventRecord], causation: str
    ) -> Commit:
        call = self._call
        stream = call.stream_at(call.slot)
        return Commit(
            stream_id=stream,
            slot=address,
            outcome=outcome,
            events=tuple(events),
            commit_id=key_of(stream, address),
            correlation_id=call.execution.name,
            causation_id=causation,
            recorded_at=iso(self._now()),
            attempt=call.state.attempt,
            fingerprint=call.fingerprint,
        )


def _listed(found: Mapping[Slot, Any], pattern: Pattern, shape: Any) -> Any:
    """Results by slot as lists in lists, one for each ``*``; None where an item has none."""
    if EVERY not in pattern:
        return next(iter(found.values()), None)
    if shape is None:
        return None
    at = pattern.index(EVERY)
    by_item: defaultdict[int, dict[Slot, Any]] = defaultdict(dict)
    for slot, value in found.items():
        by_item[slot[at] - FIRST_INDEX][slot[at + 1 :]] = value
    rest = pattern[at + 1 :]
    if isinstance(shape, list):
        return [_listed(by_item.get(item, {}), rest, inner) for item, inner in enumerate(shape)]
    count = max(by_item, default=-1) + 1 if shape == AS_TOLD else shape
    return [_listed(by_item.get(item, {}), rest, AS_TOLD) for item in range(count)]


def _result(commit: Commit | None) -> Any:
    return value_of(commit) if commit and commit.outcome is Outcome.RESULT else None


def value_of(commit: Commit) -> Any:
    """The result in a commit: of a step, or of an effect that landed late.

    Raises:
        CommitUnreadable: There is none, which only somebody else's write can bring about.
    """
    return _data(commit, StepCompleted, StepLanded, ItemsOpened, ItemsClosed)["value"]


def rejection_of(commit: Commit) -> tuple[str, str]:
    """The author's class and the message in a rejection."""
    data = _data(commit, StepRejected)
    return data["error"], data["message"]


def claimed_by(commit: Commit) -> str:
    """The id of the invocation that has written a claim."""
    request: str = _data(commit, StepClaimed)["request"]
    return request


def _data(commit: Commit, *types: type[Event]) -> Any:
    names = {one.__name__ for one in types}
    for event in commit.events:
        if event.type in names:
            return event.data
    raise CommitUnreadable(
        f"{commit.stream_id} {commit.slot}: a commit of outcome {commit.outcome.value!r} without"
        f" {' or '.join(sorted(names))}"
    )


def event_of(model: type[Event], **data: Any) -> EventRecord:
    """An event of the saga's own: its data are JSON values already, so nothing is validated."""
    return EventRecord(model.__name__, model.version, data)
