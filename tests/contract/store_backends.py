"""What the contract suite of event stores runs on: memory, and DynamoDB and S3 by moto's server."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.server import ThreadedMotoServer

from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.table import create_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stepsaga.store.dynamodb import DynamoDBClient

REGION = "eu-central-1"
NUMBERS = count(1)
"""For names that nobody else has: all moto servers of a process share what they hold."""


def aws_client(service: str, endpoint: str, **credentials: str) -> Any:
    """A low-level client for a local endpoint, with credentials that open nothing."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"} | credentials
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, config=config, **keys)


@dataclass(frozen=True)
class LocalAWS:
    """Clients for one moto server, and names that nobody else has."""

    endpoint: str
    dynamodb: Any
    s3: Any

    def table(self) -> str:
        """The name of a new, empty event table."""
        name = f"store-events-{next(NUMBERS)}"
        create_table(self.dynamodb, name)
        return name

    def bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"store-objects-{next(NUMBERS)}"
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def store(self) -> DynamoDBStore:
        """A store on a new table, each of whose puts is atomic (see `Atomic`)."""
        return DynamoDBStore(client=Atomic(self.dynamodb), table=self.table())


@contextmanager
def local_aws() -> Iterator[LocalAWS]:
    """A moto server in this process, on a free port, for as long as the block runs."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        with (
            closing(aws_client("dynamodb", endpoint)) as dynamodb,
            closing(aws_client("s3", endpoint)) as s3,
        ):
            yield LocalAWS(endpoint, dynamodb, s3)
    finally:
        server.stop()


class Passes:
    """A client in front of another; those below change one thing."""

    def __init__(self, client: DynamoDBClient) -> None:
        self.client = client

    def put_item(self, **parameters: Any) -> Mapping[str, Any]:
        """As the client behind."""
        return self.client.put_item(**parameters)

    def get_item(self, **parameters: Any) -> Mapping[str, Any]:
        """As the client behind."""
        return self.client.get_item(**parameters)

    def query(self, **parameters: Any) -> Mapping[str, Any]:
        """As the client behind."""
        return self.client.query(**parameters)


class KeepsQueries(Passes):
    """It keeps the parameters of each query."""

    def __init__(self, client: DynamoDBClient) -> None:
        super().__init__(client)
        self.queries: list[Mapping[str, Any]] = []

    def query(self, **parameters: Any) -> Mapping[str, Any]:
        """As the client behind."""
        self.queries.append(parameters)
        return super().query(**parameters)


class Atomic(Passes):
    """One put at a time: moto checks a condition and writes in two steps, DynamoDB in one."""

    def __init__(self, client: DynamoDBClient) -> None:
        super().__init__(client)
        self.lock = Lock()

    def put_item(self, **parameters: Any) -> Mapping[str, Any]:
        """As the client behind, alone."""
        with self.lock:
            return super().put_item(**parameters)


class LosesReply(Passes):
    """The first put takes effect, and its reply is lost."""

    lost = False

    def put_item(self, **parameters: Any) -> Mapping[str, Any]:
        """As the client behind; the first reply never arrives."""
        reply = super().put_item(**parameters)
        if not self.lost:
            self.lost = True
            raise ReadTimeoutError(endpoint_url="http://dynamodb.invalid")
        return reply


class KeepsWinner(Passes):
    """Its refusals lack the item that is there, as DynamoDB Local's before 2.2."""

    def put_item(self, **parameters: Any) -> Mapping[str, Any]:
        """As the client behind, without ``Item`` in the error."""
        try:
            return super().put_item(**parameters)
        except ClientError as error:
            error.response.pop("Item", None)
            raise


class Fails(Passes):
    """Every request raises one error."""

    def __init__(self, client: DynamoDBClient, error: Exception) -> None:
        super().__init__(client)
        self.error = error

    def put_item(self, **_parameters: Any) -> Mapping[str, Any]:
        """Raises."""
        raise self.error

    def get_item(self, **_parameters: Any) -> Mapping[str, Any]:
        """Raises."""
        raise self.error

    def query(self, **_parameters: Any) -> Mapping[str, Any]:
        """Raises."""
        raise self.error
