"""What a client promises on every engine: the same answers, and the same errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from stepsaga.engines.endings import Ending
from stepsaga.engines.protocol import Status
from stepsaga.errors import (
    EngineUnreachable,
    IdInvalid,
    IdTaken,
    InputInvalid,
    SagaMissing,
    SagaNotDeployed,
    UsageError,
)
from stepsaga.store.slots import stream_of
from tests.contract.client.between import LosesReplies, Slow
from tests.contract.client.shop import Order, PlaceOrder
from tests.contract.client.worlds import NAME, new_id
from tests.sagas.edges import LookFirst

if TYPE_CHECKING:
    from stepsaga.client import Started
    from tests.contract.client.worlds import World

TEA = {"sku": "tea"}
UNCHECKED = Order(sku="tea").model_copy(update={"count": "tok_secret"})
"""An instance that its model never saw."""


def test_a_saga_is_started_with_its_models_json(world: World) -> None:
    """A start sends the model's JSON: defaults filled in, secrets as they are."""
    saga_id = new_id()
    started = world.client.start(PlaceOrder, Order(sku="tea", card=SecretStr("tok_1")), id=saga_id)
    assert (started.saga, started.id, started.new) == (NAME, saga_id, True)
    assert world.engine.wait(started.execution).input == {
        "sku": "tea",
        "count": 1,
        "end": "completed",
        "card": "tok_1",
    }


def test_a_class_starts_itself(world: World) -> None:
    """``PlaceOrder.start`` is the client's start."""
    saga_id = new_id()
    started = PlaceOrder.start(TEA, id=saga_id, client=world.client)
    assert started.new
    assert world.client.wait(PlaceOrder, saga_id).execution == started.execution


@pytest.mark.parametrize("end", ["completed", "compensated", "stuck"])
def test_again_is_the_same_as_once(world: World, end: str) -> None:
    """A saga that has ended, however, is found by the same start: nothing is started."""
    saga_id, order = new_id(), {**TEA, "end": end}
    status = world.ended(order, saga_id)
    recorded = world.commits(saga_id)
    again = world.client.start(PlaceOrder, order, id=saga_id)
    assert (again.new, again.execution) == (False, status.execution)
    assert world.executions(saga_id) == [status.execution]
    assert world.commits(saga_id) == recorded


@pytest.mark.parametrize(
    "other",
    [
        {"sku": "tea", "count": 1},
        {"card": "tok_none", "end": "completed", "count": 1, "sku": "tea"},
        {"sku": "tea", "card": SecretStr("tok_none")},
        Order(sku="tea"),
        Order(sku="tea", count=1),
    ],
)
def test_one_input_has_many_forms(world: World, other: Any) -> None:
    """A dict or an instance, defaults filled in or not, in any order: it is the same input."""
    saga_id = new_id()
    first = world.ended(TEA, saga_id)
    again = world.client.start(PlaceOrder, other, id=saga_id)
    assert (again.new, again.execution) == (False, first.execution)


def test_another_input_is_refused(world: World) -> None:
    """An id belongs to one input: another is refused with the names of fields, without values."""
    saga_id = new_id()
    world.ended({**TEA, "card": "tok_first"}, saga_id)
    with pytest.raises(IdTaken, match="differs in count, card") as caught:
        world.client.start(PlaceOrder, {**TEA, "count": 7, "card": "tok_other"}, id=saga_id)
    assert saga_id in str(caught.value)
    assert "tok_" not in str(caught.value)
    assert "7" not in str(caught.value).replace(saga_id, "")
    assert world.runs(saga_id) == 1


def test_a_running_saga_is_found(world: World) -> None:
    """Before anything is recorded the engine decides: the same execution, or the id is taken."""
    saga_id = new_id()
    seen: list[Started] = []

    def meanwhile() -> None:
        seen.append(world.client.start(PlaceOrder, TEA, id=saga_id))
        with pytest.raises(IdTaken, match="differs in sku"):
            world.client.start(PlaceOrder, {"sku": "coffee"}, id=saga_id)

    world.while_it_runs(saga_id, meanwhile)
    assert [one.execution for one in seen] == world.executions(saga_id)
    assert world.runs(saga_id) == 1


@pytest.mark.parametrize("sku", ["tea", "coffee"])
def test_of_two_starters_at_once_one_wins(world: World, sku: str) -> None:
    """Both have read an empty stream: the second finds the first one's saga, or is refused."""
    saga_id = new_id()
    slow = world.client_of(store=Slow(world.store, lambda: world.ended(TEA, saga_id)))
    if sku == "tea":
        assert not slow.start(PlaceOrder, {"sku": sku}, id=saga_id).new
    else:
        with pytest.raises(IdTaken, match="differs in sku"):
            slow.start(PlaceOrder, {"sku": sku}, id=saga_id)
    assert len(world.executions(saga_id)) == 1
    assert world.runs(saga_id) == 1


def test_a_start_whose_reply_is_lost_is_found(world: World) -> None:
    """Who does not know whether it started starts again, and there is one saga."""
    saga_id = new_id()
    with pytest.raises(EngineUnreachable):
        world.client_of(LosesReplies(world.engine)).start(PlaceOrder, TEA, id=saga_id)
    again = world.client.start(PlaceOrder, TEA, id=saga_id)
    assert world.executions(saga_id) == [again.execution]
    assert world.client.wait(PlaceOrder, saga_id).ending is Ending.COMPLETED
    assert world.runs(saga_id) == 1


