"""The router and its queue: what fails comes again by itself, what is no event lies apart."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.errors import StepFailed, StoreThrottled
from stepsaga.runtime.event_router import EventRouter, NoSuchEventError, Routed
from stepsaga.runtime.event_router_entry import Mail, events_from, events_text
from stepsaga.runtime.event_stream import held, taken_in
from stepsaga.store.commits import Outcome
from stepsaga.store.front import StoreInFront
from stepsaga.store.slots import events_of
from tests.events.till import delivered
from tests.events.world import ROUTED, Tasks, World
from tests.runtime.calls import NOW, Killed

if TYPE_CHECKING:
    from stepsaga.runtime.dead_letters import DeadLetter
    from stepsaga.store.commits import Commit

STREAM = events_of("shop.payments", "PaymentReceived", "order_id", "order-1")


@dataclass
class Letters:
    """Dead letters; where they cannot be put they say so."""

    kept: list[DeadLetter] = field(default_factory=list)
    broken: bool = False

    def send(self, letter: DeadLetter) -> None:
        """Keep it."""
        if self.broken:
            raise StepFailed("no queue")
        self.kept.append(letter)


def record(body: Any, number: int = 1) -> dict[str, str]:
    """A message of the queue."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": f"m-{number}", "body": text}


def mail(world: World, letters: Letters) -> Mail:
    """What takes batches."""
    router = EventRouter([ROUTED], world.store, Tasks(world.told), lambda: NOW)
    return Mail(router, letters, "https://queue", lambda: NOW)


def test_what_is_no_event_is_a_dead_letter_and_holds_up_no_other() -> None:
    """No JSON, no event, none of ours, not of the model; the body stays as it was."""
    world, letters = World(), Letters()
    assert world.wait()
    bodies = [
        "no json",
        "[" * 100_000,
        json.dumps([1]),
        json.dumps({**delivered(), "source": "other"}),
        json.dumps({**delivered(), "detail": {"order_id": "order-1"}}),
        json.dumps({**delivered(), "detail": None}),
        json.dumps({**delivered(), "id": ""}),
        json.dumps({**delivered(), "id": "a/b"}),
    ]
    records = [record(one, number) for number, one in enumerate([*bodies, delivered()])]
    assert mail(world, letters).take(records) == {"batchItemFailures": []}
    assert [one.body for one in letters.kept] == bodies
    assert {one.queue for one in letters.kept} == {"https://queue"}
    assert all(one.reason.startswith("NoSuchEvent: ") for one in letters.kept)
    assert letters.kept[4].what == "event PaymentReceived"
    assert "order-1" not in letters.kept[4].reason
    assert [token for token, _ in world.told] == ["token-0"]


def test_what_cannot_lie_among_the_dead_letters_comes_again() -> None:
    """Nothing is taken for done that is nowhere."""
    letters = Letters(broken=True)
    failed = mail(World(), letters).take([record("no json", 1), record(delivered(), 2)])
    assert failed == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}


class Throttled(StoreInFront):
    """A store that refuses one stream."""

    def append(self, commit: Commit) -> Commit:
        """Refuse, or append."""
        if commit.slot.endswith("event-1"):
            raise StoreThrottled("full")
        return super().append(commit)


def test_what_fails_comes_again_by_itself() -> None:
    """The others of its batch are done."""
    world = World()
    router = EventRouter([ROUTED], Throttled(world.store), Tasks(world.told), lambda: NOW)
    batch = [record(delivered(id=f"event-{number}"), number) for number in (1, 2)]
    failed = Mail(router, Letters(), "q", lambda: NOW).take(batch)
    assert failed == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert [one.id for one in held(world.store, STREAM).arrived] == ["event-2"]


@dataclass
class Refusing(Tasks):
    """A Task of one saga cannot be told."""

    def success(self, token: str, output: Any) -> None:
        """Refuse, or hear it."""
        if token == "token-first":  # noqa: S105  # opens nothing
            raise StepFailed("AccessDenied")
        super().success(token, output)


def test_a_saga_that_cannot_be_told_holds_up_no_other() -> None:
    """All others are told, and the event comes again."""
    world = World()
    assert world.wait(slot=[2, 1_000_000, 1], token="token-first")  # noqa: S106  # opens nothing
    assert world.wait(slot=[2, 1_000_001, 1], token="token-other")  # noqa: S106  # as above
    router = EventRouter([ROUTED], world.store, Refusing(world.told), lambda: NOW)
    with pytest.raises(StepFailed, match="AccessDenied"):
        router.take(delivered())
    assert [token for token, _ in world.told] == ["token-other"]


