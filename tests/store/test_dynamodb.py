from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ParamValidationError,
)

from stepsaga.errors import (
    CommitTooLarge,
    CommitUnreadable,
    StoreError,
    StoreThrottled,
    StoreUnreachable,
    TableMissing,
    UsageError,
)
from stepsaga.store import DynamoDBStore
from stepsaga.store.codec import encode
from stepsaga.store.counting import CountingClient, Counts
from stepsaga.store.sizes import item_bytes
from stepsaga.store.slots import slot_text
from stepsaga.store.table import create_table
from tests.contract.store_backends import (
    Fails,
    KeepsWinner,
    LosesReply,
    Passes,
    aws_client,
    local_aws,
)
from tests.contract.store_commits import RUN, STREAM, commit, event, noise, seal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.contract.store_backends import LocalAWS

LARGE = commit(event(noise(600_000)))


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAWS]:
    """One moto server for this module."""
    with local_aws() as local:
        yield local


@pytest.fixture
def table(aws: LocalAWS) -> str:
    """A new event table."""
    return aws.table()


def client_error(code: str, status: int = 400) -> ClientError:
    """An error as AWS sends it."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": "as AWS says it"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        "PutItem",
    )


class Recorder(Passes):
    """Keeps the parameters of every put."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.puts: list[dict[str, Any]] = []

    def put_item(self, **parameters: Any) -> Mapping[str, Any]:
        """As the client behind."""
        self.puts.append(parameters)
        return super().put_item(**parameters)


