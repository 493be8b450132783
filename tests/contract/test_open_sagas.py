"""What every implementation of `OpenSagas` does: in memory, and on DynamoDB by moto's server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stepsaga.errors import StoreError, TableMissing
from stepsaga.store.open_sagas import DynamoDBOpenSagas, MemoryOpenSagas, OpenSaga
from stepsaga.store.table import create_open_sagas_table
from tests.contract.store_backends import NUMBERS, local_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.store.open_sagas import OpenSagas

RUN = "2026-01-01T08:00:00.000Z"
ARN = "arn:aws:states:eu-central-1:123456789012:execution:shop-Order:one"
ONE = OpenSaga("Order", "one#1", RUN, ARN, "9f")
SINCE = "2026-01-01T09:00:00.000Z"


@pytest.fixture(scope="module")
def tables() -> Iterator[list[DynamoDBOpenSagas]]:
    """A server, and on it a table that is new each time that one is taken."""
    with local_aws() as aws:

        class Tables(list[DynamoDBOpenSagas]):
            def pop(self, *_: object) -> DynamoDBOpenSagas:
                name = f"open-sagas-{next(NUMBERS)}"
                create_open_sagas_table(aws.dynamodb, name)
                return DynamoDBOpenSagas(client=aws.dynamodb, table=name)

        yield Tables()


@pytest.fixture(params=["memory", "dynamodb"])
def open_sagas(request: pytest.FixtureRequest) -> OpenSagas:
    """Each implementation, empty."""
    if request.param == "memory":
        return MemoryOpenSagas()
    found: OpenSagas = request.getfixturevalue("tables").pop()
    return found


def rows(open_sagas: OpenSagas) -> set[OpenSaga]:
    """All rows."""
    return set(open_sagas.rows())


def test_what_is_added_is_there_once(open_sagas: OpenSagas) -> None:
    """Twice is once; a row says all that it was given, also without a fingerprint."""
    other = replace(ONE, id="two", fingerprint="")
    for row in (ONE, other, ONE):
        open_sagas.add(row)
    assert rows(open_sagas) == {ONE, other}
    assert (ONE.stream, ONE.started.isoformat()) == ("Order#one#1", "2026-01-01T08:00:00+00:00")


def test_two_runs_of_a_name_are_two(open_sagas: OpenSagas) -> None:
    """A name that is used again is another run; one is removed, the other stays (rule 4)."""
    again = replace(ONE, run="2026-06-01T08:00:00.000Z")
    open_sagas.add(ONE)
    open_sagas.add(again)
    open_sagas.remove(ONE.stream, ONE.run)
    assert rows(open_sagas) == {again}


def test_what_is_stuck_stays_so_when_it_is_added_again(open_sagas: OpenSagas) -> None:
    """A first commit that is heard of again does not take the mark away; a mark of none does."""
    open_sagas.add(ONE)
    open_sagas.mark(ONE, SINCE)
    open_sagas.add(ONE)
    assert rows(open_sagas) == {replace(ONE, stuck_since=SINCE)}
    open_sagas.mark(ONE, "")
    open_sagas.mark(ONE, "")
    assert rows(open_sagas) == {ONE}


def test_what_is_not_there_is_neither_marked_nor_missed(open_sagas: OpenSagas) -> None:
    """A mark that comes after the end makes no row; to remove twice is to remove once."""
    for since in (SINCE, ""):
        open_sagas.mark(ONE, since)
    open_sagas.remove(ONE.stream, ONE.run)
    assert rows(open_sagas) == set()


def test_added_as_stuck(open_sagas: OpenSagas) -> None:
    """A row can say from the beginning that it is stuck."""
    open_sagas.add(replace(ONE, stuck_since=SINCE))
    assert rows(open_sagas) == {replace(ONE, stuck_since=SINCE)}


def test_many_pages(open_sagas: OpenSagas) -> None:
    """More than one reply holds: all are there."""
    many = {replace(ONE, id=f"{number}-{'x' * 900}") for number in range(1200)}
    for row in many:
        open_sagas.add(row)
    assert rows(open_sagas) == many


def test_a_table_that_is_not_there() -> None:
    """It is named, with what to do."""
    with local_aws() as aws:
        missing = DynamoDBOpenSagas(client=aws.dynamodb, table="nowhere")
        for use in (
            lambda: missing.add(ONE),
            lambda: missing.mark(ONE, SINCE),
            lambda: missing.remove(ONE.stream, RUN),
            lambda: list(missing.rows()),
        ):
            with pytest.raises(TableMissing, match=r"'nowhere'; deploy the template"):
                use()


def test_a_row_that_is_none() -> None:
    """Somebody else's item is an error that says which, and what to do."""
    with local_aws() as aws:
        create_open_sagas_table(aws.dynamodb, name := f"open-sagas-{next(NUMBERS)}")
        aws.dynamodb.put_item(TableName=name, Item={"stream_id": {"S": "x"}, "run": {"S": "y"}})
        with pytest.raises(StoreError, match=r"none of an open saga's .*'x'.*delete it"):
            list(DynamoDBOpenSagas(client=aws.dynamodb, table=name).rows())
