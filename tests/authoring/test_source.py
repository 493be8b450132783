"""What only the source of a class can tell."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga import Input, Saga, Step
from tests.authoring import shop
from tests.authoring.problems import codes_of, only, problems_of

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
from stepsaga import Input, Saga, Step
from tests.authoring import shop

class Looking(Saga):
    order = Input(shop.Order)
    charge = Step(shop.pay, compensation=shop.refund_card)
"""


def run(path: Path, line: str) -> None:
    """Run a module with one more line in its class body."""
    path.write_text(f"{HEAD}    {line}\n", encoding="utf-8")
    exec(compile(path.read_text("utf-8"), str(path), "exec"), {"__name__": path.stem})  # noqa: S102


@pytest.mark.parametrize(
    "line",
    [
        "late = order is None",
        "late = order.billing is not None",
        "late = None is charge.result",
        "late = isinstance(order.total, int)",
        "late = type(charge.result.id)",
        "late = callable(order)",
        "late = hasattr(charge, 'x') if False else 1",
        "late = f'{order.total!r}'",
        "late = repr(order)",
        "late = id(order)",
        "late = 1 if charge is None else 2",
        "late = [5 for _ in range(3) if order is None] if False else 1",
        "match order.billing: case _: pass",
        "def helper(self, late=order is None): pass",
        "helper = lambda late=charge is None: late",
        "late = (order.total is None, 1)[1]",
    ],
)
def test_a_test_that_python_cannot_see(tmp_path: Path, line: str) -> None:
    """Identity, isinstance and match on saga data are found in the source, with their line."""
    if line.startswith("match"):
        line = "match order.billing:\n        case _: late = 1"
    path = tmp_path / "looking.py"
    found = [p for p in problems_of(lambda: run(path, line)) if p.code == "S109"]
    assert len(found) == 1
    assert found[0].source is not None
    assert (found[0].source.file, found[0].source.line) == (str(path), 7)


@pytest.mark.parametrize(
    "line",
    [
        "late = shop is None",
        "def helper(self, order=None): return order is None",
        "helper = lambda order: order is None",
        "late = isinstance(5, int)",
    ],
)
def test_what_is_not_saga_data_is_left_alone(tmp_path: Path, line: str) -> None:
    """Functions run later, with plain values; other names are the author's business."""
    assert codes_of(lambda: run(tmp_path / "looking.py", line)) == []


def test_without_source_nobody_can_tell() -> None:
    """A class whose source cannot be read is refused."""
    scope: dict[str, Any] = {"__name__": "nowhere"}
    assert only(lambda: exec(HEAD, scope)).code == "S112"  # noqa: S102  # a class without a file


def test_source_from_a_loader(tmp_path: Path) -> None:
    """Source that is registered for tracebacks, as notebooks do it, is good enough."""
    name = f"<{tmp_path}>"
    linecache.cache[name] = (len(HEAD), None, HEAD.splitlines(keepends=True), name)
    scope: dict[str, Any] = {"__name__": "nowhere"}
    assert codes_of(lambda: exec(compile(HEAD, name, "exec"), scope)) == []  # noqa: S102


def test_the_right_class_of_that_name() -> None:
    """Of several classes with a name, the one is looked at that is being made."""

    def wrong() -> None:
        class Same(Saga):
            order = Input(shop.Order)
            late = order is None
            thank = Step(shop.thank, retriable=True)

    def right() -> None:
        class Same(Saga):
            order = Input(shop.Order)
            thank = Step(shop.thank, retriable=True)

    assert codes_of(wrong) == ["S109"]
    assert codes_of(right) == []
