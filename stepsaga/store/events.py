"""Events between their models and what is stored: strict on write, tolerant on read."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from stepsaga.errors import EventInvalid, UsageError
from stepsaga.store import saga_events
from stepsaga.store.commits import EventRecord, Outcome
from stepsaga.store.content import to_text
from stepsaga.store.saga_events import Event, SagaStarted
from stepsaga.store.slots import shard_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stepsaga.store.commits import Commit

    Upcast = Callable[[Any], Any]
    """From the data of one version to that of the next."""

SAGA_EVENTS: tuple[type[Event], ...] = (
    saga_events.SagaStarted,
    saga_events.StepCompleted,
    saga_events.StepRejected,
    saga_events.StepSealed,
    saga_events.StepClaimed,
    saga_events.StepCompensated,
    saga_events.StepLanded,
    saga_events.ItemsOpened,
    saga_events.ItemsClosed,
    saga_events.StepAsked,
    saga_events.ChildAwaited,
    saga_events.ChildLinked,
    saga_events.EventArrived,
    saga_events.EventAwaited,
    saga_events.EventTaken,
    saga_events.UndoStarted,
    saga_events.UndoEnded,
    saga_events.ForwardStarted,
    saga_events.ForwardEnded,
    saga_events.InputChecked,
    saga_events.SagaStuck,
    saga_events.StepResolved,
    saga_events.SagaCompleted,
    saga_events.SagaCompensated,
)
"""What sagas write themselves."""


def record_of(event: Event) -> EventRecord:
    """An event as it is stored: JSON values, by alias, nothing excluded (rule 24).

    It must be readable by its own model again, so that nothing is stored that no one can use.

    Raises:
        EventInvalid: It does not fit its model, or cannot be JSON; names the field.
    """
    model = type(event)
    try:
        data = event.model_dump(mode="json", by_alias=True, warnings="error")
        model.model_validate_json(to_text(data))
    except ValidationError as error:
        raise EventInvalid(f"{model.__name__} does not fit its model: {_fields(error)}") from error
    except (PydanticSerializationError, ValueError, TypeError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise EventInvalid(f"{model.__name__} cannot be stored as JSON: {text}") from error
    return EventRecord(type=model.__name__, version=model.version, data=data)


def types_in(commits: Iterable[Commit]) -> set[str]:
    """The types of all events in these commits."""
    return {event.type for commit in commits for event in commit.events}


def streams_of_items(commits: Iterable[Commit]) -> list[str]:
    """The streams in which the items of a saga's distributed maps are recorded, as it says."""
    return [
        shard_of(commit.stream_id, int(commit.slot.rpartition("/")[2]), shard)
        for commit in commits
        for event in commit.events
        if event.type == saga_events.ItemsOpened.__name__
        for shard in range(event.data["value"]["shards"])
    ]


def effects_left(commits: Iterable[Commit]) -> list[str]:
    """The steps whose effect landed late and was not undone by it, in the order of the stream.

    A compensation that had run before was given nothing of the effect; unless the participant left
    a tombstone (rule 10), the effect stands, and somebody has to undo it.
    """
    landed = [event for one in late_effects_left(commits) for event in one.events]
    return list(dict.fromkeys(event.data["step"] for event in landed))


def late_effects_left(commits: Iterable[Commit]) -> list[Commit]:
    """The records of such effects. A step in a lane of its own is another one in each lane."""
    commits = list(commits)
    # What undoes a step, and what lands late for it, is caused by the commit in its slot.
    undone = {
        commit.causation_id
        for commit in commits
        for event in commit.events
        if event.type == saga_events.StepCompensated.__name__ and event.data["found"] == "result"
    }
    return [
        commit
        for commit in commits
        if commit.outcome is Outcome.LATE and not undone & {commit.causation_id, commit.commit_id}
    ]


