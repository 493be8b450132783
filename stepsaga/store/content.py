"""JSON text as an attribute: plain, compressed where that saves write units, or in S3.

Three attributes can hold a text; exactly one of them does:

    data    S   the text
    zdata   B   the text, compressed by zlib
    object  M   where it is in S3: bucket, key, and the SHA-256 of its bytes
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.limits import OBJECT_PREFIX
from stepsaga.store.sizes import ITEM_LIMIT_BYTES, attribute_bytes, write_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Attributes = dict[str, Any]
"""Attributes by name, values in DynamoDB JSON."""

OBJECT_BYTES: Final = 16 * 1024
"""What is smaller stays in the item: a commit of countless small events is no reason for countless
requests to S3."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where in S3 a text is. ``sha256`` is the hexadecimal digest of its bytes."""

    bucket: str
    key: str
    sha256: str


def pointer_to(content: bytes, bucket: str) -> Pointer:
    """Where in a bucket a content is kept: the same content under the same key."""
    return pointer_of(bucket, hashlib.sha256(content).hexdigest())


def pointer_of(bucket: str, sha256: str) -> Pointer:
    """The same, by the SHA-256 of the content."""
    return Pointer(bucket, f"{OBJECT_PREFIX}{sha256}.json", sha256)


def checked(content: bytes, pointer: Pointer) -> bytes:
    """The content, if it is what the pointer was made for.

    Raises:
        ValueError: It was changed.
    """
    if (found := hashlib.sha256(content).hexdigest()) != pointer.sha256:
        raise ValueError(
            f"its data in s3://{pointer.bucket}/{pointer.key} was changed: SHA-256 {found},"
            f" recorded {pointer.sha256}"
        )
    return content


@dataclass(frozen=True, slots=True)
class Packed:
    """Texts as attributes, one mapping for each, and the objects that must be in S3 first.

    ``size`` is that of the whole item, in bytes.
    """

    attributes: tuple[Attributes, ...]
    objects: Mapping[str, bytes]
    size: int


def to_text(value: Any) -> str:
    """Compact JSON text, which can always be encoded as UTF-8.

    Raises:
        ValueError: Not JSON: NaN, infinity, something that contains itself, a number too long.
        TypeError: Not JSON: an object of some other type.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair is legal JSON when escaped, but has no UTF-8.
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text


def pack(texts: Sequence[str], *, around: int, bucket: str = "") -> Packed:
    """Choose a form for each text of one item.

    Only what saves a write unit is compressed, and no more texts than needed. Only an item over
    DynamoDB's limit sends large texts to S3, the largest first, until it fits.

    Args:
        texts: JSON texts.
        around: The size of the rest of the item, in bytes.
        bucket: Where large texts may go; empty means nowhere, and the item may stay too large.
    """
    chosen: list[Attributes] = [{"data": {"S": text}} for text in texts]
    size = _compress(texts, chosen, around + _size(chosen))
    objects = _offload(texts, chosen, size, bucket) if bucket else {}
    return Packed(tuple(chosen), objects, around + _size(chosen))


def unpack(attributes: Mapping[str, Any], fetch: Callable[[Pointer], bytes] | None) -> Any:
    """The JSON value that one text's attributes hold.

    Args:
        attributes: May hold others besides.
        fetch: Gets the bytes of an object. None where there is no access to S3.

    Raises:
        ValueError: It cannot be read; says why.
    """
    text = _text_of(attributes, fetch)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its data is not JSON: {error}") from error


def _size(chosen: Iterable[Attributes]) -> int:
    return sum(attribute_bytes(name, one) for form in chosen for name, one in form.items())


def _compress(texts: Sequence[str], chosen: list[Attributes], size: int) -> int:
    """Compress what must be, in place; return the size of the whole item then."""
    if write_units(size) == 1:
        return size
    smaller: list[tuple[int, int, Attributes]] = []
    for index, text in enumerate(texts):
        form: Attributes = {"zdata": {"B": zlib.compress(text.encode(), 9)}}
        if (saved := _size([chosen[index]]) - _size([form])) > 0:
            smaller.append((saved, index, form))
    goal = write_units(size - sum(saved for saved, _, _ in smaller))
    for saved, index, form in sorted(smaller, key=lambda one: one[0], reverse=True):
        if write_units(size) == goal:
            break
        chosen[index] = form
        size -= saved
    return size


def _offload(
    texts: Sequence[str], chosen: list[Attributes], size: int, bucket: str
) -> dict[str, bytes]:
    """Replace large texts by pointers, in place, until the item fits; return the objects."""
    objects: dict[str, bytes] = {}
    for index in sorted(range(len(texts)), key=lambda one: _size([chosen[one]]), reverse=True):
        if size <= ITEM_LIMIT_BYTES or _size([chosen[index]]) < OBJECT_BYTES:
            break
        content = texts[index].encode()
        pointer = pointer_to(content, bucket)
        form: Attributes = {"object": {"M": _pointer_attributes(pointer)}}
        size += _size([form]) - _size([chosen[index]])
        chosen[index] = form
        objects[pointer.key] = content
    return objects


def _pointer_attributes(pointer: Pointer) -> Attributes:
    return {
        "bucket": {"S": pointer.bucket},
        "key": {"S": pointer.key},
        "sha256": {"S": pointer.sha256},
    }


def _text_of(
    attributes: Mapping[str, Any], fetch: Callable[[Pointer], bytes] | None
) -> str | bytes:
    match attributes:
        case {"data": {"S": str(text)}}:
            return text
        case {"zdata": {"B": bytes(compressed)}}:
            try:
                return zlib.decompress(compressed)
            except zlib.error as error:
                raise ValueError(f"its zdata cannot be decompressed: {error}") from error
        case {
            "object": {
                "M": {
                    "bucket": {"S": str(bucket)},
                    "key": {"S": str(key)},
                    "sha256": {"S": str(sha)},
                }
            }
        }:
            return _fetched(Pointer(bucket, key, sha), fetch)
    raise ValueError("it has none of data, zdata and object in the form that stepsaga writes")


def _fetched(pointer: Pointer, fetch: Callable[[Pointer], bytes] | None) -> bytes:
    if fetch is None:
        place = f"s3://{pointer.bucket}/{pointer.key}"
        raise ValueError(f"its data is in {place}, and the store was given no S3 client (s3=...)")
    return checked(fetch(pointer), pointer)
