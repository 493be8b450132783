"""A participant's table: items by id, and writes that happen together, once, or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Item = dict[str, Any]

ABSENT: Final = "attribute_not_exists(id)"
PRESENT: Final = "attribute_exists(id)"
CONDITION_FAILED: Final = "ConditionalCheckFailed"
CANCELLED: Final = "TransactionCanceledException"


class Client(Protocol):
    """What a table needs of boto3's DynamoDB client."""

    def get_item(self, **request: Any) -> Any:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html."""
        ...

    def transact_write_items(self, **request: Any) -> Any:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html."""
        ...


class Refused(Exception):  # it is no error: a condition said no
    """A transaction wrote nothing: the conditions of the writes at ``places`` did not hold."""

    def __init__(self, places: Sequence[int]) -> None:
        self.places = tuple(places)
        super().__init__(f"the conditions of the writes {self.places} did not hold")


class Busy(Exception):  # read as a state: another transaction is under way
    """A transaction wrote nothing because another one was under way; try again."""


class UndoneAlready(Exception):  # read as a state of the step
    """The step was undone before it arrived; its effect must not happen any more."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} was undone before it arrived: nothing was done")


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a transaction: exactly one of ``put`` and ``update``.

    Conditions and updates are DynamoDB expressions; ``values`` are their ``:names``.
    """

    id: str
    condition: str
    put: Mapping[str, Any] | None = None
    update: str = ""
    values: Mapping[str, Any] | None = None
    names: Mapping[str, str] | None = None


def use_of(table: str) -> dict[str, Any]:
    """The rights that a `Table` needs: items are read, put and updated, one by one."""
    actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    return {"Effect": "Allow", "Action": actions, "Resource": table}


def moves_on(id: str, before: str, after: str) -> Write:  # noqa: A002  # the attribute's name
    """A record goes from one state to the next, once."""
    return Write(
        id,
        "#state = :before",
        update="SET #state = :after",
        values={":before": before, ":after": after},
        names={"#state": "state"},
    )


def moves_money(source: str, target: str, amount: int) -> list[Write]:
    """Cents go from one balance to another, where both are there and the first covers them."""
    return [
        Write(
            source,
            "balance >= :amount",
            update="SET balance = balance - :amount",
            values={":amount": amount},
        ),
        Write(
            target,
            PRESENT,
            update="SET balance = balance + :amount",
            values={":amount": amount},
        ),
    ]


class Table:
    """Items of one table by their ``id``."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.name = name
        self._encode = TypeSerializer().serialize

    @classmethod
    def of(cls, variable: str, default: str) -> Self:
        """The table that an environment variable names."""
        return cls(boto3.client("dynamodb"), name_of(variable, default))

    def get(self, id: str) -> Item | None:  # noqa: A002  # the attribute's name
        """An item as it is now."""
        reply = self._client.get_item(
            TableName=self.name, Key={"id": {"S": id}}, ConsistentRead=True
        )
        return decode(reply["Item"]) if "Item" in reply else None

    def settle(self, id: str, record: Mapping[str, Any]) -> Item:  # noqa: A002  # the attribute's name
        """Put a record where there is none; return the one that is there from now on.

        Whoever comes second, with whatever it wants to do under this id, finds the first one's.
        """
        try:
            self.write(Write(id, ABSENT, put=record))
        except Refused:
            found = self.get(id)
            if found is None:
                raise Busy(f"{self.name}: {id} was there, and is gone") from None
            return found
        return {"id": id, **record}

    def write(self, *writes: Write) -> None:
        """All of the writes, or none.

        Raises:
            Refused: Conditions did not hold, and nothing else was in the way.
            Busy: Another transaction holds one of the items.
        """
        try:
            self._client.transact_write_items(TransactItems=[self._one(w) for w in writes])
        except ClientError as error:
            if error.response["Error"]["Code"] != CANCELLED:
                raise
            raise _why(error) from error

    def _one(self, write: Write) -> dict[str, Any]:
        common: dict[str, Any] = {
            "TableName": self.name,
            "ConditionExpression": write.condition,
        }
        if write.names:
            common["ExpressionAttributeNames"] = dict(write.names)
        if write.values:
            common["ExpressionAttributeValues"] = self._item(write.values)
        if write.put is not None:
            return {"Put": {**common, "Item": self._item({"id": write.id, **write.put})}}
        return {
            "Update": {**common, "Key": {"id": {"S": write.id}}, "UpdateExpression": write.update}
        }

    def _item(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self._encode(value) for key, value in values.items()}


def name_of(variable: str, default: str) -> str:
    """A table's name: what the environment says, or the default."""
    return os.environ.get(variable) or default


def decode(item: Mapping[str, Any]) -> Item:
    """An item as Python values; numbers are `decimal.Decimal`."""
    read = TypeDeserializer().deserialize
    return {key: read(value) for key, value in item.items()}


def _why(error: ClientError) -> Refused | Busy:
    reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
    refused = [place for place, code in enumerate(reasons) if code == CONDITION_FAILED]
    other = {code for code in reasons if code not in (None, "None", CONDITION_FAILED)}
    # A condition that failed beside a conflict says nothing for sure: the other transaction may be
    # this very call, delivered twice.
    return Refused(refused) if refused and not other else Busy(str(error))
