from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from stepsaga.cli.failures import Failure
from stepsaga.cli.journal import FOLDER, Entry, Journal, JournalError
from stepsaga.engines.cost import Cost
from tests.cli.streams import COMPLETED, IN_DOUBT, KEPT, RUN, STREAM

if TYPE_CHECKING:
    from pathlib import Path

COST = Cost(4, 0, 4, 4, 0)
FIRST = Entry(STREAM, RUN, KEPT, tuple(COMPLETED), COST, None)
SECOND = Entry(STREAM, "2027-01-01T00:00:00.000Z", KEPT, tuple(IN_DOUBT), COST, Failure("E", "c"))


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    """Runs come back as they were, the oldest first, commits and all."""
    Journal(tmp_path).add(FIRST)
    Journal(tmp_path).add(SECOND)
    assert Journal(tmp_path).read(STREAM) == [FIRST, SECOND]


def test_an_id_finds_its_streams(tmp_path: Path) -> None:
    """An id alone finds the streams of every saga; with its saga just the one."""
    journal = Journal(tmp_path)
    assert journal.find("order-123") == []
    other = "ReturnOrder#order-123"
    journal.add(FIRST)
    journal.add(Entry(other, RUN, KEPT, (), COST, None))
    assert journal.find("order-123") == [STREAM, other]
    assert journal.find(other) == [other]
    assert journal.find("order") == []


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    """The files hold what sagas were given, secrets included: nobody else may read them."""
    Journal(tmp_path).add(FIRST)
    folder = tmp_path / FOLDER
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())]
    assert modes == [0o700, 0o600]


@pytest.mark.parametrize("line", ["{", "{}", "5", '{"run": 1, "kept": {}, "commits": 2}'])
def test_a_damaged_file_is_named(tmp_path: Path, line: str) -> None:
    """What cannot be read is named with its line, and the way out."""
    Journal(tmp_path).add(FIRST)
    path = tmp_path / FOLDER / f"{STREAM}.jsonl"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(JournalError, match=r"FulfilOrder#order-123\.jsonl, line 2: .*delete"):
        Journal(tmp_path).read(STREAM)
