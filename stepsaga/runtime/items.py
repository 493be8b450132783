"""The calls around a distributed map: its items recorded before, and counted after.

The items are a file of ours in the bucket, by its content, with one JSON object in each line::

    {"index": 1000012, "shard": 12, "item": {...}}

The map and its undoing both run over it, whatever becomes of where the items came from. Files are
read and written line by line: how much memory that takes does not depend on how many items there
are. What Step Functions says of an item's execution is in files that a manifest names:
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import csv
import hashlib
import json
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final, Self

from stepsaga.errors import (
    CommitUnreadable,
    Rejected,
    RejectedInDoubt,
    StepFailed,
    StepFailedForGood,
)
from stepsaga.limits import (
    FIRST_INDEX,
    ITEM_BASE_BYTES,
    ITEM_BYTES,
    MOST_ITEMS,
    OBJECT_PREFIX,
    SHARDS,
)
from stepsaga.runtime.files import S3Object
from stepsaga.runtime.flows import (
    ADOPTED,
    COMPLETED,
    Reply,
    fenced,
    refuse_if_pointless,
    reject,
)
from stepsaga.runtime.handling import Invalid, Refused, results_of
from stepsaga.runtime.journal import rejection_of, value_of
from stepsaga.runtime.texts import class_text
from stepsaga.runtime.values import Unfit, compact
from stepsaga.store.commits import Outcome
from stepsaga.store.saga_events import ItemsClosed, ItemsOpened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepsaga.runtime.call import Many
    from stepsaga.runtime.flows import Work
    from stepsaga.runtime.values import JsonType
    from stepsaga.store.commits import Commit
    from stepsaga.store.objects import Objects

OPENED: Final = "opened"
CLOSED: Final = "closed"
FOLDER: Final = f"{OBJECT_PREFIX}items/"
FIRST: Final = 5
"""So many of the items that failed are named in the events."""
AGAIN: Final = "again"


# Before


def open_items(work: Work) -> Reply:
    """Record the items, unless that is done: then those are the map's."""
    call, journal = work.call, work.journal
    if call.again and (stored := journal.get(call.slot)):
        return _recorded(work, stored, OPENED)
    try:
        refuse_if_pointless(work)
        _refuse_if_heavy(work)
        value = _listed(work)
    except Refused as refusal:
        # Nothing has been done with any item before they were recorded, whatever the attempt.
        said = class_text(Rejected), str(refusal)
        return _recorded(work, reject(work, refusal, said, sure=True), OPENED)
    return _recorded(work, journal.many(ItemsOpened, value), OPENED)


def _refuse_if_heavy(work: Work) -> None:
    used = sum(len(compact(part)) for part in (work.call.execution.input, work.call.results))
    if used > ITEM_BASE_BYTES:
        raise Refused(
            f"input and results have {used:,} bytes as JSON, over {ITEM_BASE_BYTES:,}: each item's"
            " execution gets them all. Keep what is large elsewhere: the items in a file in S3"
        )


def _listed(work: Work) -> dict[str, Any]:
    """Write the list of items; what the map's document has of it."""
    objects, many = _objects(work), _many(work)
    source = work.handling.source(results_of(work.call, work.objects))
    kind = work.handling.item_type(many.model) if many.model else None
    with _List() as items:
        for where, item in _SOURCES[many.source](objects, source):
            if items.count == MOST_ITEMS:
                raise Invalid(f"{where} is one too many: a map takes {MOST_ITEMS:,} items")
            items.add(items.count, _fitting(kind, where, item))
        key = items.keep(objects)
    shards = min(items.count, SHARDS)
    return {"items": items.count, "shards": shards, "bucket": objects.bucket, "list": key}


