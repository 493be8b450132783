"""The entry point of the function `Following`: ``stepsaga.recovery.following_entry.handler``.

It hears of commits by the event table's stream, at least once, in order as far as nothing fails.
"""

from __future__ import annotations

import os
from base64 import b64decode
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import CommitUnreadable
from stepsaga.recovery.deployed import CHILDREN, deployed
from stepsaga.recovery.following import Following
from stepsaga.recovery.reconcile import Reconciler
from stepsaga.runtime.runtime import utc_now
from stepsaga.store.codec import decode
from stepsaga.store.commits import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aws_lambda_powertools import Logger

    from stepsaga.recovery.following import Listener
    from stepsaga.store.commits import Commit

REPORTS: Final = "STEPSAGA_REPORTS_FAILURES"
"""Set where the event source takes a batch's failures as a reply; else a failure is raised."""
_UNHEARD: Final = frozenset(
    {Outcome.COMPENSATED, Outcome.CHECKED, Outcome.LINKED, Outcome.KEPT, Outcome.WAITS}
)
HEARD: Final = tuple(one.value for one in Outcome if one not in _UNHEARD)
"""The outcomes of commits that it hears of: others open nothing, end nothing, are no first ones."""
Batch = dict[str, list[dict[str, str]]]


def handler(event: Mapping[str, Any], context: Any) -> Batch:
    """Take one batch of the stream. Everything that it needs is built at the first one."""
    del context
    following, read = _following()
    return take(event["Records"], following, read, reports=bool(os.environ.get(REPORTS)))


def take(
    records: Sequence[Mapping[str, Any]],
    following: Following,
    read: Callable[[Mapping[str, Any]], Commit],
    *,
    reports: bool,
) -> Batch:
    """Let commits be heard of, in order; what fails holds up what comes after it.

    Where failures are not reported, a batch comes again for as long as it fails, and holds up all
    that waits behind it. So all of it is taken before it fails, without what can never be read.

    Args:
        records: Of a DynamoDB stream, with new images of commits.
        following: Who hears.
        read: How an image becomes a commit.
        reports: Whether what has failed is returned, so that only what is left comes again.

    Returns:
        ``{"batchItemFailures": [{"itemIdentifier": "<sequence number>"}]}``, the list empty where
        nothing has failed.

    Raises:
        Exception: What has failed first, unless it is returned.
    """
    failed: Exception | None = None
    for record in records:
        try:
            following.take([read(item_of(record["dynamodb"]["NewImage"]))])
        except Exception as error:  # noqa: BLE001  # it is reported, or raised below
            _log().exception("a commit could not be followed", extra=_told(record, error))
            if reports:
                number = record["dynamodb"]["SequenceNumber"]
                return {"batchItemFailures": [{"itemIdentifier": number}]}
            if not isinstance(error, CommitUnreadable):
                failed = failed or error
    if failed is not None:
        raise failed
    return {"batchItemFailures": []}


def item_of(image: Any) -> Any:
    """An image as the store has items: an event is JSON, in which binary values are base64."""
    if isinstance(image, list):
        return [item_of(one) for one in image]
    if not isinstance(image, dict):
        return image
    if list(image) == ["B"] and isinstance(image["B"], str):
        return {"B": b64decode(image["B"])}
    return {name: item_of(one) for name, one in image.items()}


def _told(record: Mapping[str, Any], error: Exception) -> dict[str, str]:
    keys = {name: value.get("S", "") for name, value in record["dynamodb"]["Keys"].items()}
    return {**keys, "error": type(error).__name__}


@lru_cache(maxsize=1)
def _following() -> tuple[Following, Callable[[Mapping[str, Any]], Commit]]:
    parts = deployed(os.environ)
    reconciler = Reconciler(parts.store, parts.executions, utc_now, parts.open_sagas)
    objects = parts.store.objects
    fetch = objects.fetch if objects else None
    listeners: list[Listener] = []
    if os.environ.get(CHILDREN):
        from stepsaga.recovery.children_entry import children_from  # noqa: PLC0415  # seldom needed

        listeners.append(children_from(os.environ, parts.store))
    following = Following(parts.store, parts.open_sagas, reconciler, listeners)
    return following, lambda item: decode(item, fetch)


@lru_cache(maxsize=1)
def _log() -> Logger:
    from aws_lambda_powertools import Logger  # noqa: PLC0415  # at the first failure

    return Logger(service="stepsaga.following")