class Upcasters:
    """How data of old schema versions becomes that of the next, one step at a time."""

    def __init__(self) -> None:
        self._steps: dict[tuple[str, int], Upcast] = {}

    def register(self, event: type[Event] | str, from_version: int, upcast: Upcast) -> None:
        """Say how data of one version becomes that of the next.

        Args:
            event: The event's class, or its name.
            from_version: The version of what ``upcast`` is given; it returns the next one's.
            upcast: Gets a copy of the data, as JSON values.

        Raises:
            UsageError: There is one for this version already.
        """
        name = event if isinstance(event, str) else event.__name__
        if (name, from_version) in self._steps:
            raise UsageError(f"{name} has two upcasters from version {from_version}; keep one")
        self._steps[name, from_version] = upcast

    def apply(self, record: EventRecord, version: int) -> EventRecord:
        """A record at ``version``, which is its own or a later one.

        Raises:
            EventInvalid: A step on the way is missing, or raises.
        """
        data = record.data
        for step in range(record.version, version):
            upcast = self._steps.get((record.type, step))
            if upcast is None:
                raise EventInvalid(
                    f"{record.type} of version {record.version} cannot become version {version}:"
                    f" there is no upcaster from version {step};"
                    f" write upcasters.register({record.type}, {step}, ...)"
                )
            try:
                data = upcast(deepcopy(data))
            except Exception as error:
                raise EventInvalid(
                    f"the upcaster of {record.type} from version {step} failed: {error!r}"
                ) from error
        return EventRecord(record.type, max(record.version, version), data)


class EventTypes:
    """The events that a reader knows, by name. The saga's own are always among them.

    Args:
        types: Domain events.
        upcasters: For what was stored under older versions of them.

    Raises:
        UsageError: Two classes have one name.
    """

    def __init__(
        self, types: Iterable[type[Event]] = (), *, upcasters: Upcasters | None = None
    ) -> None:
        self._types: dict[str, type[Event]] = {}
        self._upcasters = upcasters or Upcasters()
        for model in (*SAGA_EVENTS, *types):
            if self._types.setdefault(model.__name__, model) is not model:
                raise UsageError(
                    f"two events are called {model.__name__}, and the name is what is stored:"
                    " rename one"
                )

    def read(self, record: EventRecord) -> Event | EventRecord:
        """A stored event as its class, brought to its current version.

        Fields that the class does not have are ignored. A type that is not known here, or a version
        that is later than the class's, is returned as stored: nobody guesses what it means.

        Raises:
            EventInvalid: The data does not fit, or an upcaster is missing or fails.
        """
        model = self._types.get(record.type)
        if model is None or record.version > model.version:
            return record
        current = self._upcasters.apply(record, model.version)
        try:
            return _tolerant(model, current.data)
        except ValidationError as error:
            raise EventInvalid(
                f"stored {record.type} of version {record.version} does not fit its class:"
                f" {_fields(error)}. When an event's fields change, raise its version and register"
                " an upcaster."
            ) from error
        except (ValueError, TypeError) as error:
            raise EventInvalid(f"an upcaster made {record.type} no JSON: {error}") from error

    def events(self, commit: Commit) -> tuple[Event | EventRecord, ...]:
        """The events of a commit, as `read` returns them.

        `SagaStarted` has its ``execution`` from the commit, where it is stored once.
        """
        events = (self.read(record) for record in commit.events)
        return tuple(
            event.model_copy(update={"execution": event.execution or commit.causation_id})
            if isinstance(event, SagaStarted)
            else event
            for event in events
        )


def _tolerant(model: type[Event], data: Any) -> Event:
    try:
        return _validated(model, data)
    except ValidationError as error:
        extra = [one["loc"] for one in error.errors() if one["type"] == "extra_forbidden"]
        if not extra:
            raise
        return _validated(model, _without(data, extra))


def _validated(model: type[Event], data: Any) -> Event:
    try:
        return model.model_validate_json(to_text(data))
    except ValidationError as error:
        if error.errors()[0]["type"] != "json_invalid":
            raise
        # Pydantic's parser does not take half a surrogate pair, which JSON may have.
        return model.model_validate(data)


def _without(data: Any, places: Sequence[tuple[int | str, ...]]) -> Any:
    """A copy without what stands at these places."""
    copy = deepcopy(data)
    for *path, last in places:
        holder = copy
        for part in path:
            holder = holder[part] if _has(holder, part) else None
        if isinstance(holder, dict):
            holder.pop(last, None)
    return copy


def _has(holder: Any, part: int | str) -> bool:
    return (
        part in holder
        if isinstance(holder, dict)
        else (isinstance(holder, list) and isinstance(part, int) and part < len(holder))
    )


def _fields(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'data'}: {one['msg']}" for one in error.errors()
    )