def _fitting(kind: JsonType | None, where: str, item: Any) -> Any:
    """An item as its model writes it, with all its defaults.

    Raises:
        Invalid: It does not fit, or is too large.
    """
    try:
        written = item if kind is None else kind.write(kind.read(where, item), item)
        size = len(compact(written))
        json.dumps(written, allow_nan=False)
    except Unfit as unfit:
        raise Invalid(str(unfit)) from unfit.__cause__
    except ValueError:
        # Step Functions could not read the list, neither for the map nor for its undoing.
        raise Invalid(f"{where} holds a number that no JSON has: NaN, or Infinity") from None
    if size > ITEM_BYTES:
        raise Invalid(
            f"{where} has {size:,} bytes as JSON, over {ITEM_BYTES:,}: keep what is large"
            " elsewhere, and say in the item where it is"
        )
    return written


def _from_list(objects: Objects, source: Any) -> Iterator[tuple[str, Any]]:
    del objects
    if not isinstance(source, list):
        raise Invalid(f"items: a list is needed, and it is {type(source).__name__}")
    for number, item in enumerate(source):
        yield f"items[{number}]", item


def _from_json_lines(objects: Objects, source: Any) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(_texts(objects, source), 1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", json.loads(line)
        except ValueError as error:
            raise Invalid(f"line {number} is no JSON: {error}") from None


def _from_csv(objects: Objects, source: Any) -> Iterator[tuple[str, Any]]:
    rows = csv.DictReader(_texts(objects, source), restval="")
    try:
        for row in rows:
            row.pop(None, None)  # what is behind the last column
            yield f"line {rows.line_num}", row
    except csv.Error as error:
        raise Invalid(f"line {rows.line_num} is no CSV: {error}") from None


def _texts(objects: Objects, source: Any) -> Iterator[str]:
    """The lines of an author's file.

    Raises:
        Invalid: There is none, or it is not text.
    """
    try:
        place = S3Object.model_validate(source)
        for number, line in enumerate(objects.lines(place.bucket, place.key), 1):
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except ValueError as error:
        raise Invalid(f"the file of the items: {error}") from None


_SOURCES: Final[dict[str, Callable[[Objects, Any], Iterator[tuple[str, Any]]]]] = {
    "list": _from_list,
    "json lines": _from_json_lines,
    "csv": _from_csv,
}


class _List:
    """A list of items being written."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115  # closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, index: int, item: Any) -> None:
        """Add an item, by its number from 0."""
        told = {"index": FIRST_INDEX + index, "shard": index % SHARDS, "item": item}
        line = compact(told) + b"\n"
        self._hash.update(line)
        self._file.write(line)
        self.count += 1

    def keep(self, objects: Objects) -> str:
        """Put it into the bucket; its key."""
        key = f"{FOLDER}{self._hash.hexdigest()}.jsonl"
        objects.keep_file(key, self._file)
        return key


# After


def close_items(work: Work) -> Reply:
    """Count the items that failed; more than are tolerated, and all of them are undone."""
    call, journal = work.call, work.journal
    if call.again and (stored := journal.get(call.slot)):
        return _recorded(work, stored, CLOSED)
    objects, many, opened = _objects(work), _many(work), call.ran["value"]
    told = dict.fromkeys(("failures", "results"))
    first: list[dict[str, Any]] = []
    failed = 0
    if run := call.ran.get("run"):
        with _List() as items:
            for one in _failed(objects, run):
                items.add(one.index, one.given["items"][many.item])
                first += [{"index": one.index, "error": one.error}] * (len(first) < FIRST)
            failed = items.count
            told["results"] = run["key"].rpartition("/")[0]
            told["failures"] = items.keep(objects) if failed else None
    total = opened["items"]
    if failed > _tolerated(many, total):
        told_first = ", ".join(f"{one['index']} ({one['error']})" for one in first)
        cause = StepFailedForGood(f"{failed:,} of {total:,} items failed, the first: {told_first}")
        said = "ItemsFailed", str(cause)
        return _recorded(work, reject(work, cause, said, sure=True), CLOSED)
    numbers = {"items": total, "done": total - failed, "failed": failed}
    places = {"bucket": opened["bucket"], "list": opened["list"], **told}
    value = {**numbers, **places, "first": first}
    return _recorded(work, journal.many(ItemsClosed, value), CLOSED)


def settle_items(work: Work) -> Reply:
    """Fail where the undoing of an item has failed; after a redrive let it run again (rule 13).

    As `stepsaga.runtime.flows.settle`, and told from the files that the Map has written. That all
    of the map is undone stands in the saga's own stream, too.
    """
    call = work.call
    redriven, since = call.execution.redriven, call.since
    if redriven and since and datetime.fromisoformat(redriven) > datetime.fromisoformat(since):
        return Reply(value=True, outcome=AGAIN)
    failed = list(_first(_failed(_objects(work), call.ran["run"])))
    if not failed:
        if call.ran["back"]:
            work.journal.compensate(call.slot, "result", ())
        return Reply(value=False, outcome=COMPLETED)
    told = "; ".join(f"item {one.index}: {one.error}" for one in failed)
    raise StepFailedForGood(
        work.handling.text(f"not all items could be undone: {told}. After the fix, redrive it")
    )


@dataclass(frozen=True, slots=True)
class _Failed:
    """An item of which the execution has failed: its number from 0, and what it was given."""

    index: int
    error: str
    given: dict[str, Any] = field(repr=False)


def _first(failed: Iterator[_Failed]) -> Iterator[_Failed]:
    for _, one in zip(range(FIRST), failed, strict=False):
        yield one


def _failed(objects: Objects, run: dict[str, Any]) -> Iterator[_Failed]:
    """The items that failed, were aborted or timed out, as the files of a Map say.

    Raises:
        StepFailed: The manifest says that the Map is not over.
        CommitUnreadable: A file is gone, or none that Step Functions writes.
    """
    with _read_as_told():
        lines = objects.lines(run["bucket"], run["key"])
        files = json.loads(b"".join(lines))["ResultFiles"]
        failed = [str(one["Key"]) for one in files["FAILED"]]
    if files.get("PENDING"):
        raise StepFailed(f"s3://{run['bucket']}/{run['key']} tells of items that have not begun")
    for key in failed:
        with _read_as_told():
            for line in objects.lines(run["bucket"], key):
                told = json.loads(line)
                given = json.loads(told["Input"])
                index = given["at"][1] - FIRST_INDEX
                yield _Failed(index, _error_in(told), given)


def _error_in(told: dict[str, Any]) -> str:
    """The error that the item's Fail was given as its cause; else its own, or how it ended."""
    with suppress(ValueError, LookupError, TypeError):
        return str(json.loads(told["Cause"])["Error"])
    return str(told.get("Error") or told.get("Status"))


@contextmanager
def _read_as_told() -> Iterator[None]:
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise CommitUnreadable(f"the results of the map cannot be read: {error}") from error


def _tolerated(many: Many, total: int) -> int:
    if isinstance(many.tolerated, int):
        return many.tolerated
    # As it is written: in binary 0.29 of 100 is a little less than 29.
    return int(Decimal(str(many.tolerated)) * total)


def _recorded(work: Work, stored: Commit, outcome: str) -> Reply:
    if stored.outcome is Outcome.RESULT:
        return Reply(value_of(stored), ADOPTED if work.call.again else outcome)
    if stored.outcome is Outcome.REJECTED:
        said = work.handling.text(*rejection_of(stored))
        raise RejectedInDoubt(said) if work.call.again else Rejected(said)
    raise fenced(work, stored)


def _many(work: Work) -> Many:
    assert work.call.many is not None  # noqa: S101  # for mypy: `Call` has looked
    return work.call.many


def _objects(work: Work) -> Objects:
    """The bucket.

    Raises:
        StepFailedForGood: There is none.
    """
    if work.objects is None or not work.objects.bucket:
        raise StepFailedForGood(
            work.handling.text(
                "a distributed map needs a bucket, and this function has none: deploy with the"
                " generated template, which gives it one"
            )
        )
    return work.objects
