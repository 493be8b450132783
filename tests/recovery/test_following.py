"""Which sagas are open, as whoever follows the commits has it (rule 30), come what may."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from stepsaga import Choice, Input, Saga, Step, when
from stepsaga.authoring import graph_of
from stepsaga.client import Client
from stepsaga.client.operator import Operator
from stepsaga.engines.protocol import Status
from stepsaga.engines.recovering import EngineExecutions
from stepsaga.errors import RequestError, StoreThrottled
from stepsaga.recovery.following import Following
from stepsaga.recovery.following_entry import take
from stepsaga.recovery.reconcile import Reconciler
from stepsaga.recovery.sweep import Sweep
from stepsaga.store.codec import decode, encode
from stepsaga.store.commits import EventRecord, Outcome
from stepsaga.store.open_sagas import MemoryOpenSagas
from tests.asl.graphs import look, pivot, saga, step, tail
from tests.recovery.shop import Shop
from tests.recovery.test_late import Careless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import SagaGraph
    from stepsaga.recovery.executions import Execution
    from stepsaga.store.commits import Commit
    from stepsaga.store.open_sagas import OpenSaga

MOMENT = timedelta(milliseconds=10)
HOUR = timedelta(hours=1)
ORDER = saga([step("reserve"), step("charge", retry=None), step("ship")], name="Order")
REFUSED = saga([step("reserve"), step("charge"), look("check")], name="Order")
PAID = saga([step("reserve"), pivot("pay", probe="handlers.shop:find"), tail("tell")], name="Order")


class Wanted(BaseModel):
    """What is wanted."""

    id: str
    gift: bool = False


def wrap() -> Any:
    """Wrap it."""


def send() -> Any:
    """Send it."""


def take_back() -> None:
    """Take it back."""


class Chooses(Saga):
    """Begins with a choice."""

    wanted = Input(Wanted)
    way = Choice(
        gift=when(wanted.gift, Step(wrap, compensation=take_back)),
        otherwise=Step(send, compensation=take_back),
    )
    more = Step(send, compensation=take_back)


class Gone(EngineExecutions):
    """Executions of a machine that was deleted, or of 90 days ago; undos are known."""

    def describe(self, arn: str) -> Execution | None:
        """An undo; nothing else."""
        return super().describe(arn) if ":Undo:" in arn else None

    def running(self) -> Iterator[OpenSaga]:
        """None."""
        return iter(())

    def unsuccessful(self, since: object) -> Iterator[str]:
        """None."""
        del since
        return iter(())


def gone(shop: Shop) -> Sweep:
    """A sweep that finds nothing in Step Functions."""
    executions = Gone(shop.engine, {"Order": shop.compiled.fingerprint})
    return Sweep(shop.followed, executions, shop.clock.now, shop.functions.open_sagas)


def operator_of(shop: Shop) -> Operator:
    """An operator called ann, who knows what is open."""
    opened = shop.functions.open_sagas
    client = Client(shop.engine, shop.store, sagas=["Order"], open_sagas=opened)
    return Operator(client, shop.followed, by="ann", now=shop.clock.now)


def test_a_saga_is_open_from_its_first_commit_to_its_end() -> None:
    """It is there with all that an undo needs; completed, or compensated, it is not any more."""
    for graph, broken in ((ORDER, ""), (REFUSED, "handlers.payments:check")):
        shop = Shop(graph, broken={broken})
        arn = shop.start()
        assert shop.open() == {}
        shop.clock.advance(MOMENT * 3)
        [row] = shop.functions.open_sagas.rows()
        assert (row.saga, row.id, row.execution) == ("Order", "one", arn)
        assert row.started == shop.engine.describe(arn).started
        assert row.fingerprint == shop.compiled.fingerprint
        shop.engine.wait(arn)
        assert shop.open() == {}


@pytest.mark.parametrize("graph", [ORDER, REFUSED, PAID])
def test_in_whatever_order_and_however_often(graph: SagaGraph) -> None:
    """The log decides: all commits heard of again, in any order, leave what the log says."""
    shop = Shop(graph, broken={"handlers.payments:check", "handlers.notifications:tell"})
    arn = shop.start()
    shop.engine.wait(arn)
    shop.look(arn)
    expected = shop.open()
    assert set(expected) == ({"one"} if graph is PAID else set())
    for order in permutations(shop.commits()[:5]):
        shop.followed.following.take([*order, order[0]])  # type: ignore[union-attr]  # it is followed
        assert shop.open() == expected


def test_what_is_stuck_is_marked_until_it_goes_on() -> None:
    """A compensation that fails for good, and its redrive after the fix."""
    shop = Shop(REFUSED)
    shop.broken |= {"handlers.payments:check", "handlers.payments:undo_charge"}
    arn = shop.start()
    shop.engine.wait(arn)
    assert shop.open() == {"one": ""}
    assert shop.sweep() == {"stuck": 1}
    [recorded] = [one.recorded_at for one in shop.commits() if one.outcome is Outcome.STUCK]
    assert shop.open() == {"one": recorded}
    shop.engine.redrive(arn)
    assert shop.sweep() == {"well": 1}
    assert shop.open() == {"one": ""}
    shop.broken.clear()
    assert shop.engine.wait(arn).error == "SagaCompensated"
    assert shop.open() == {}


def test_an_undo_that_fails_is_stuck_on_the_record() -> None:
    """A sweep finds it, and says what is left; after the fix the redrive of the undo ends it."""
    shop = Shop(ORDER, broken={"handlers.payments:undo_reserve"})
    shop.stopped(MOMENT * 3)
    assert shop.sweep() == {"undoing": 1}
    [undo] = shop.undos()
    assert [shop.sweep(), shop.sweep()] == [{"stuck": 1}, {"stuck": 1}]
    [stuck] = [e.data for c in shop.commits() for e in c.events if e.type == "SagaStuck"]
    assert (stuck["steps"], stuck["error"]) == (["reserve"], "StepFailedForGood")
    assert shop.open()["one"]
    shop.broken.clear()
    shop.engine.redrive(undo.arn)
    assert shop.sweep() == {"undoing": 1}
    assert shop.open() == {"one": ""}
    shop.engine.wait(undo.arn)
    assert (shop.open(), len(shop.world.standing)) == ({}, 0)


def test_an_undo_of_what_was_completed_opens_it_again() -> None:
    """Until that is undone, too."""
    shop = Shop(ORDER)
    shop.engine.wait(shop.start())
    assert shop.open() == {}
    operator_of(shop).undo("Order", "one", "the wrong one")
    assert shop.open() == {"one": ""}
    shop.undos()
    assert (shop.open(), len(shop.world.standing)) == ({}, 0)


def test_what_lands_late_is_undone_at_once() -> None:
    """Days after the end, and before any sweep: whoever hears of it sees to it (rule 11)."""
    shop = Careless(ORDER, hanging={"charge"})
    arn = shop.start()
    assert shop.engine.wait(arn).error == "SagaCompensated"
    shop.clock.advance(HOUR * 24 * 30)
    shop.land()
    assert shop.open() == {"one": ""}
    assert len(shop.undos()) == 1
    assert (shop.open(), len(shop.world.standing)) == ({}, 0)


def test_a_saga_is_open_whose_first_step_is_not_its_first_slot() -> None:
    """Of a choice that comes first another way was gone: its commit still names its execution."""
    shop = Shop(graph_of(Chooses))
    arn = shop.start()
    shop.clock.advance(MOMENT * 4)
    [first] = shop.commits()
    assert (first.slot.rpartition("/")[2], first.causation_id) == ("00002", arn)
    assert shop.open() == {"one": ""}


def test_what_lands_late_and_cannot_be_undone_is_stuck_and_goes_on() -> None:
    """It is listed with a command that works, however the saga itself has ended (rules 11, 18)."""
    for command in ("redrive", "undo"):
        shop = Careless(ORDER, hanging={"charge"})
        shop.engine.wait(shop.start())
        shop.broken.add("handlers.payments:undo_charge")
        shop.land()
        assert [one.status for one in shop.undos()] == [Status.FAILED]
        assert [shop.sweep(), shop.sweep()] == [{"stuck": 1}] * 2
        shop.broken.clear()
        operator = operator_of(shop)
        if command == "undo":
            shop.clock.advance(timedelta(days=15))
        [told] = operator.stuck()
        assert f"`stepsaga {command} Order#one" in told.then
        if command == "redrive":
            shop.engine.wait(operator.redrive("Order", "one"))
        else:
            operator.undo("Order", "one", "mended")
            shop.undos()
        assert (shop.open(), len(shop.world.standing), operator.stuck()) == ({}, 0, ())
        assert shop.events().count("SagaCompensated") == 1
        with pytest.raises(RequestError, match="is undone"):
            operator.redrive("Order", "one")
        with pytest.raises(RequestError, match="is undone"):
            operator.undo("Order", "one", "again")


def test_what_lands_late_and_could_not_be_seen_to_is_swept() -> None:
    """The first look at it fails; the saga is open then, however long ago it has ended."""
    shop = Careless(ORDER, hanging={"charge"})
    shop.engine.wait(shop.start())
    shop.clock.advance(HOUR * 24 * 30)
    reconciler = shop.followed.following._reconciler  # type: ignore[union-attr]  # it is followed
    start = reconciler._executions.start_undo
    reconciler._executions.start_undo = _dies  # type: ignore[method-assign]  # its death
    with pytest.raises(KeyboardInterrupt):
        shop.land()
    reconciler._executions.start_undo = start  # type: ignore[method-assign]
    assert shop.undos() == []
    assert shop.sweep() == {"undoing": 1}
    shop.undos()
    assert (shop.open(), len(shop.world.standing)) == ({}, 0)


def _dies(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_what_lands_late_and_nothing_undoes_is_not_looked_at_for_ever() -> None:
    """A look that only reads leaves nothing: its saga is open no longer than to the next sweep."""
    graph = saga([step("reserve"), look("check", retry=None), step("ship")], name="Order")
    shop = Shop(graph, hanging={"check"})
    shop.engine.wait(shop.start())
    shop.land()
    shop.undos()
    shop.clock.advance(HOUR * 24)
    assert shop.sweep() in ({}, {"well": 1})
    assert (shop.open(), shop.sweep()) == ({}, {})


def test_a_row_that_came_back_after_its_end_is_removed_by_the_sweep() -> None:
    """Somebody was slow to add it: the log says that the saga has ended."""
    shop = Shop(ORDER)
    arn = shop.start()
    shop.clock.advance(MOMENT * 3)
    [row] = shop.functions.open_sagas.rows()
    shop.engine.wait(arn)
    shop.functions.open_sagas.add(row)
    shop.clock.advance(HOUR * 24)
    assert shop.sweep() == {"well": 1}
    assert (shop.open(), shop.undos()) == ({}, [])


def test_what_was_not_heard_of_is_added_by_the_sweep() -> None:
    """A saga that runs and has recorded something is open, whoever has missed that."""
    shop = Shop(ORDER)
    shop.start()
    shop.clock.advance(MOMENT * 3)
    [row] = shop.functions.open_sagas.rows()
    shop.functions.open_sagas.remove(row.stream, row.run)
    assert shop.sweep() == {"well": 1}
    assert list(shop.functions.open_sagas.rows()) == [row]


def test_of_a_deleted_machine_all_is_undone_from_the_log() -> None:
    """Its execution is gone with it: name, input and ARN come from the row and the log."""
    shop = Shop(ORDER)
    shop.stopped(MOMENT * 3)
    shop.clock.advance(HOUR)
    assert gone(shop).run() == {"undoing": 1}
    shop.undos()
    assert not shop.world.standing
    assert shop.events().count("SagaCompensated") == 1
    assert gone(shop).run() == {}


def test_past_the_point_of_no_return_it_is_stuck_forward() -> None:
    """Nothing is undone, and nobody can go on by itself: a person hears of it (rule 16)."""
    shop = Shop(PAID, broken={"handlers.notifications:tell"})
    shop.engine.wait(shop.start())
    shop.clock.advance(HOUR)
    assert gone(shop).run() == {"stuck forward": 1}
    assert shop.open()["one"]
    assert (len(shop.world.standing), shop.undos()) == (2, [])
    [stuck] = [e.data for c in shop.commits() for e in c.events if e.type == "SagaStuck"]
    assert stuck["error"] == "ExecutionGone"


def test_what_is_only_not_seen_yet_is_not_taken_for_gone() -> None:
    """DescribeExecution is eventually consistent: what has just begun has a minute."""
    shop = Shop(ORDER)
    shop.start()
    shop.clock.advance(MOMENT * 3)
    assert gone(shop).run() == {"well": 1}
    assert "UndoStarted" not in shop.events()


def test_a_name_that_is_used_again_is_another_run() -> None:
    """The row of a run of 90 days ago does not stand for the execution that has its name now."""
    shop = Shop(ORDER)
    shop.stopped(MOMENT * 3)
    [row] = shop.functions.open_sagas.rows()
    shop.clock.advance(timedelta(days=91))
    arn = shop.start()
    shop.engine.wait(arn)
    assert list(shop.functions.open_sagas.rows()) == [row]
    assert shop.sweep() == {"undoing": 1}
    [undo] = shop.undos()
    assert undo.input["undo"]["run"] == row.run
    assert len(shop.world.standing) == 3
    assert shop.open() == {}


def test_a_run_is_open_whose_name_is_running_again() -> None:
    """Its own execution has ended, whatever runs under its ARN now: it is undone, that is not."""
    shop = Shop(ORDER)
    shop.stopped(MOMENT * 3)
    [row] = shop.functions.open_sagas.rows()
    shop.clock.advance(timedelta(days=91))
    arn = shop.start()
    shop.clock.advance(MOMENT * 3)
    assert shop.sweep() == {"undoing": 1, "well": 1}
    assert [one.input["undo"]["run"] for one in shop.undos()] == [row.run]
    assert shop.engine.wait(arn).status is Status.SUCCEEDED


def test_stuck_and_list_tell_of_what_step_functions_has_forgotten() -> None:
    """The open sagas are listed beside the others, with their reason and the next command."""
    shop = Shop(PAID, broken={"handlers.notifications:tell"})
    shop.engine.wait(shop.start())
    shop.sweep()
    operator = operator_of(shop)
    told = operator.stuck()
    assert [one.status.id for one in told] == ["one"]
    shop.clock.advance(timedelta(days=91))
    [stuck] = operator.stuck()
    assert (stuck.status.id, stuck.steps, stuck.why) == ("one", ("pay",), told[0].why)
    assert "stepsaga redrive Order#one" in stuck.then
    [listed] = operator.client.list()
    assert (listed.id, listed.ending.value, listed.execution) == (
        "one",
        "not ended",
        stuck.status.execution,
    )


class Throttled:
    """A listener that cannot be told, for a while."""

    def __init__(self) -> None:
        self.heard_of: list[Commit] = []
        self.busy = True

    def heard(self, commit: Commit) -> None:
        """Take a commit, or not."""
        if self.busy:
            raise StoreThrottled("busy")
        self.heard_of.append(commit)


def _written(value: Any) -> str:
    """Binary values as JSON has them."""
    return b64encode(value).decode()


def records(commits: list[Commit]) -> list[dict[str, Any]]:
    """Commits as a function is told of them, which is as JSON."""
    items = [encode(one).item for one in commits]
    images = [json.loads(json.dumps(one, default=_written)) for one in items]
    return [
        {
            "eventName": "INSERT",
            "dynamodb": {
                "Keys": {name: image[name] for name in ("stream_id", "slot")},
                "NewImage": image,
                "SequenceNumber": str(number),
            },
        }
        for number, image in enumerate(images)
    ]


def test_listeners_hear_of_ends_and_what_fails_comes_again() -> None:
    """From the record that failed on, nothing before it; where no reply is read, it is raised."""
    shop = Shop(ORDER)
    shop.engine.wait(shop.start())
    listener, opened = Throttled(), MemoryOpenSagas()
    executions = EngineExecutions(shop.engine, {})
    reconciler = Reconciler(shop.store, executions, shop.clock.now, opened)
    following = Following(shop.store, opened, reconciler, [listener])
    batch = records(shop.commits())
    last = {"itemIdentifier": str(len(batch) - 1)}
    assert take(batch, following, decode, reports=True) == {"batchItemFailures": [last]}
    with pytest.raises(StoreThrottled):
        take(batch, following, decode, reports=False)
    listener.busy = False
    assert take(batch, following, decode, reports=True) == {"batchItemFailures": []}
    assert listener.heard_of == shop.commits()[-1:]
    assert list(opened.rows()) == []


def heard_of(commits: list[Commit], batch: list[dict[str, Any]]) -> list[Commit]:
    """The ends among commits that a listener hears of, where a batch is taken and must not fail."""
    shop, listener = Shop(ORDER), Throttled()
    listener.busy = False
    executions = EngineExecutions(shop.engine, {})
    for commit in commits:
        shop.store.append(commit)
    reconciler = Reconciler(shop.store, executions, shop.clock.now, MemoryOpenSagas())
    following = Following(shop.store, MemoryOpenSagas(), reconciler, [listener])
    assert take(batch, following, decode, reports=False) == {"batchItemFailures": []}
    return listener.heard_of


def test_what_is_compressed_is_followed() -> None:
    """A function is told of binary values in base64."""
    shop = Shop(ORDER)
    shop.engine.wait(shop.start())
    [*_, last] = shop.commits()
    note = EventRecord("Noted", 1, {"text": "a long story. " * 200})
    large = replace(last, events=(*last.events, note))
    [record] = records([large])
    assert '"B"' in json.dumps(record)
    assert heard_of([large], [record]) == [large]


def test_what_can_never_be_read_holds_nothing_up() -> None:
    """Where a batch comes again for as long as it fails, it must not fail for ever."""
    shop = Shop(ORDER)
    shop.engine.wait(shop.start())
    [*_, last] = shop.commits()
    broken, good = records([last, last])
    broken["dynamodb"]["NewImage"]["events"] = {"S": "nobody can read this"}
    assert heard_of([last], [broken, good]) == [last]


def test_a_stream_of_something_else_is_passed_over() -> None:
    """Aggregates have commits of their own in the same table."""
    shop = Shop(ORDER)
    shop.engine.wait(shop.start())
    [first, *_] = shop.commits()
    other = replace(first, stream_id="Account#1", slot="00000001", causation_id="somebody")
    shop.followed.following.take([other])  # type: ignore[union-attr]  # it is followed
    assert shop.open() == {}