def test_a_saga_that_recorded_nothing_keeps_its_id(world: World) -> None:
    """An execution that was stopped before anything was recorded decides by its own input."""
    saga_id = new_id()

    def stop() -> None:
        world.engine.stop(*world.executions(saga_id))
        raise OSError("and the step fails")

    world.hook.do = stop
    status = world.ended(TEA, saga_id)
    world.hook.do = None
    assert status.ending is Ending.STUCK
    assert world.commits(saga_id) == []
    assert not world.client.start(PlaceOrder, TEA, id=saga_id).new
    with pytest.raises(IdTaken):
        world.client.start(PlaceOrder, {"sku": "coffee"}, id=saga_id)


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ({}, "order.sku: Field required"),
        ({"sku": "tea", "count": "many"}, "order.count"),
        ({"sku": "tea", "colour": "tok_secret"}, "order.colour"),
        ("tok_secret", "order"),
        (None, "order"),
        ({"sku": object()}, "order.sku"),
        ({"sku": "\ud800"}, "not valid Unicode"),
        (UNCHECKED, "order"),
        ({"sku": "x" * 170_000}, "bytes as JSON, over 163,840"),
    ],
)
def test_an_input_that_does_not_fit_starts_nothing(
    world: World, order: Any, complaint: str
) -> None:
    """The input is validated before anything is started; fields are named, values are not."""
    saga_id = new_id()
    with pytest.raises(InputInvalid, match=complaint) as caught:
        world.client.start(PlaceOrder, order, id=saga_id)
    assert "tok_secret" not in str(caught.value)
    assert world.executions(saga_id) == []


@pytest.mark.parametrize("saga_id", ["", "a b", "a#b", "a:b", "x" * 81, "a\n"])
def test_an_id_that_is_no_name_is_refused(world: World, saga_id: str) -> None:
    """An id that no execution can have is refused wherever it is given."""
    with pytest.raises(IdInvalid):
        world.client.start(PlaceOrder, TEA, id=saga_id)
    for ask in (world.client.status, world.client.wait):
        with pytest.raises(IdInvalid):
            ask(PlaceOrder, saga_id)


def test_a_saga_that_is_not_deployed_is_named(world: World) -> None:
    """A saga without a machine is refused with its name, and those that there are."""
    client = world.client
    for ask in (client.status, client.wait):
        with pytest.raises(SagaNotDeployed, match=f"ReturnOrder is not deployed.*{NAME}"):
            ask("ReturnOrder", "order-1")
    with pytest.raises(SagaNotDeployed, match="ReturnOrder"):
        client.list("ReturnOrder")
    with pytest.raises(SagaNotDeployed, match="LookFirst is not deployed"):
        client.start(LookFirst, {"n": 1}, id="order-1")


def test_what_nobody_knows_is_missing(world: World) -> None:
    """A saga that was never started is missing, not running."""
    for ask in (world.client.status, world.client.wait):
        with pytest.raises(SagaMissing, match=f"there is no {NAME} nobody"):
            ask(PlaceOrder, "nobody")


@pytest.mark.parametrize(
    ("end", "ending", "status", "error"),
    [
        ("completed", Ending.COMPLETED, Status.SUCCEEDED, ""),
        ("compensated", Ending.COMPENSATED, Status.FAILED, "SagaCompensated"),
        ("stuck", Ending.STUCK, Status.FAILED, "StepFailed"),
    ],
)
def test_the_three_endings(
    world: World, end: str, ending: Ending, status: Status, error: str
) -> None:
    """A saga that has ended says how, on every engine; by name it is the same as by class."""
    saga_id = new_id()
    told = world.ended({**TEA, "end": end}, saga_id)
    assert (told.saga, told.id, told.ending, told.status) == (NAME, saga_id, ending, status)
    assert told.error == error
    assert told.stopped is not None
    assert told.started <= told.stopped
    assert world.client.status(NAME, saga_id) == told


def test_a_running_saga_says_so(world: World) -> None:
    """While a step is under way the saga is running, and has not stopped."""
    saga_id = new_id()
    seen: list[Any] = []
    world.while_it_runs(saga_id, lambda: seen.append(world.client.status(PlaceOrder, saga_id)))
    [told] = seen
    assert (told.ending, told.status, told.stopped) == (Ending.RUNNING, Status.RUNNING, None)


def test_the_latest_are_listed_first(world: World) -> None:
    """A list tells each saga's ending, the newest first, so many and of one status if wanted."""
    ends = ["completed", "compensated", "stuck", "completed"]
    ids = [new_id() for _ in ends]
    for saga_id, end in zip(ids, ends, strict=True):
        world.ended({**TEA, "end": end}, saga_id)
    newest = [*zip(reversed(ids), reversed(ends), strict=True)]
    listed = world.client.list(limit=4)
    assert [(one.id, one.ending.value) for one in listed] == newest
    assert world.client.list(PlaceOrder, limit=2) == listed[:2]
    failed = world.client.list(NAME, status=Status.FAILED, limit=2)
    assert [one.ending for one in failed] == [Ending.STUCK, Ending.COMPENSATED]


def test_lists_that_cannot_be_are_refused(world: World) -> None:
    """A list of nothing, and one of sagas that nobody named, are mistakes."""
    with pytest.raises(UsageError, match="limit must be 1 or more, got: 0"):
        world.client.list(limit=0)
    client = world.client_of()
    client.sagas = ()
    with pytest.raises(UsageError, match="which saga"):
        client.list()


def test_a_start_reads_one_item(world: World) -> None:
    """The first commit is found without reading the stream, whatever its length."""
    saga_id = new_id()
    assert world.store.first(stream_of(NAME, saga_id)) is None
    world.ended(TEA, saga_id)
    assert world.store.first(stream_of(NAME, saga_id)) == world.commits(saga_id)[0]
