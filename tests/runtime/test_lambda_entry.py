"""The one entry point of every participant's function."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from stepsaga.errors import StepFailed
from stepsaga.runtime.lambda_entry import LazyS3, runtime_from
from stepsaga.store import DynamoDBStore
from stepsaga.store.objects import MemoryS3
from stepsaga.store.table import create_table
from tests.runtime.calls import RUN, STREAM, call

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
}
RUN_ONE_CALL = """
import io, json, sys
from stepsaga.runtime import handler
import tests.runtime.entry_handlers
for payload in json.load(sys.stdin):
    try:
        print("reply", json.dumps(handler(payload, None)))
    except Exception as error:
        print("error", type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """DynamoDB on this machine, on a free port."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def in_lambda(payloads: list[Any], **environment: str) -> list[str]:
    """What a function with this environment answers, line by line."""
    done = subprocess.run(  # noqa: S603  # the script is this test's own
        [sys.executable, "-c", RUN_ONE_CALL],
        cwd=ROOT,
        input=json.dumps(payloads),
        env={"PATH": os.environ["PATH"], **KEYS, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if line.startswith(("reply", "error"))]


def client(endpoint: str, service: str = "dynamodb") -> Any:
    """A client, of DynamoDB mostly."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106  # moto takes anything
    )


def test_lambda_finds_the_entry_point() -> None:
    """``stepsaga.runtime.handler`` is module and function, as Lambda splits it."""
    module, _, name = "stepsaga.runtime.handler".rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_a_function_records_in_its_table(endpoint: str) -> None:
    """From the environment alone: the participant's handler runs, its result is in the table."""
    # moto keeps one world for all tests of a process: no other has a table of this name.
    table = "events-of-lambda-entry"
    create_table(client(endpoint), table)
    now = "2999-01-01T00:00:00.000Z"
    payload = call(handler="tests.runtime.entry_handlers:charge", entered=now)
    environment = {
        "STEPSAGA_PARTICIPANT": "tests.runtime.entry_handlers",
        "STEPSAGA_EVENT_TABLE": table,
        "AWS_ENDPOINT_URL": endpoint,
    }
    other = payload | {"handler": "os:getcwd", "slot": [3]}
    again = payload | {"state": payload["state"] | {"RetryCount": 1}}
    first, adopted, refused = in_lambda([payload, again, other], **environment)
    assert first == adopted == 'reply {"value": "paid 30, timer armed"}'
    assert refused.startswith(
        "error Rejected charge: stepsaga.errors.Rejected: os:getcwd is not of"
    )
    store = DynamoDBStore(client=client(endpoint), table=table)
    assert {commit.slot: commit.outcome.value for commit in store.read(STREAM)} == {
        f"{RUN}/00002": "result",
        f"{RUN}/00003": "rejected",
    }


def test_a_function_puts_large_results_into_its_bucket(endpoint: str) -> None:
    """With a bucket in the environment a large result is stored, and a later call is given it."""
    create_table(client(endpoint), "large-events")
    s3 = client(endpoint, "s3")
    region = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket="large-results", CreateBucketConfiguration=region)
    now = "2999-01-01T00:00:00.000Z"
    environment = {
        "STEPSAGA_PARTICIPANT": "tests.runtime.entry_handlers",
        "STEPSAGA_EVENT_TABLE": "large-events",
        "STEPSAGA_EVENT_BUCKET": "large-results",
        "AWS_ENDPOINT_URL": endpoint,
    }
    one = call(handler="tests.runtime.entry_handlers:scan", entered=now)
    [line] = in_lambda([one], **environment)
    pointer = json.loads(line.removeprefix("reply "))["value"]
    [found] = s3.list_objects_v2(Bucket="large-results")["Contents"]
    sha256 = pointer["$stored"]["sha256"]
    assert pointer == {"$stored": {"bucket": "large-results", "sha256": sha256, "bytes": 200_002}}
    assert found["Key"] == f"stepsaga/{sha256}.json"
    two = call(
        handler="tests.runtime.entry_handlers:measure",
        entered=now,
        slot=[3],
        results={"scan": {"value": pointer}},
    )
    assert in_lambda([two], **environment) == ['reply {"value": 200000}']


def test_a_client_for_the_bucket_is_made_when_it_is_needed() -> None:
    """Most calls need none, and a client takes its time: it is made at the first request, once."""
    made: list[str] = []

    def make(service: str) -> MemoryS3:
        made.append(service)
        return MemoryS3()

    s3 = LazyS3(make)
    assert made == []
    s3.put_object(Bucket="b", Key="k", Body=b"1")
    assert s3.get_object(Bucket="b", Key="k")["Body"].read() == b"1"
    assert made == ["s3"]


def test_a_missing_table_is_named(endpoint: str) -> None:
    """Without its table a call fails, retriably, with the table's name."""
    payload = call(
        handler="tests.runtime.entry_handlers:charge", entered="2999-01-01T00:00:00.000Z"
    )
    [line] = in_lambda(
        [payload],
        STEPSAGA_PARTICIPANT="tests.runtime.entry_handlers",
        STEPSAGA_EVENT_TABLE="nowhere",
        AWS_ENDPOINT_URL=endpoint,
    )
    assert line.startswith("error StepFailed charge: TableMissing: ")
    assert "nowhere" in line


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({}, "STEPSAGA_PARTICIPANT is not set"),
        ({"STEPSAGA_PARTICIPANT": "handlers.payments"}, "STEPSAGA_EVENT_TABLE is not set"),
    ],
)
def test_a_missing_variable_is_named(environment: dict[str, str], text: str) -> None:
    """A function that was deployed without its environment says which variable is missing."""
    with pytest.raises(StepFailed, match=text):
        runtime_from(environment)


def test_a_client_that_cannot_be_made_is_a_named_error() -> None:
    """A wrong region is told as a failure of the call, and nothing was done."""
    [line] = in_lambda(
        [call()],
        STEPSAGA_PARTICIPANT="tests.runtime.entry_handlers",
        STEPSAGA_EVENT_TABLE="events",
        AWS_DEFAULT_REGION="not a region",
    )
    assert line.startswith("error StepFailed no dynamodb client can be made: ")
    assert line.endswith("Nothing was done.")
