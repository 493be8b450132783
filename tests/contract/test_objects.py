"""What every client for large data does: S3 in memory, and S3 by moto's server."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from stepsaga.errors import StoreUnreachable
from stepsaga.store.content import Pointer, pointer_of
from stepsaga.store.objects import MemoryS3, Objects
from tests.contract.store_backends import local_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.store.objects import S3Client
    from tests.contract.store_backends import LocalAWS


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAWS]:
    """One moto server for this module."""
    with local_aws() as local:
        yield local


@pytest.fixture(params=["memory", "moto"])
def place(request: pytest.FixtureRequest) -> tuple[S3Client, str]:
    """A client, and a bucket of its own."""
    if request.param == "memory":
        return MemoryS3(), "archive"
    aws: LocalAWS = request.getfixturevalue("aws")
    return aws.s3, aws.bucket()


def test_what_is_kept_is_read(place: tuple[S3Client, str]) -> None:
    """The pointer names bucket, key and SHA-256, and leads back to the bytes."""
    client, bucket = place
    objects = Objects(client, bucket)
    content = b'{"a":"\xc3\xa4"}'
    pointer = objects.keep(content)
    sha256 = hashlib.sha256(content).hexdigest()
    assert pointer == Pointer(bucket, f"stepsaga/{sha256}.json", sha256)
    assert pointer == pointer_of(bucket, sha256)
    assert objects.read(pointer) == objects.fetch(pointer) == content


def test_keeping_again_is_the_same_as_once(place: tuple[S3Client, str]) -> None:
    """The key comes from the content alone."""
    client, bucket = place
    assert Objects(client, bucket).keep(b"1") == Objects(client, bucket).keep(b"1")
    assert Objects(client, bucket).keep(b"1") != Objects(client, bucket).keep(b"2")


def test_what_is_gone_is_told(place: tuple[S3Client, str]) -> None:
    """A pointer to nothing is an error that names the place."""
    client, bucket = place
    pointer = pointer_of(bucket, "ab")
    with pytest.raises(ValueError, match=f"s3://{bucket}/stepsaga/ab.json is gone"):
        Objects(client, bucket).read(pointer)


def test_what_was_changed_is_told(place: tuple[S3Client, str]) -> None:
    """Other bytes under the key are an error, with both checksums."""
    client, bucket = place
    objects = Objects(client, bucket)
    pointer = objects.keep(b"1")
    client.put_object(Bucket=bucket, Key=pointer.key, Body=b"2")
    with pytest.raises(ValueError, match=f"was changed: SHA-256 .*, recorded {pointer.sha256}"):
        objects.read(pointer)


def test_reading_knows_other_buckets(place: tuple[S3Client, str]) -> None:
    """A pointer says where its object is: a deployment with another bucket reads it, too."""
    client, bucket = place
    pointer = Objects(client, bucket).keep(b"1")
    assert Objects(client, "").read(pointer) == b"1"


class Closed(MemoryS3):
    """S3 as a role without the right to list it sees what is gone."""

    def get_object(self, **parameters: object) -> dict[str, object]:
        """Refuse."""
        del parameters
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")


def test_what_is_hidden_may_be_gone() -> None:
    """S3 refuses to say that an object is gone to whoever may not list: both are said."""
    with pytest.raises(StoreUnreachable, match="the role may not read it, or it is gone"):
        Objects(Closed(), "archive").read(pointer_of("archive", "ab"))


@given(st.binary(max_size=200))
def test_the_key_is_the_checksum(content: bytes) -> None:
    """Any bytes: the key holds the SHA-256, by which a reader can check without asking anyone."""
    client = MemoryS3()
    pointer = Objects(client, "archive").keep(content)
    assert client.keys == (f"stepsaga/{hashlib.sha256(content).hexdigest()}.json",)
    assert pointer.sha256 in pointer.key
