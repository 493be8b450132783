"""What the catch path cannot see of sagas with distributed maps: stopped, late, and too many."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga import DistributedMap, Input, JsonLines, Saga, Step
from stepsaga.authoring import graph_of
from stepsaga.engines.protocol import Status
from stepsaga.graph import Call, ChoiceNode, MapNode, Origin, StepNode
from stepsaga.recovery.ahead import ahead
from stepsaga.recovery.data import Data
from stepsaga.recovery.log import Log
from stepsaga.recovery.many import MOST_READ, items_left
from stepsaga.recovery.plan import MOST_LEFT, Kind
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import run_of
from tests.distributed import bank, pay
from tests.recovery.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable


MOMENT = timedelta(milliseconds=10)


def loose(node: Any) -> Any:
    """A node whose stubs return, and take, what they like."""
    match node:
        case StepNode(call=call, compensation=undo):
            back = undo and replace(undo, call=_any(undo.call))
            return replace(node, call=_any(call), compensation=back)
        case ChoiceNode(branches=branches):
            ways = tuple(replace(one, nodes=tuple(map(loose, one.nodes))) for one in branches)
            return replace(node, branches=ways)
        case MapNode(nodes=nodes):
            return replace(node, nodes=tuple(map(loose, nodes)))
    return node


def _any(call: Call) -> Call:
    taken = (
        replace(one, annotation=Any) if one.origin is Origin.STEP else one
        for one in call.parameters
    )
    return replace(call, returns=Any, parameters=tuple(taken))


def shop_of(
    kind: type[Shop] = Shop, saga: type[Saga] = pay.PayAll, deadline: int | None = None
) -> Shop:
    """A shop with a bucket."""
    graph = graph_of(saga)
    graph = replace(graph, nodes=tuple(map(loose, graph.nodes)), deadline=deadline)
    return kind(graph, store=MemoryStore(bucket="results"))


def people(count: int) -> dict[str, Any]:
    """So many who are paid."""
    return {"payouts": [{"to": f"p{n}", "cents": n} for n in range(count)]}


def filed(shop: Shop, count: int) -> dict[str, Any]:
    """The same in a file."""
    assert shop.store.objects
    lines = (f'{{"to": "p{n}", "cents": 1}}\n' for n in range(count))
    shop.store.objects.put({"payouts.txt": "".join(lines).encode()})
    return {"file": {"bucket": "results", "key": "payouts.txt"}}


def stopped(shop: Shop, count: int, moments: int) -> str:
    """A run that was stopped after a while."""
    arn = shop.engine.start("PayAll", people(count), name="one")
    shop.clock.after(MOMENT * moments, lambda: shop.engine.stop(arn))
    shop.engine.wait(arn)
    shop.engine.settle()
    return arn


def test_a_stopped_map_is_undone_by_the_machine() -> None:
    """Some items are done, some under way, some have not begun: one undo does it all."""
    shop = shop_of()
    arn = stopped(shop, 30, 9)
    assert shop.world.standing
    assert shop.look(arn) == "undoing"
    [undo] = shop.undos()
    assert undo.status is Status.SUCCEEDED, undo.cause
    assert not shop.world.standing
    assert shop.events()[-1] == "SagaCompensated"


def test_too_many_items_are_stuck_and_say_so() -> None:
    """What one history cannot hold is not begun, and a redrive goes on with the saga."""
    shop = shop_of()
    arn = stopped(shop, MOST_LEFT, 9)
    assert shop.look(arn) == "stuck"
    assert shop.undos() == []
    [stuck] = [
        event.data
        for commit in shop.store.read("PayAll#one")
        for event in commit.events
        if event.type == "SagaStuck"
    ]
    assert "`stepsaga redrive PayAll#one`" in stuck["then"]
    shop.engine.redrive(arn)
    assert shop.engine.wait(arn).status is Status.SUCCEEDED
    assert len(shop.world.standing) == MOST_LEFT + 2


def test_of_more_items_than_that_none_is_read() -> None:
    """Whoever looks after all sagas does not read a million items to say that they are too many."""
    shop = shop_of(saga=pay.PayFile)
    value = filed(shop, MOST_READ + 1)
    arn = shop.engine.start("PayFile", value, name="one")
    shop.clock.after(MOMENT * 3, lambda: shop.engine.stop(arn))
    shop.engine.wait(arn)
    shop.engine.settle()
    assert shop.world.standing
    assert shop.store.objects
    [opened] = [e for c in shop.commits() for e in c.events if e.type == "ItemsOpened"]
    listed = opened.data["value"]["list"]
    shop.store.objects.put({listed: b"whoever reads that fails"})
    assert shop.look(arn) == "stuck"
    assert shop.undos() == []


class Looks(Saga):
    """Looks at each line of a file, which nobody needs to undo."""

    batch = Input(bank.Filed)
    looks = DistributedMap(
        JsonLines(batch.file, item=bank.Payout), look=Step(bank.screen, read_only=True)
    )


@pytest.mark.parametrize(("saga", "count"), [(pay.PayFile, 3), (Looks, 0)])
def test_what_nobody_needs_to_undo_is_not_left(saga: type[Saga], count: int) -> None:
    """A map that is closed has items left to undo only where there is something to undo."""
    shop = shop_of(saga=saga)
    shop.engine.wait(shop.engine.start(saga.__name__, filed(shop, 3), name="one"))
    commits = shop.commits()
    assert items_left(Log(run_of(commits[0]), commits), shop.graph) == count


def reported(batch: bank.Batch) -> int:
    """Find the report."""
    return len(batch.payouts)


class PaysAndReports(Saga):
    """Pays all, reports that for good, and thanks."""

    batch = Input(bank.Batch)
    payouts = DistributedMap(batch.payouts, pay=Step(bank.pay_out, compensation=bank.recall))
    report = Step(bank.report, pivot=True, verify=reported)
    thank = Step(reported, retriable=True)


def test_going_forward_asks_the_pivot_behind_a_map() -> None:
    """The map is closed, so what became of the point of no return is all that is to be known."""
    shop = shop_of(saga=PaysAndReports)
    shop.hanging = {"report"}
    arn = shop.engine.start("PaysAndReports", people(3), name="one")
    shop.clock.after(MOMENT * 20, lambda: shop.engine.stop(arn))
    shop.engine.wait(arn)
    commits = shop.commits()
    found = ahead(Data(shop.graph, Log(run_of(commits[0]), commits)), shop.clock.now())
    assert [move.kind for move in found.moves] == [Kind.ASK]


class Closed(Shop):
    """A shop where the account of p1 is closed, so that nothing can be had back from it either."""

    closed = True

    def resolve(self, reference: str) -> Callable[..., Any]:
        """The handlers; whoever comes for that account fails."""
        handler = super().resolve(reference)

        def closed(**given: Any) -> Any:
            if self.closed and getattr(given.get("item"), "to", "") == "p1":
                raise ConnectionError("it is down")
            return handler(**given)

        closed.__signature__ = handler.__signature__  # type: ignore[attr-defined]  # PEP 362
        closed.__annotations__ = handler.__annotations__
        return closed


def test_a_tolerated_item_that_cannot_be_undone_undoes_nobody_else() -> None:
    """The saga is stuck behind the map, those who were paid keep that, and a redrive goes on."""
    shop = shop_of(Closed)
    assert isinstance(shop, Closed)
    arn = shop.engine.start("PayAll", people(5), name="one")
    assert shop.engine.wait(arn).status is Status.FAILED
    assert shop.look(arn) == "stuck"
    assert shop.undos() == []
    shop.closed = False
    shop.engine.redrive(arn)
    assert shop.engine.wait(arn).status is Status.SUCCEEDED
    assert len(shop.world.standing) == 1 + 4 + 1


class Careless(Shop):
    """A shop where whoever was recalled leaves no tombstone."""

    def resolve(self, reference: str) -> Callable[..., Any]:
        """The handlers; that one forgets what must not come any more."""
        handler = super().resolve(reference)
        if not reference.endswith(":recall"):
            return handler

        def forgetful(**given: Any) -> Any:
            found = handler(**given)
            self.world._tombstones.clear()  # that is what is careless
            return found

        forgetful.__signature__ = handler.__signature__  # type: ignore[attr-defined]  # PEP 362
        forgetful.__annotations__ = handler.__annotations__
        return forgetful


def test_what_lands_late_in_an_item_is_undone() -> None:
    """An invocation that was thought dead has its effect when all was undone (rule 11)."""
    shop = shop_of(Careless)
    shop.hanging = {"pay"}
    arn = shop.engine.start("PayAll", people(4), name="one")
    assert shop.engine.wait(arn).error == "SagaCompensated"
    assert not shop.world.standing
    shop.hanging = set()
    shop.land()
    assert len(shop.world.standing) == 4
    assert shop.look(arn) == "undoing"
    shop.undos()
    assert not shop.world.standing
    assert shop.look(arn) == "well"
    assert shop.events().count("SagaCompensated") == 1