def test_a_saga_that_has_ended_gets_nothing() -> None:
    """Nor one that is being undone from its log: what comes then is kept, and changes nothing."""
    for slot, outcome in (("99999", Outcome.ENDED), ("90001", Outcome.BEGUN)):
        world = World()
        assert world.wait()
        token = next(iter(world.store.read("FulfilOrder#order-1")))
        run = token.slot.partition("/")[0]
        world.store.append(replace(token, slot=f"{run}/{slot}", outcome=outcome))
        assert world.route()
        assert world.slot is None
        assert world.told == []
        assert len(held(world.store, STREAM).arrived) == 1


def test_an_event_is_kept_under_each_field_by_which_it_is_waited_for() -> None:
    """Two sagas may know the same event by different fields."""
    world = World()
    both = replace(ROUTED, by=(("amount",), ("order_id",)))
    EventRouter([both], world.store, Tasks(world.told), lambda: NOW).take(delivered(amount=7))
    for by, key in (("amount", 7), ("order_id", "order-1")):
        stream = events_of("shop.payments", "PaymentReceived", by, key)
        assert [one.id for one in held(world.store, stream).arrived] == ["event-1"]


def test_a_field_that_is_no_key_is_no_event() -> None:
    """What was changed since the saga was written is said, and nothing is guessed."""
    router = EventRouter([replace(ROUTED, by=(("gone",),))], World().store, Tasks(), lambda: NOW)
    with pytest.raises(NoSuchEventError, match="gone is no text"):
        router.take(delivered())


def test_what_the_function_is_told_is_what_it_reads() -> None:
    """Its variable, there and back."""
    events = (ROUTED, Routed("a", "b", "c:d", (("x", "y"), ("z",))))
    assert events_from(events_text(events)) == events


@pytest.mark.parametrize("early", [False, True])
def test_a_large_event_goes_to_the_bucket(early: bool) -> None:
    """As any result that is over its share of the document; also where it was kept before."""
    world = World()
    detail = {"order_id": "order-1", "amount": 1, "note": "x" * 20_000}
    router = EventRouter([ROUTED], world.store, Tasks(world.told), lambda: NOW)
    for comes in (True, False) if early else (False, True):
        if comes:
            router.take({**delivered(), "detail": detail})
        else:
            assert world.wait()
    [(_, told)] = world.told
    assert set(told["value"]) == {"$stored"}


def test_an_event_that_the_saga_cannot_hold_rejects_the_step() -> None:
    """Where the definition looks into it, it cannot go to the bucket: the Task fails."""
    world = World()
    assert world.wait(inline=True)
    big = {"order_id": "order-1", "amount": 1, "note": "x" * 170_000}
    router = EventRouter([ROUTED], world.store, Tasks(world.told), lambda: NOW)
    router.take({**delivered(), "detail": big})
    empty = world.slot
    assert empty is None
    [(_, told)] = world.told
    assert told[0] == "StepFailedForGood"
    assert "170," in told[1]
    assert world.decide(failure={"Error": "StepFailedForGood"})
    assert world.slot is not None
    assert world.slot.outcome is Outcome.REJECTED
    assert taken_in(world.slot) is None


def test_keys_that_are_long_are_told_apart() -> None:
    """The name of a stream has room for so much; what is longer is told by its hash."""
    one, other = "k" * 3000, "k" * 2999 + "l"
    names = {events_of("s", "n", "b", key) for key in (one, other, 5, "5")}
    assert len(names) == 3
    assert all(len(name) < 1000 for name in names)
    assert events_of("s", "n", "b", "sha256:5") != events_of("s", "n", "b", "5")


@dataclass
class Weary(Tasks):
    """The invocation ends after so many Tasks were told."""

    left: int = 0

    def success(self, token: str, output: Any) -> None:
        """Hear it, as long as there is time."""
        if not self.left:
            raise Killed
        self.left -= 1
        super().success(token, output)


def test_where_more_wait_than_one_invocation_can_tell_the_next_ones_go_on() -> None:
    """Each begins elsewhere: none of the sagas waits until its time is up."""
    world, tokens = World(), {f"token-{number}" for number in range(10)}
    for number, token in enumerate(sorted(tokens)):
        assert world.wait(slot=[2, 1_000_000 + number, 1], token=token)
    for second in range(20):
        now = partial(NOW.__add__, timedelta(milliseconds=1037 * second))
        router = EventRouter([ROUTED], world.store, Weary(world.told, left=3), now)
        with suppress(Killed):
            router.take(delivered())
    assert {token for token, _ in world.told} == tokens


def test_a_saga_that_was_stuck_and_was_redriven_gets_its_event() -> None:
    """What says that it was stuck stays in its log, and is no end: of many items it is redriven."""
    world = World()
    assert world.wait()
    token = next(iter(world.store.read("FulfilOrder#order-1")))
    run = token.slot.partition("/")[0]
    world.store.append(replace(token, slot=f"{run}/90000/00000", outcome=Outcome.STUCK))
    assert world.route()
    assert [token for token, _ in world.told] == ["token-0"]
