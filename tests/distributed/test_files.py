"""Files in S3, line by line, and items whatever they are."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stepsaga.runtime.items import _List
from stepsaga.store.objects import CHUNK_BYTES, MemoryS3, Objects
from stepsaga.store.slots import saga_of, shard_of

BUCKET = "bucket"


@given(st.lists(st.binary(max_size=30)), st.integers(0, 3))
def test_lines_are_the_content(parts: list[bytes], many: int) -> None:
    """Put together they are what was put, and only a line break ends one, wherever chunks end."""
    content = b"\n".join(parts) + b"x" * CHUNK_BYTES * many
    objects = Objects(MemoryS3(), BUCKET)
    objects.keep_file("key", BytesIO(content))
    lines = list(objects.lines(BUCKET, "key"))
    assert b"".join(lines) == content
    assert all(line.endswith(b"\n") for line in lines[:-1])
    assert all(line.count(b"\n") <= 1 for line in lines)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(VALUES, max_size=5))
def test_what_is_listed_is_read_again(items: list[Any]) -> None:
    """Each item is one line, whatever is in it, and the same items are the same file."""
    objects = Objects(MemoryS3(), BUCKET)
    keys = set()
    for _ in range(2):
        with _List() as made:
            for item in items:
                made.add(made.count, item)
            keys.add(made.keep(objects))
    [key] = keys
    read = [json.loads(line) for line in objects.lines(BUCKET, key)]
    assert [one["item"] for one in read] == items
    assert [one["index"] for one in read] == [1_000_000 + n for n in range(len(items))]


@given(st.text(alphabet="abc#0123456789-", max_size=20), st.integers(1, 89_999), st.integers(0, 15))
def test_a_shard_leads_to_its_saga(name: str, fork: int, shard: int) -> None:
    """The stream of an item says whose it is."""
    stream = f"Any#{name}"
    assert saga_of(shard_of(stream, fork, shard)) == stream
