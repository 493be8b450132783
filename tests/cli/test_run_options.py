from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.cli.run import read_input
from stepsaga.errors import UsageError
from stepsaga.testing.cases import parse_faults

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("wanted", "faults"),
    [
        ([], {}),
        (["charge=times out after"], {"charge": "times out after"}),
        ([" undo charge = raises "], {"undo charge": "raises"}),
        (["ship=raises,ok"], {"ship": ("raises", None)}),
        (["a=raises", "b=ok, reply lost"], {"a": "raises", "b": (None, "reply lost")}),
        (["a=ok"], {"a": (None,)}),
    ],
)
def test_faults_as_they_are_typed(wanted: list[str], faults: dict[str, Any]) -> None:
    """One kind is for every attempt, a list is for one attempt each."""
    assert parse_faults(wanted) == faults


@pytest.mark.parametrize("wanted", ["charge", "=raises", "charge=", "", "="])
def test_a_fault_that_is_none_is_refused(wanted: str) -> None:
    """What is not STEP=KIND is refused, with an example."""
    with pytest.raises(UsageError, match="write STEP=KIND"):
        parse_faults([wanted])


def test_a_state_is_named_once() -> None:
    """Two faults of one state would be a guess which comes first."""
    with pytest.raises(UsageError, match="names 'a' twice"):
        parse_faults(["a=raises", "a=rejected"])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"a": 1,\n "b" 2}', "line 2, column 6"),
        (b"", "line 1, column 1"),
        (b'{"a": NaN}', "NaN is no number in JSON"),
        (b"\xff\xfe", "is no UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_input_that_is_no_json(tmp_path: Path, content: bytes, complaint: str) -> None:
    """A file that is no JSON is refused with its name and the place."""
    file = tmp_path / "order.json"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=complaint) as caught:
        read_input(str(file))
    assert "order.json" in str(caught.value)


def test_input_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and a folder are told apart."""
    with pytest.raises(UsageError, match="there is no file"):
        read_input(str(tmp_path / "none.json"))
    with pytest.raises(UsageError, match="cannot be read"):
        read_input(str(tmp_path))


def test_input_with_a_byte_order_mark(tmp_path: Path) -> None:
    """What some editors put before the text is not part of it."""
    file = tmp_path / "order.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_input(str(file)) == {"a": 1}
