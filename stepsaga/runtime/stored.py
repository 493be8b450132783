"""Results that are too large for the document: in S3, with a pointer in their place (rule 22).

The claim check pattern: https://www.enterpriseintegrationpatterns.com/patterns/messaging/StoreInLibrary.html
What stands for a result in the reply, in the document and in the event is its *form*:

    the result itself                                             mostly
    {"$stored": {"bucket": ..., "sha256": ..., "bytes": ...}}     it is in the bucket
    {"$value": the result}                                        it looks like one of these two

So no result of an author's can be taken for a pointer. The object's key comes from its SHA-256.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import CommitUnreadable, StoreError
from stepsaga.limits import DOCUMENT_BYTES, ENTRY_BYTES, POINTER_BYTES
from stepsaga.runtime.values import Unfit, compact
from stepsaga.store.content import pointer_of, pointer_to

if TYPE_CHECKING:
    from stepsaga.runtime.call import Call
    from stepsaga.store.objects import Objects

STORED: Final = "$stored"
VALUE: Final = "$value"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A step's result as it was recorded, not yet fetched: only who takes it pays for it.

    Attributes:
        step: The step.
        form: Its form; for a step in maps a list of forms.
        depth: How many maps the step is in: so deep are the lists.
        objects: Where what is stored is read; None where there is no bucket.
    """

    step: str
    form: Any
    depth: int
    objects: Objects | None

    def value(self) -> Any:
        """The result; for a step in maps a list of results.

        Raises:
            CommitUnreadable: What was stored is gone, or was changed.
            StoreError: It cannot be read now.
        """
        return self._values(self.form, self.depth)

    def _values(self, form: Any, depth: int) -> Any:
        if depth and isinstance(form, list):
            return [self._values(one, depth - 1) for one in form]
        match form:
            case {"$value": value} if len(form) == 1:
                return value
            case {"$stored": stored} if len(form) == 1:
                return self._fetched(stored)
        return form

    def _fetched(self, stored: Any) -> Any:
        match stored:
            case {"bucket": str(bucket), "sha256": str(sha256)}:
                pointer = pointer_of(bucket, sha256)
            case _:
                raise CommitUnreadable(
                    f"the result of {self.step} is not in the form that stepsaga writes"
                )
        if self.objects is None:
            raise StoreError(
                f"the result of {self.step} is in s3://{bucket}/{pointer.key}, and this function"
                " has no bucket: deploy with the generated template, which gives it one"
            )
        try:
            return json.loads(self.objects.read(pointer))
        except ValueError as error:
            raise CommitUnreadable(f"the result of {self.step}: {error}") from error


def recorded_form(value: Any, call: Call, objects: Objects | None) -> Any:
    """A result as it is recorded; what is too large for its share of the document is put first.

    Args:
        value: JSON values.
        call: Knows the document, and what else it must hold.
        objects: Where large results go; None where there is no bucket.

    Raises:
        Unfit: Even so the document would be too large; or the definition itself looks into the
            result, and its form would be another one.
        StoreError: The object could not be put.
    """
    content = compact(value)
    size_of_input, earlier = (len(compact(part)) for part in (call.execution.input, call.results))
    room, fair = _room(call, size_of_input + earlier)
    may = objects is not None and bool(objects.bucket) and not call.inline
    if may and objects and len(content) > fair:
        pointer = pointer_to(content, objects.bucket)
        form = _pointing(pointer.bucket, pointer.sha256, len(content))
    else:
        form, pointer = _told_apart(value, inline=call.inline), None
    if (size := len(compact(form))) > room:
        raise Unfit(
            f"its result has {size:,} bytes as JSON{' as a mere pointer' if pointer else ''}, which"
            f" with {size_of_input:,} of input and {earlier:,} of earlier results is over"
            f" {DOCUMENT_BYTES:,}; {_way_out(call, may=may)}"
        )
    if pointer and objects:
        objects.keep(content)
    return form


@dataclass(frozen=True, slots=True)
class Room:
    """What a saga's document has for a result, in bytes.

    Attributes:
        most: All that is free.
        fair: What is larger goes to the bucket, where there is one.
    """

    most: int
    fair: int


def room_for(call: Call) -> Room:
    """The room for a result that comes from a child: its form there is taken by `adopted_form`."""
    used = sum(len(compact(part)) for part in (call.execution.input, call.results))
    return Room(*_room(call, used))


def _room(call: Call, used: int) -> tuple[int, int]:
    room = DOCUMENT_BYTES - used
    return room, max(room // call.share - ENTRY_BYTES, POINTER_BYTES)


def adopted_form(
    form: Any,
    room: Room,
    objects: Objects | None,
    *,
    inline: bool,
    what: str = "the child's result",
) -> Any:
    """A result that comes from elsewhere, in its form there, as a saga's document can hold it.

    Args:
        form: Its form there: a child's events, or a business event's.
        room: What there is for it.
        objects: Where large results are; None where there is no bucket.
        inline: The saga's definition itself looks into the result.
        what: What messages call it.

    Raises:
        Unfit: It does not fit.
        CommitUnreadable, StoreError: It has to be fetched, or put, and cannot be.
    """
    value = Recorded("the child", form, 0, objects).value() if inline else None
    if inline:
        form = _told_apart(value, inline=True)
    elif stored_bytes(form) is None and objects is not None and objects.bucket:
        value = Recorded("the child", form, 0, objects).value()
        if len(content := compact(value)) > room.fair:
            pointer = pointer_to(content, objects.bucket)
            objects.keep(content)
            form = _pointing(pointer.bucket, pointer.sha256, len(content))
    if (size := len(compact(form))) > room.most:
        raise Unfit(
            f"{what} has {size:,} bytes as JSON, and the document of who waits for it has"
            f" {room.most:,} left: take less of it"
        )
    return form


def told_apart(value: Any) -> Any:
    """The form of a value that is kept as it is, so that nobody takes it for a pointer."""
    return _told_apart(value, inline=False)


def stored_bytes(form: Any) -> int | None:
    """The size of a result that is in the bucket; None where it is not."""
    match form:
        case {"$stored": {"bytes": int(size)}} if len(form) == 1:
            return size
    return None


def _pointing(bucket: str, sha256: str, size: int) -> dict[str, Any]:
    return {STORED: {"bucket": bucket, "sha256": sha256, "bytes": size}}


def _told_apart(value: Any, *, inline: bool) -> Any:
    """The value, so that nobody takes it for a pointer."""
    if not (isinstance(value, dict) and len(value) == 1 and {STORED, VALUE} & value.keys()):
        return value
    if inline:
        raise Unfit(f"the definition looks into it, and its only field is {next(iter(value))!r}")
    return {VALUE: value}


def _way_out(call: Call, *, may: bool) -> str:
    if may:
        return "give the saga less input, or maps over fewer items"
    elsewhere = "keep what is large elsewhere, in S3 for instance, and return where it is"
    if call.inline:
        return f"the definition looks into it, so it stays in the document: {elsewhere}"
    return elsewhere
