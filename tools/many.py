"""A distributed map over many items, on the simulator: what it costs, and what memory it takes."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from stepsaga import DistributedMap, Input, JsonLines, S3Object, Saga, Step
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.engines.bound import Bound, bound_of
from stepsaga.engines.protocol import Status
from stepsaga.engines.simulator import Simulator
from stepsaga.store.counting import CountingStore
from stepsaga.store.front import StoreInFront
from stepsaga.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stepsaga.store.commits import Commit

BUCKET = "bucket"


class Payout(BaseModel):
    """An item."""

    to: str
    cents: int


class Batch(BaseModel):
    """Where the items are."""

    file: S3Object


def pay() -> None:
    """Have no effect."""


def recall() -> None:
    """Have none either."""


class PayMany(Saga):
    """A distributed map over a file, with a step for each item."""

    batch = Input(Batch)
    payouts = DistributedMap(
        JsonLines(batch.file, item=Payout), pay=Step(pay, compensation=recall), at_most=200
    )


class DiskS3:
    """As much of S3 as is used here, in a folder: so that what it holds takes no memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_object(self, **parameters: Any) -> Mapping[str, Any]:
        """Keep an object."""
        body = parameters["Body"]
        with self._path(parameters["Key"]).open("wb") as file:
            if isinstance(body, bytes):
                file.write(body)
            else:
                while chunk := body.read(65_536):
                    file.write(chunk)
        return {}

    def get_object(self, **parameters: Any) -> Mapping[str, Any]:
        """An object's content as a stream, which whoever reads it to its end lets go."""
        return {"Body": _Body(self._path(parameters["Key"]))}

    def _path(self, key: str) -> Path:
        return self._folder / key.replace("/", "__")


class _Body:
    """Reads a file from where it was left, and keeps it open no longer than that takes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        """As much as that."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            chunk = file.read(size)
        self._at += len(chunk)
        return chunk


class _Conflicts(StoreInFront):
    """Counts commits whose slot was taken."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.count = 0

    def append(self, commit: Commit) -> Commit:
        """Append."""
        stored = self._store.append(commit)
        self.count += stored != commit
        return stored


@dataclass(frozen=True, slots=True)
class Many:
    """What a run came to. ``peak`` is in bytes, and leaves out what is there at the end, too."""

    transitions: int
    writes: int
    reads: int
    conflicts: int
    peak: int
    events: int
    bound: Bound


def many_items(number: int, folder: Path) -> Many:
    """Run the saga over so many items; the folder holds what is in S3.

    Raises:
        RuntimeError: It does not complete.
    """
    with (folder / "in").open("w") as file:
        file.writelines(json.dumps({"to": f"p{n}", "cents": n}) + "\n" for n in range(number))
    value = {"file": {"bucket": BUCKET, "key": "in"}}
    graph = graph_of(PayMany)
    conflicts = _Conflicts(MemoryStore(s3=DiskS3(folder), bucket=BUCKET))
    store = CountingStore(conflicts)
    simulator = Simulator.for_sagas([build(graph)], store=store)
    tracemalloc.start()
    view = simulator.wait(arn := simulator.start("PayMany", value, name="many"))
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if view.status is not Status.SUCCEEDED:
        raise RuntimeError(f"{view.status}: {view.error}: {view.cause}")
    counts = store.counts
    return Many(
        transitions=simulator.transitions(arn),
        writes=counts.writes,
        reads=counts.reads,
        conflicts=conflicts.count,
        peak=peak - kept,
        events=len(simulator.history(arn)),
        bound=bound_of(graph, value, lambda *_: None, files={"payouts": range(number)}),
    )
