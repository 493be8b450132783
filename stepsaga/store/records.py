"""The records that Step Functions puts itself, for engines that execute such a Task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import EngineError, StoreError
from stepsaga.store.codec import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.store.protocol import EventStore

KNOWN: Final = frozenset({"TableName", "Item", "ConditionExpression"})
CONDITION: Final = "attribute_not_exists(slot)"


class ConditionFailed(StoreError):
    """The slot is taken: ``DynamoDB.ConditionalCheckFailedException`` on Step Functions."""


def put_record(store: EventStore, parameters: Mapping[str, Any]) -> None:
    """Do what ``arn:aws:states:::dynamodb:putItem`` does, on any event store.

    The store stands for the table, whatever ``TableName`` says. One thing differs from AWS: the
    very same record, put again, counts as put.

    Args:
        store: Where the record goes.
        parameters: The Task's effective ``Parameters``, as the compiler writes them.

    Raises:
        ConditionFailed: The slot is taken by another commit.
        CommitUnreadable: The item is not that of a commit.
        EngineError: The parameters ask for something else than a put into an empty slot.
    """
    if unknown := sorted(parameters.keys() - KNOWN):
        raise EngineError(f"dynamodb:putItem: this store does not know {', '.join(unknown)}")
    if (condition := parameters.get("ConditionExpression")) != CONDITION:
        raise EngineError(
            f"dynamodb:putItem: the condition of a record is {CONDITION!r}, got {condition!r}"
        )
    commit = decode(parameters.get("Item", {}))
    if store.append(commit) != commit:
        raise ConditionFailed(f"{commit.stream_id} {commit.slot}: the conditional request failed")
