"""The starter killed at every line: delivered again, each saga is started exactly once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from stepsaga.engines.children import EngineChildExecutions
from stepsaga.errors import StoreThrottled
from stepsaga.store.memory import MemoryStore
from tests.triggers.signups import Front, Kept, event_of, message

ADA = {"customerId": "ada"}


class Killed(BaseException):
    """The process ends: nothing catches it."""


class Fate:
    """Kills at one of the calls that go out, before or after it, or lets it fail."""

    def __init__(self, at: int, *, after: bool, error: type[BaseException] = Killed) -> None:
        self.at, self.after, self.error = at, after, error
        self.calls = 0

    def __call__(self, do: Any, *given: Any) -> Any:
        """Do it, or not."""
        self.calls += 1
        if self.calls == self.at and not self.after:
            raise self.error
        done = do(*given)
        if self.calls == self.at:
            raise self.error
        return done


class Between:
    """Stands before a collaborator: every method of it goes by fate."""

    def __init__(self, behind: Any, fate: Fate) -> None:
        self.behind, self.fate = behind, fate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.behind, name)
        return lambda *given: self.fate(method, *given)


def batch(front: Front) -> list[dict[str, Any]]:
    """Two good messages of one id, an event, and a bad one."""
    event = event_of({"number": 7, "tariff": "pro"})
    return [
        message("signups", ADA, "m-1"),
        message("signups", "{", "m-2"),
        front.event("event shop.customers Registered", event, "m-3"),
        message("signups", ADA, "m-4"),
    ]


def fronts(fate: Fate) -> tuple[Front, Front]:
    """A starter under a fate, and one that goes on in the same world."""
    store, letters = MemoryStore(), Kept()
    later = Front(store=store, letters=letters)
    executions = EngineChildExecutions(later.engine, {})
    now = Front(
        store=Between(store, fate),
        executions=Between(executions, fate),
        letters=Between(letters, fate),
    )
    return now, later


def calls_of_a_batch() -> int:
    """How many calls go out for it."""
    fate = Fate(0, after=False)
    now, later = fronts(fate)
    now.take(*batch(later))
    return fate.calls


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [Killed, StoreThrottled])
@pytest.mark.parametrize("ended", [False, True])
def test_nothing_is_lost_and_nothing_started_twice(
    after: bool,  # pytest's
    error: type[BaseException],
    ended: bool,  # as above
) -> None:
    """At each call the process ends, or it fails; also where sagas end meanwhile (rule 29)."""
    count = calls_of_a_batch()
    assert count >= 7
    for at in range(1, count + 1):
        now, later = fronts(Fate(at, after=after, error=error))
        records = batch(later)
        try:
            again = now.take(*records)
        except Killed:
            again = [one["messageId"] for one in records]
        assert again
        if ended:
            later.finish()
        assert later.take(*(one for one in records if one["messageId"] in again)) == []
        assert later.started == ["7", "ada"]
        assert (
            1 <= len(later.letters.letters) <= 2
        )  # a letter may be there twice, and is never lost
        assert {one.body for one in later.letters.letters} == {"{"}


def test_only_what_failed_comes_again() -> None:
    """Each message is on its own."""
    now, later = fronts(Fate(2, after=False, error=StoreThrottled))
    assert now.take(*batch(later)) == ["m-1"]
    assert later.started == ["7", "ada"]  # the second message of that id has started it
    assert "StoreThrottled" in now.troubles[0]


def test_what_stands_behind_a_failure_in_a_fifo_queue_waits() -> None:
    """It may be of the same group, and would overtake."""
    fate = Fate(1, after=False, error=StoreThrottled)
    now, later = fronts(fate)
    records = [
        {**one, "eventSourceARN": f"{one['eventSourceARN']}.fifo"}
        for one in (message("signups", ADA, "m-1"), message("signups", ADA, "m-2"))
    ]
    queued = Front(
        store=now.store, executions=now.executions, SignupQueue="https://sqs/1/signups.fifo"
    )
    assert queued.take(*records) == ["m-1", "m-2"]
    assert later.started == []


def test_a_request_that_cannot_be_taken_now_is_to_be_sent_again() -> None:
    """503 with a time; the next one starts it, or finds it."""
    for after in (False, True):
        for at in (1, 2):
            now, later = fronts(Fate(at, after=after, error=StoreThrottled))
            assert now.ask(ADA)[0] == 503
            assert later.ask(ADA) == (202, {"saga": "Onboard", "id": "ada"})
            assert later.started == ["ada"]


def test_two_at_the_same_time_start_one_saga() -> None:
    """Both have read an empty stream: Step Functions decides, and both are told so."""
    meeting = threading.Barrier(2)
    one_at_a_time = threading.Lock()

    class Meeting(MemoryStore):
        def first(self, stream_id: str) -> Any:
            found = super().first(stream_id)
            meeting.wait(5)
            return found

    later = Front()

    class Executions(EngineChildExecutions):
        def start(self, saga: str, name: str, input: Any) -> bool:  # noqa: A002  # its own
            with one_at_a_time:
                return super().start(saga, name, input)

    front = Front(store=Meeting(), executions=Executions(later.engine, {}))
    said: list[int] = []
    threads = [threading.Thread(target=lambda: said.append(front.ask(ADA)[0])) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert said == [202, 202]
    assert later.started == ["ada"]
