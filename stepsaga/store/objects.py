"""Data that is too large for an item, in S3 under keys that come from its content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from stepsaga.store.failures import code_of, explained

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.store.content import Pointer


class S3Client(Protocol):
    """What is used of ``boto3.client("s3")``."""

    def put_object(self, **parameters: Any) -> Mapping[str, Any]:
        """PutObject."""
        ...

    def get_object(self, **parameters: Any) -> Mapping[str, Any]:
        """GetObject."""
        ...


class Objects:
    """Reads any object that an item points to; writes into one bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, objects: Mapping[str, bytes]) -> None:
        """Put objects by key. Again is the same as once: a key comes from its content."""
        for key, content in objects.items():
            with explained(f"bucket {self._bucket!r}"):
                self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=content, ContentType="application/json"
                )

    def fetch(self, pointer: Pointer) -> bytes:
        """The bytes of an object.

        Raises:
            ValueError: It is gone.
        """
        with explained(f"bucket {pointer.bucket!r}"):
            try:
                reply = self._client.get_object(Bucket=pointer.bucket, Key=pointer.key)
                content: bytes = reply["Body"].read()
            except ClientError as error:
                if code_of(error) != "NoSuchKey":
                    raise
                raise ValueError(f"s3://{pointer.bucket}/{pointer.key} is gone") from error
        return content
