"""The function behind approval links, killed at every line that it runs, and several at once."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any, Self

import pytest

from stepsaga.engines.endings import Ending
from stepsaga.runtime import answering, approval_requests
from stepsaga.store.commits import Outcome
from tests.links.shop import Buy
from tests.links.world import Shop

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from stepsaga.store.commits import Commit

WATCHED = {str(Path(str(one.__file__))) for one in (approval_requests, answering)}


class Killed(BaseException):
    """The process has ended, between two lines."""


class KilledAt:
    """Ends what runs before its n-th line of the function's own modules."""

    def __init__(self, line: int) -> None:
        self.left = line
        self.where = ""

    def __enter__(self) -> Self:
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        del event, argument
        return self._line if frame.f_code.co_filename in WATCHED else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        del argument
        if event == "line":
            self.left -= 1
            if self.left == 0:
                self.where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                raise Killed
        return self._line


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_killed_at_every_line_and_pressed_again(word: str) -> None:
    """Wherever a press has died, the next one, by somebody else, makes the saga go on: once."""
    wanted = {"approve": Ending.COMPLETED, "reject": Ending.COMPENSATED}[word]
    line, recorded = 0, Counter[str]()
    while True:
        line += 1
        shop = Shop(Buy)
        shop.ask()
        with KilledAt(line) as killer, suppress(Killed):
            shop.press(shop.link(word), by="ann")
        if not killer.where:
            break
        slot = [c.outcome for c in shop.commits if c.slot.endswith("/00002")]
        recorded[slot[0] if slot else "nothing"] += 1
        assert shop.press(shop.link(word), by="bob")[0] == 200, killer.where
        assert shop.ending() is wanted, killer.where
        outcomes = Counter(c.outcome for c in shop.commits if c.slot.endswith("/00002"))
        assert outcomes.total() == 1, killer.where
    assert line > 50
    assert len(recorded) == 2  # before it was recorded, and after


def test_killed_at_every_line_and_opened_again() -> None:
    """Whoever opens a link after a press that has died tells the saga, if there is what to tell."""
    line = 0
    while True:
        line += 1
        shop = Shop(Buy)
        shop.ask()
        with KilledAt(line) as killer, suppress(Killed):
            shop.press(shop.link(), by="ann")
        if not killer.where:
            break
        stands = any(c.slot.endswith("/00002") for c in shop.commits)
        before = shop.commits
        assert shop.open(shop.link())[0] == 200
        assert shop.commits == before
        assert shop.ending() is (Ending.COMPLETED if stands else Ending.COMPENSATED), killer.where
        assert shop.hours == (1 if stands else 24), killer.where


def test_killed_after_the_record_and_never_pressed_again() -> None:
    """What is recorded counts at the latest when the question's time is up."""
    line = 0
    while True:
        line += 1
        shop = Shop(Buy)
        shop.ask()
        with KilledAt(line) as killer, suppress(Killed):
            shop.press(shop.link(), by="ann")
        if not killer.where:
            break
        stands = any(c.slot.endswith("/00002") for c in shop.commits)
        assert shop.ending() is (Ending.COMPLETED if stands else Ending.COMPENSATED), killer.where


def test_the_other_link_tells_again_too() -> None:
    """Whoever presses the wrong button after a death is refused, and the saga still hears."""
    shop = Shop(Buy)
    shop.ask()
    silent = shop.requests_by(answers=Silent())
    shop.requests, loud = silent, shop.requests
    shop.press(shop.link(), by="ann")
    shop.requests = loud
    assert shop.press(shop.link("reject"), by="bob")[0] == 409
    assert (shop.ending(), shop.hours) == (Ending.COMPLETED, 1)


class Silent:
    """A process that dies before it tells anybody."""

    def success(self, token: str, output: Any) -> None:
        """Say nothing."""

    def failure(self, token: str, error: str, cause: str) -> None:
        """Say nothing."""


def test_two_at_once() -> None:
    """Of many who press both buttons at one moment one is heard; the others are told who it was."""
    for _ in range(10):
        shop = Shop(Buy)
        shop.ask()
        barrier = Barrier(4)
        requests = shop.requests_by(answers=Silent(), store=_Together(shop, barrier))

        def press(word: str, shop: Shop = shop, requests: Any = requests) -> int:
            shop_ = Shop.__new__(Shop)
            shop_.__dict__ = {**shop.__dict__, "requests": requests}
            return shop_.press(shop.link(word), by=word)[0]

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(press, ["approve", "reject", "approve", "reject"]))
        assert sorted(found) == [200, 200, 409, 409]
        decided = [c.outcome for c in shop.commits if c.slot.endswith("/00002")]
        assert decided in ([Outcome.RESULT], [Outcome.REJECTED])
        shop.press(shop.link())
        assert (
            shop.ending()
            is {
                Outcome.RESULT: Ending.COMPLETED,
                Outcome.REJECTED: Ending.COMPENSATED,
            }[decided[0]]
        )


class _Together:
    """A store in which all who append do so when the last of them is there."""

    def __init__(self, shop: Shop, barrier: Barrier) -> None:
        self._shop, self._barrier = shop, barrier

    def append(self, commit: Commit) -> Commit:
        self._barrier.wait(10)
        return self._shop.store.append(commit)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self._shop.store, name)
        return found