def test_an_append_is_one_conditional_put(aws: LocalAWS, table: str) -> None:
    """An append sends one put, under the condition that the slot is empty, and reads nothing."""
    recorder = Recorder(aws.dynamodb)
    counting = CountingClient(recorder)
    DynamoDBStore(client=counting, table=table).append(commit())
    assert counting.counts == Counts(writes=1, write_units=1, reads=0)
    assert recorder.puts == [
        {
            "TableName": table,
            "Item": encode(commit()).item,
            "ConditionExpression": "attribute_not_exists(slot)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    ]


def test_a_refused_append_learns_of_the_winner_without_a_read(aws: LocalAWS, table: str) -> None:
    """The refusal itself carries what the slot holds: a second request is not needed."""
    counting = CountingClient(aws.dynamodb)
    store = DynamoDBStore(client=counting, table=table)
    store.append(seal())
    assert store.append(commit()) == seal()
    assert counting.counts == Counts(writes=2, write_units=2, reads=0)


@pytest.mark.parametrize("steps", [1, 3, 10])
def test_a_stream_of_n_commits_costs_n_writes(aws: LocalAWS, table: str, steps: int) -> None:
    """As many appends are as many puts of one unit each, and no read."""
    counting = CountingClient(aws.dynamodb)
    store = DynamoDBStore(client=counting, table=table)
    for step in range(1, steps + 1):
        store.append(commit(slot=slot_text(RUN, (step,))))
    assert counting.counts == Counts(writes=steps, write_units=steps, reads=0)


def test_a_write_whose_reply_was_lost_finds_itself(aws: LocalAWS, table: str) -> None:
    """After a lost reply the same append is answered by the commit that had landed."""
    store = DynamoDBStore(client=LosesReply(aws.dynamodb), table=table)
    with pytest.raises(StoreUnreachable, match="no answer"):
        store.append(commit())
    assert store.append(commit()) == commit()
    assert list(store.read(STREAM)) == [commit()]


def test_another_outcome_after_a_lost_reply_is_told_the_first(aws: LocalAWS, table: str) -> None:
    """A retry that comes to another outcome gets the one that had landed, not its own (rule 6)."""
    store = DynamoDBStore(client=LosesReply(aws.dynamodb), table=table)
    with pytest.raises(StoreUnreachable):
        store.append(commit(event("first")))
    assert store.append(commit(event("second"), attempt=1)) == commit(event("first"))


def test_a_refusal_without_the_item_is_read_up(aws: LocalAWS, table: str) -> None:
    """Where the refusal lacks the item, one consistent read finds it."""
    counting = CountingClient(KeepsWinner(aws.dynamodb))
    store = DynamoDBStore(client=counting, table=table)
    store.append(seal())
    assert store.append(commit()) == seal()
    assert counting.counts == Counts(writes=2, write_units=2, reads=1)


def test_a_slot_that_was_emptied_is_noticed(aws: LocalAWS, table: str) -> None:
    """A slot that refuses a write and is empty then has been deleted by somebody: an error."""
    refuses = Fails(aws.dynamodb, client_error("ConditionalCheckFailedException"))
    mixed = Passes(aws.dynamodb)
    store = DynamoDBStore(client=Split(put=refuses, get=mixed), table=table)
    with pytest.raises(StoreError, match="somebody deletes items"):
        store.append(commit())


class Split(Passes):
    """Puts by one client, reads by another."""

    def __init__(self, put: Passes, get: Passes) -> None:
        super().__init__(get)
        self.put = put

    def put_item(self, **parameters: Any) -> Mapping[str, Any]:
        """By the client for puts."""
        return self.put.put_item(**parameters)


def test_pages_are_read_when_they_are_come_to(aws: LocalAWS, table: str) -> None:
    """A reader that stops early has not asked for the pages behind; all reads are consistent."""
    reads = Reads(aws.dynamodb)
    store = DynamoDBStore(client=reads, table=table)
    for number in range(1, 16):
        store.append(commit(event(noise(120_000, seed=number)), slot=slot_text(RUN, (number,))))
    commits = store.read(STREAM)
    assert reads.consistent == []
    next(commits)
    assert reads.consistent == [True]
    assert len(list(commits)) == 14
    assert len(reads.consistent) > 1
    store.get(STREAM, slot_text(RUN, (1,)))
    assert all(reads.consistent)


class Reads(Passes):
    """Keeps whether each read asked for consistency."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.consistent: list[bool] = []

    def get_item(self, **parameters: Any) -> Mapping[str, Any]:
        """As the client behind."""
        self.consistent.append(parameters.get("ConsistentRead", False))
        return super().get_item(**parameters)

    def query(self, **parameters: Any) -> Mapping[str, Any]:
        """As the client behind."""
        self.consistent.append(parameters.get("ConsistentRead", False))
        return super().query(**parameters)


def test_an_empty_page_is_not_the_end(aws: LocalAWS) -> None:
    """A page without items that has a key to go on from is gone on from."""
    item = encode(commit()).item
    pages: list[dict[str, Any]] = [
        {"Items": [], "LastEvaluatedKey": {"slot": {"S": "x"}}},
        {"Items": [item]},
    ]
    store = DynamoDBStore(client=Pages(aws.dynamodb, pages), table="any")
    assert list(store.read(STREAM)) == [commit()]


class Pages(Passes):
    """Answers queries with prepared pages."""

    def __init__(self, client: Any, pages: list[dict[str, Any]]) -> None:
        super().__init__(client)
        self.pages = iter(pages)

    def query(self, **_parameters: Any) -> Mapping[str, Any]:
        """The next page."""
        return next(self.pages)


def test_an_item_that_somebody_emptied_is_refused(aws: LocalAWS, table: str) -> None:
    """An item that was overwritten past the store is an error on every way of reading it."""
    store = DynamoDBStore(client=aws.dynamodb, table=table)
    key = {"stream_id": {"S": STREAM}, "slot": {"S": commit().slot}}
    aws.dynamodb.put_item(TableName=table, Item=key)
    for read in (
        lambda: store.get(STREAM, commit().slot),
        lambda: list(store.read(STREAM)),
        lambda: store.append(commit()),
    ):
        with pytest.raises(CommitUnreadable, match=r"order-123 .*/00002 cannot be read"):
            read()


# Large data in S3


def archive(aws: LocalAWS, table: str) -> tuple[DynamoDBStore, str]:
    """A store with a bucket, and the bucket's name."""
    bucket = aws.bucket()
    return DynamoDBStore(client=aws.dynamodb, table=table, s3=aws.s3, bucket=bucket), bucket


def stored_key(aws: LocalAWS, bucket: str) -> str:
    """The key of the only object in a bucket."""
    [one] = aws.s3.list_objects_v2(Bucket=bucket)["Contents"]
    key: str = one["Key"]
    return key


def test_large_data_is_kept_in_s3(aws: LocalAWS, table: str) -> None:
    """A commit over 400 KB is kept, its data in S3; written again it finds itself."""
    store, bucket = archive(aws, table)
    assert store.append(LARGE) == store.append(LARGE) == LARGE
    assert store.get(STREAM, LARGE.slot) == LARGE
    assert list(store.read(STREAM)) == [LARGE]
    assert stored_key(aws, bucket).startswith("stepsaga/")


def test_a_large_definition_is_kept_in_s3(aws: LocalAWS, table: str) -> None:
    """A graph over 400 KB is kept in S3, too (rule 9)."""
    store, _ = archive(aws, table)
    graph = {"schema": noise(600_000)}
    store.put_definition("9f", graph)
    assert store.get_definition("9f") == graph


def test_data_in_s3_that_was_changed_is_refused(aws: LocalAWS, table: str) -> None:
    """An object that is not what was recorded is never used."""
    store, bucket = archive(aws, table)
    store.append(LARGE)
    aws.s3.put_object(Bucket=bucket, Key=stored_key(aws, bucket), Body=b'{"value": 1}')
    with pytest.raises(CommitUnreadable, match="was changed"):
        store.get(STREAM, LARGE.slot)


def test_data_in_s3_that_is_gone_is_named(aws: LocalAWS, table: str) -> None:
    """An object that is not there is an error that names commit and object."""
    store, bucket = archive(aws, table)
    store.append(LARGE)
    key = stored_key(aws, bucket)
    aws.s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(CommitUnreadable, match=f"s3://{bucket}/{key} is gone"):
        store.get(STREAM, LARGE.slot)


def test_a_bucket_that_is_missing_leaves_nothing(aws: LocalAWS, table: str) -> None:
    """Where the object cannot be put, no item is put either."""
    store = DynamoDBStore(client=aws.dynamodb, table=table, s3=aws.s3, bucket="no-such-bucket")
    with pytest.raises(StoreError, match=r"bucket 'no-such-bucket': NoSuchBucket"):
        store.append(LARGE)
    assert list(store.read(STREAM)) == []


def test_a_store_reads_from_any_bucket_and_writes_to_its_own(aws: LocalAWS, table: str) -> None:
    """A commit says where its data is: a store with another bucket, or none, reads it."""
    archive(aws, table)[0].append(LARGE)
    moved = DynamoDBStore(client=aws.dynamodb, table=table, s3=aws.s3, bucket=aws.bucket())
    reader = DynamoDBStore(client=aws.dynamodb, table=table, s3=aws.s3)
    assert moved.get(STREAM, LARGE.slot) == reader.get(STREAM, LARGE.slot) == LARGE
    with pytest.raises(CommitTooLarge):
        reader.append(LARGE)


def test_without_an_s3_client_the_way_out_is_named(aws: LocalAWS, table: str) -> None:
    """A store that meets data in S3 and has no client for it says which argument is missing."""
    archive(aws, table)[0].append(LARGE)
    with pytest.raises(CommitUnreadable, match=r"no S3 client \(s3=\.\.\.\)"):
        DynamoDBStore(client=aws.dynamodb, table=table).get(STREAM, LARGE.slot)


def test_a_bucket_needs_a_client(aws: LocalAWS) -> None:
    """A bucket without an S3 client is refused at once, not at the first large commit."""
    with pytest.raises(UsageError, match="'archive' needs an S3 client"):
        DynamoDBStore(client=aws.dynamodb, table="events", bucket="archive")


# What AWS's errors mean

REQUESTS: list[Callable[[DynamoDBStore], object]] = [
    lambda store: store.append(commit()),
    lambda store: store.get(STREAM, RUN),
    lambda store: list(store.read(STREAM)),
    lambda store: store.put_definition("9f", {}),
    lambda store: store.get_definition("9f"),
]


@pytest.mark.parametrize("request_of", REQUESTS)
def test_a_missing_table_is_named(
    aws: LocalAWS, request_of: Callable[[DynamoDBStore], object]
) -> None:
    """Every request to a table that is not there names it and says how to create it."""
    store = DynamoDBStore(client=aws.dynamodb, table="nowhere")
    with pytest.raises(TableMissing, match=r"no table 'nowhere'; deploy .*create_table\(client"):
        request_of(store)


@pytest.mark.parametrize("request_of", REQUESTS)
@pytest.mark.parametrize(
    ("error", "meaning", "text"),
    [
        (client_error("ProvisionedThroughputExceededException"), StoreThrottled, "over its rate"),
        (client_error("ThrottlingException"), StoreThrottled, "over its rate"),
        (client_error("RequestLimitExceeded"), StoreThrottled, "over its rate"),
        (client_error("AccessDeniedException"), StoreUnreachable, "check the role's policy"),
        (
            client_error("UnrecognizedClientException"),
            StoreUnreachable,
            "refuses these credentials",
        ),
        (client_error("ExpiredTokenException"), StoreUnreachable, "refuses these credentials"),
        (client_error("InternalServerError", 500), StoreUnreachable, "AWS failed"),
        (client_error("ValidationException"), StoreError, "ValidationException: as AWS says it"),
        (NoCredentialsError(), StoreUnreachable, "set AWS_PROFILE"),
        (ConnectTimeoutError(endpoint_url="http://x"), StoreUnreachable, "check the network"),
        (ParamValidationError(report="wrong"), StoreError, "wrong"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_errors_of_aws_have_a_meaning(
    aws: LocalAWS,
    request_of: Callable[[DynamoDBStore], object],
    error: Exception,
    meaning: type[Exception],
    text: str,
) -> None:
    """Each kind of error is raised under the store's own name, with the table and the way out."""
    store = DynamoDBStore(client=Fails(aws.dynamodb, error), table="events")
    with pytest.raises(meaning, match="table 'events'") as caught:
        request_of(store)
    assert type(caught.value) is meaning
    assert text in str(caught.value)
    assert caught.value.__cause__ is error


def test_nobody_listening_is_unreachable() -> None:
    """An endpoint where nobody listens is told from a table that is missing."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))  # held, so that nobody else can listen there
        endpoint = f"http://127.0.0.1:{held.getsockname()[1]}"
        with (
            closing(aws_client("dynamodb", endpoint)) as client,
            pytest.raises(StoreUnreachable, match="AWS_ENDPOINT_URL"),
        ):
            DynamoDBStore(client=client, table="events").append(commit())


# The table


def test_the_table_is_as_designed(aws: LocalAWS) -> None:
    """The local table has the keys, the billing and the stream that the deployed one has."""
    create_table(aws.dynamodb, "store-by-hand")
    table = aws.dynamodb.describe_table(TableName="store-by-hand")["Table"]
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [
        ("stream_id", "HASH"),
        ("slot", "RANGE"),
    ]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert not table.get("GlobalSecondaryIndexes")


def test_the_counting_client_counts_units_as_sent(aws: LocalAWS, table: str) -> None:
    """Units are those of the item that was sent, compressed and with its data in S3."""
    counting = CountingClient(aws.dynamodb)
    store = DynamoDBStore(client=counting, table=table, s3=aws.s3, bucket=aws.bucket())
    store.append(LARGE)
    store.get_definition("9f")
    list(store.read(STREAM))
    assert item_bytes(encode(LARGE, bucket="b").item) < 1024
    assert counting.counts == Counts(writes=1, write_units=1, reads=2)


def test_a_resource_is_not_taken_for_a_client() -> None:
    """What the store is given is a low-level client: boto3 offers the methods that are used."""
    client = boto3.client(
        "dynamodb",
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 (opens nothing)
    )
    with closing(client):
        assert all(hasattr(client, name) for name in ("put_item", "get_item", "query"))
