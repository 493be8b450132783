"""Sagas that were run on this machine, kept below ``.stepsaga`` so that they can be shown later.

One file a stream, JSON lines: a line for each run, its commits in it. The commits are as the event
store has them, sensitive values included; so the files are for their owner only, and ``.stepsaga``
belongs into ``.gitignore``.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.cli.failures import Failure, LaneFailure
from stepsaga.engines.cost import Cost
from stepsaga.errors import StepsagaError
from stepsaga.store.commits import Commit, EventRecord, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FOLDER: Final = ".stepsaga"


class JournalError(StepsagaError, ValueError):
    """A file below ``.stepsaga`` is not what this release writes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One run of a saga. ``run`` is its start, with which its slots begin.

    What a child cost is in its parent's cost: it has None. ``parent`` is the stream of its parent.
    """

    stream_id: str
    run: str
    kept: Mapping[str, Any]
    commits: tuple[Commit, ...]
    cost: Cost | None
    failure: Failure | None
    parent: str = ""


class Journal:
    """What was run in a project."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER

    def add(self, entry: Entry) -> None:
        """Keep a run. A name that was used before has several."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        head = {
            "run": entry.run,
            "kept": entry.kept,
            "cost": None if entry.cost is None else asdict(entry.cost),
            "parent": entry.parent,
            "failure": None if entry.failure is None else asdict(entry.failure),
            "commits": [asdict(commit) for commit in entry.commits],
        }
        path = self._folder / f"{entry.stream_id}.jsonl"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(json.dumps(head, ensure_ascii=False) + "\n")

    def find(self, saga_id: str) -> list[str]:
        """The streams of an id: ``order-123`` or ``FulfilOrder#order-123``."""
        streams = self.streams()
        if "#" in saga_id:
            return [stream for stream in streams if stream == saga_id]
        return [stream for stream in streams if stream.partition("#")[2] == saga_id]

    def streams(self) -> list[str]:
        """All streams, by name."""
        return sorted(path.stem for path in self._folder.glob("*#*.jsonl"))

    def commits(self, stream_id: str) -> list[Commit]:
        """The commits of a stream's latest run; none where it is not kept here."""
        path = self._folder / f"{stream_id}.jsonl"
        return list(self.read(stream_id)[-1].commits) if path.exists() else []

    def read(self, stream_id: str) -> list[Entry]:
        """The runs of a stream, the oldest first.

        Raises:
            JournalError: A line is not what `add` writes.
        """
        path = self._folder / f"{stream_id}.jsonl"
        entries = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                entries.append(_entry(stream_id, json.loads(line)))
            except (ValueError, LookupError, TypeError) as error:
                text = f"{path}, line {number}: {error}; delete the file, and run the saga again"
                raise JournalError(text) from error
        return entries


def _entry(stream_id: str, head: Mapping[str, Any]) -> Entry:
    return Entry(
        stream_id=stream_id,
        run=head["run"],
        kept=head["kept"],
        commits=_commits(head["commits"]),
        cost=None if head["cost"] is None else Cost(**head["cost"]),
        failure=None if head["failure"] is None else _failure(head["failure"]),
        parent=head.get("parent", ""),  # files were written before there were children
    )


def _failure(value: Mapping[str, Any]) -> Failure:
    lanes = (LaneFailure(**{**one, "lane": tuple(one["lane"])}) for one in value.get("lanes", ()))
    return Failure(**{**value, "lanes": tuple(lanes)})


def _commits(values: Sequence[Mapping[str, Any]]) -> tuple[Commit, ...]:
    return tuple(
        Commit(
            **{
                **value,
                "outcome": Outcome(value["outcome"]),
                "events": tuple(EventRecord(**event) for event in value["events"]),
            }
        )
        for value in values
    )
