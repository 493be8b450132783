"""Data that is too large for its place, in S3 under keys that come from its content."""

from __future__ import annotations

from io import BytesIO
from threading import Lock
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from stepsaga.errors import StoreUnreachable
from stepsaga.store.content import checked, pointer_to
from stepsaga.store.failures import code_of, explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stepsaga.store.content import Pointer

CHUNK_BYTES: Final = 64 * 1024
GONE: Final = "NoSuchKey"
HIDDEN: Final = "AccessDenied"
"""What S3 also says of an object that is gone, to whoever may not list the bucket.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""


class S3Client(Protocol):
    """What is used of ``boto3.client("s3")``."""

    def put_object(self, **parameters: Any) -> Mapping[str, Any]:
        """PutObject."""
        ...

    def get_object(self, **parameters: Any) -> Mapping[str, Any]:
        """GetObject."""
        ...


class Objects:
    """Reads any object that something points to; writes into one bucket.

    Args:
        client: A low-level client.
        bucket: The bucket to write into; empty where nothing is written.
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        """The bucket that is written into; empty where nothing is."""
        return self._bucket

    def keep(self, content: bytes) -> Pointer:
        """Put a content under its own key. Again is the same as once."""
        pointer = pointer_to(content, self._bucket)
        self.put({pointer.key: content})
        return pointer

    def put(self, objects: Mapping[str, bytes], *, bucket: str = "") -> None:
        """Put objects by key. Again is the same as once: a key comes from its content."""
        for key, content in objects.items():
            with explained(f"bucket {bucket or self._bucket!r}"):
                self._client.put_object(
                    Bucket=bucket or self._bucket,
                    Key=key,
                    Body=content,
                    ContentType="application/json",
                )

    def keep_file(self, key: str, content: IO[bytes], *, bucket: str = "") -> None:
        """Put what a file holds, from its beginning. Again is the same as once, as in `put`."""
        content.seek(0)
        with explained(f"bucket {bucket or self._bucket!r}"):
            self._client.put_object(
                Bucket=bucket or self._bucket,
                Key=key,
                Body=content,
                ContentType="application/jsonl",
            )

    def lines(self, bucket: str, key: str) -> Iterator[bytes]:
        """The lines of an object of anybody's, with their ends; never all of them in memory.

        Raises:
            ValueError: It is gone.
            StoreError: It cannot be read.
        """
        body = self._opened(bucket, key)
        rest = b""
        while True:
            with explained(f"bucket {bucket!r}"):
                chunk = body.read(CHUNK_BYTES)
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line + b"\n" for line in lines)
            if not chunk:
                break
        if rest:
            yield rest

    def read(self, pointer: Pointer) -> bytes:
        """The bytes of an object, which are those that were kept.

        Raises:
            ValueError: It is gone, or was changed.
        """
        return checked(self.fetch(pointer), pointer)

    def fetch(self, pointer: Pointer) -> bytes:
        """The bytes of an object, whatever they are.

        Raises:
            ValueError: It is gone.
        """
        body = self._opened(pointer.bucket, pointer.key)
        with explained(f"bucket {pointer.bucket!r}"):
            content: bytes = body.read()
        return content

    def _opened(self, bucket: str, key: str) -> Any:
        place = f"s3://{bucket}/{key}"
        with explained(f"bucket {bucket!r}"):
            try:
                return self._client.get_object(Bucket=bucket, Key=key)["Body"]
            except ClientError as error:
                if code_of(error) == HIDDEN:
                    raise StoreUnreachable(
                        f"AWS refuses {place} ({HIDDEN}): the role may not read it, or it is gone"
                    ) from error
                if code_of(error) != GONE:
                    raise
                raise ValueError(f"{place} is gone") from error


class MemoryS3:
    """As much of S3 as `Objects` uses, in memory: for runs and tests in one process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._contents: dict[tuple[str, str], bytes] = {}

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all objects, sorted."""
        with self._lock:
            return tuple(sorted(key for _, key in self._contents))

    def put_object(self, **parameters: Any) -> Mapping[str, Any]:
        """Keep an object; one that is there is replaced."""
        with self._lock:
            body = parameters["Body"]
            content = body.read() if hasattr(body, "read") else bytes(body)
            self._contents[parameters["Bucket"], parameters["Key"]] = content
        return {}

    def get_object(self, **parameters: Any) -> Mapping[str, Any]:
        """An object's content as a stream.

        Raises:
            ClientError: There is none, in S3's words.
        """
        with self._lock:
            content = self._contents.get((parameters["Bucket"], parameters["Key"]))
        if content is None:
            told = {"Code": GONE, "Message": "The specified key does not exist."}
            raise ClientError({"Error": told}, "GetObject")
        return {"Body": BytesIO(content)}
