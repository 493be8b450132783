"""The local stack: one set of tables behind two doors, boto3's own and the server's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from stepsaga.testing.stack import local_stack, tables_only

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.testing.stack import LocalStack

SERVER = "Werkzeug"
"""What the server's replies say that they come from."""


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A running stack."""
    with local_stack() as running:
        yield running


def create(dynamodb: Any, table: str) -> str:
    """Create a table; say who has answered."""
    reply = dynamodb.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return str(reply["ResponseMetadata"]["HTTPHeaders"].get("server", ""))


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1"])
def test_clients_that_are_answered_here_see_what_the_server_has(
    stack: LocalStack, region: str
) -> None:
    """Without a socket or by it, a client sees the same tables: its own region's."""
    stack.reset()
    here = boto3.client("dynamodb", region_name=region)
    server = boto3.Session().client("dynamodb", region_name=region)
    other = boto3.client("dynamodb", region_name="eu-west-1")
    assert SERVER not in create(here, "one")
    assert SERVER in create(server, "two")
    for client in (here, server):
        assert client.list_tables()["TableNames"] == ["one", "two"]
    assert other.list_tables()["TableNames"] == []


def test_both_doors_say_no_in_the_same_words(stack: LocalStack) -> None:
    """What is refused is refused with the same error, whichever way the call took."""
    stack.reset()
    texts = set()
    for client in (boto3.client("dynamodb"), boto3.Session().client("dynamodb")):
        with pytest.raises(client.exceptions.ResourceNotFoundException) as caught:
            client.get_item(TableName="none", Key={"id": {"S": "x"}})
        texts.add(str(caught.value))
    assert len(texts) == 1


def test_a_reset_empties_the_tables_of_both(stack: LocalStack) -> None:
    """Each run begins with nothing, whoever has made what was there."""
    create(boto3.client("dynamodb"), "one")
    create(boto3.Session().client("dynamodb"), "two")
    stack.reset()
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []


def test_other_services_come_in_by_the_server(stack: LocalStack) -> None:
    """Only calls of DynamoDB are answered here; those of any other service work as ever."""
    stack.reset()
    queue = boto3.client("sqs").create_queue(QueueName="questions")["QueueUrl"]
    assert queue.startswith(stack.url)


def test_tables_are_made_once_and_begin_anew_each_time(stack: LocalStack) -> None:
    """The second time a setup is not run again: its tables are there as it had left them."""
    runs = []

    @tables_only
    def setup(dynamodb: Any) -> None:
        runs.append(dynamodb)
        create(dynamodb, "once")
        dynamodb.put_item(TableName="once", Item={"id": {"S": "1"}})

    client = stack.client()
    for _ in range(3):
        stack.prepare(setup, client)
        assert client.scan(TableName="once")["Count"] == 1
        client.put_item(TableName="once", Item={"id": {"S": "2"}})
        create(client, "more")
    assert len(runs) == 1
    stack.prepare(setup, client)
    assert client.list_tables()["TableNames"] == ["once"]


def test_a_setup_that_says_nothing_of_itself_is_run_each_time(stack: LocalStack) -> None:
    """What it keeps elsewhere than in tables is its own to begin anew."""
    runs = []

    def setup(dynamodb: Any) -> None:
        runs.append(dynamodb)
        create(dynamodb, "once")

    for _ in range(2):
        stack.prepare(setup)
    assert len(runs) == 2
