"""Sagas with a distributed map, on the simulator: forward, tolerated, undone, redriven, refused."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.asl.release import Compiled, build
from stepsaga.authoring import graph_of
from stepsaga.engines.faults import CALL_FAULTS
from stepsaga.engines.local import LocalFunctions
from stepsaga.engines.protocol import Status
from stepsaga.engines.simulator import Simulator
from stepsaga.recovery.undo import Run, Undoing
from stepsaga.runtime.runtime import load
from stepsaga.store.commits import Outcome
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import iso
from tests.distributed import bank, pay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stepsaga import Saga
    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.store.commits import Commit


@cache
def compiled(saga: type[Saga]) -> Compiled:
    """A saga, compiled once."""
    return build(graph_of(saga))


class World:
    """A simulator with a bank."""

    def __init__(
        self,
        saga: type[Saga] = pay.PayAll,
        resolve: Callable[[str], Callable[..., Any]] = load,
        faults: Mapping[str, str | Sequence[str | None]] | None = None,
    ) -> None:
        self.saga = saga.__name__
        self.store = MemoryStore(bucket="bucket")
        self.ledger = bank.Ledger()
        self.simulator = Simulator.for_sagas(
            [compiled(saga)],
            store=self.store,
            resolve=resolve,
            resources={"ledger": self.ledger},
            faults=faults,
        )

    def run(self, value: Any) -> ExecutionView:
        """Run it to its end."""
        return self.simulator.wait(self.simulator.start(self.saga, value, name="july"))

    def paid(self) -> list[str]:
        """What has happened, and was not undone."""
        return sorted(self.ledger.effects.values())

    def put(self, text: str, key: str = "payouts.txt") -> dict[str, Any]:
        """A file in S3, as an input."""
        assert self.store.objects
        self.store.objects.put({key: text.encode()})
        return {"file": {"bucket": "bucket", "key": key}}

    def commits(self, stream: str = "") -> list[Commit]:
        """What one of its streams holds; by default the saga's own."""
        return list(self.store.read(f"{self.saga}#july{stream}"))

    def told(self, step: str) -> Any:
        """What the saga's own stream says of a map's end."""
        [event] = [
            event.data
            for commit in self.commits()
            for event in commit.events
            if event.type == "ItemsClosed"
        ]
        return event["value"] | {"step": step}


def people(count: int, **more: Any) -> dict[str, Any]:
    """So many who are paid."""
    return {"payouts": [{"to": f"p{n}", "cents": n} for n in range(count)], **more}


def cause(view: ExecutionView) -> str:
    """Why an execution has failed."""
    return str(view.cause)


def test_each_item_is_done_once_in_a_stream_of_its_shard() -> None:
    """All are paid; an item writes one commit a step, and none into the saga's own stream."""
    world = World()
    view = world.run(people(20))
    assert view.status is Status.SUCCEEDED
    assert world.paid() == sorted(["all", "report", *(f"p{n}" for n in range(20))])
    assert [commit.slot.split("/")[1] for commit in world.commits()] == [
        *("00001", "00002", "00003", "00004")
    ]
    sizes = [len(world.commits(f"#00002#{shard:04d}")) for shard in range(17)]
    assert sizes == [2] * 4 + [1] * 12 + [0]
    found = world.commits("#00002#0003")
    assert [one.slot.partition("/")[2] for one in found] == [
        "00002/1000003/00002",
        "00002/1000019/00002",
    ]
    assert world.told("payouts")["done"] == 20


def test_tolerated_failures_leave_no_trace() -> None:
    """Of items that fail within the tolerance everything is undone, and the saga goes on."""
    world = World()
    world.ledger.broken = {"p1", "p4"}
    value = people(6)
    value["payouts"][4]["urgent"] = True
    view = world.run(value)
    assert view.status is Status.SUCCEEDED
    assert world.paid() == ["all", "p0", "p2", "p3", "p5", "report"]
    told = world.told("payouts")
    assert (told["items"], told["done"], told["failed"]) == (6, 4, 2)
    assert sorted(one["index"] for one in told["first"]) == [1, 4]
    assert world.ledger.calls["undo screened screen p4"] == 1
    assert not world.ledger.calls["undo pay p0"]
    assert world.store.objects
    lines = list(world.store.objects.lines("bucket", told["failures"]))
    assert sorted(json.loads(line)["item"]["to"] for line in lines) == ["p1", "p4"]


def test_more_failures_than_tolerated_undo_all() -> None:
    """With one more than tolerated nothing is left, and the failure says how many there were."""
    world = World()
    world.ledger.broken = {"p1", "p2", "p3"}
    view = world.run(people(6))
    assert (view.status, view.error) == (Status.FAILED, "SagaCompensated")
    assert "3 of 6 items failed" in cause(view)
    assert world.paid() == []


def test_a_later_failure_undoes_all_items_also_after_tolerated_ones() -> None:
    """What follows fails: those who were paid pay back, those who were not are left alone twice."""
    world = World()
    world.ledger.broken = {"p1"}
    view = world.run(people(6, fails=True))
    assert view.error == "SagaCompensated"
    assert "nobody listens" in cause(view)
    assert world.paid() == []
    assert world.ledger.calls["undo pay p0"] == 1


def test_a_share_is_what_is_written() -> None:
    """Of 100 items 29 are 0.29, which in binary is a little less."""
    world = World(pay.PayMost)
    world.ledger.broken = {f"p{n}" for n in range(29)}
    assert world.run(people(100)).status is Status.SUCCEEDED
    assert world.told("payouts")["failed"] == 29


def test_no_items_run_nothing() -> None:
    """An empty list is neither run nor undone."""
    world = World()
    assert world.run(people(0)).status is Status.SUCCEEDED
    assert world.told("payouts")["items"] == 0
    other = World()
    assert other.run(people(0, fails=True)).error == "SagaCompensated"
    assert other.paid() == []


def test_an_undo_that_fails_holds_up_no_other_and_is_redriven() -> None:
    """Where an item cannot be undone the call behind the map fails; a redrive tries that again."""
    world = World()
    world.ledger.stuck = {"p2"}
    arn = world.simulator.start("PayAll", people(5, fails=True), name="july")
    view = world.simulator.wait(arn)
    assert (view.status, view.error) == (Status.FAILED, "StepFailedForGood")
    assert "item 2: StepFailed" in cause(view)
    assert world.paid() == ["all", "p2"]
    world.simulator.redrive(arn)
    assert world.simulator.wait(arn).error == "StepFailedForGood"
    world.ledger.stuck = set()
    world.simulator.redrive(arn)
    assert world.simulator.wait(arn).error == "SagaCompensated"
    assert world.paid() == []
    assert world.ledger.calls["undo pay p1"] == 1


def test_a_stopped_map_goes_on_where_it_stood() -> None:
    """A redrive runs what was under way and what had not begun; what was done is not done again."""
    world = World()
    arn = world.simulator.start("PayAll", people(12), name="july")
    world.simulator.run_until(arn, lambda event: event.type == "MapRunStarted")
    while world.ledger.calls["pay p5"] == 0:
        world.simulator.clock.step()
    world.simulator.stop(arn)
    world.simulator.settle()
    world.simulator.redrive(arn)
    assert world.simulator.wait(arn).status is Status.SUCCEEDED
    assert world.paid() == sorted(["all", "report", *(f"p{n}" for n in range(12))])
    assert max(world.ledger.calls.values()) == 1


def test_json_lines_are_read_from_a_file() -> None:
    """A file in S3 with an item in each line; the map may be the saga's first and last node."""
    world = World(pay.PayFile)
    lines = "".join(json.dumps({"to": f"p{n}", "cents": 1}) + "\n" for n in range(30))
    view = world.run(world.put(lines + "\n"))
    assert view.status is Status.SUCCEEDED
    assert len(world.paid()) == 30
    assert [one.outcome for one in world.commits()][-1] is Outcome.ENDED


def test_csv_is_read_from_a_file() -> None:
    """The first line names the columns; a text with a line break in it is one item's."""
    world = World(pay.PayTable)
    view = world.run(world.put('\ufeffto,cents\nann,3\n"b\nb",4\n'))
    assert view.status is Status.SUCCEEDED
    assert world.paid() == ["ann", "b\nb"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"to": "a", "cents": 1}\n{"to": "b", "cents": -1}\n', "line 2.cents"),
        ('{"to": "a", "cents": 1}\n{"to"\n', "line 2 is no JSON"),
        ("\xff", "line 1"),
        (json.dumps({"to": "x" * 20_000, "cents": 1}), "20,"),
        ('{"to": "a", "cents": 1, "share": NaN}', "NaN"),
        ('{"to": "\\ud800", "cents": 1}', "line 1"),
        ("[]", "line 1"),
    ],
)
def test_a_bad_file_is_refused_before_anything_is_done(text: str, said: str) -> None:
    """One bad item, and nobody is paid; the error says which line, and which field."""
    world = World(pay.PayFile)
    view = world.run(world.put(text))
    assert view.error == "SagaCompensated"
    assert said in cause(view)
    assert not world.ledger.calls
    [rejected, ended] = world.commits()
    assert (rejected.outcome, ended.outcome) == (Outcome.REJECTED, Outcome.ENDED)


def test_a_file_that_is_not_there_is_refused() -> None:
    """So is a file that nobody has put."""
    view = World(pay.PayFile).run({"file": {"bucket": "bucket", "key": "gone"}})
    assert "s3://bucket/gone is gone" in cause(view)


def test_the_items_are_those_that_were_recorded() -> None:
    """The file changes after it was read: the map, and its undoing, run over what was recorded."""
    world = World(pay.PayFile)
    given = world.put('{"to": "a", "cents": 1}\n{"to": "b", "cents": 1}\n')
    arn = world.simulator.start("PayFile", given, name="july")
    world.simulator.run_until(arn, lambda event: event.type == "MapRunStarted")
    world.put('{"to": "mallory", "cents": 1}\n')
    assert world.simulator.wait(arn).status is Status.SUCCEEDED
    assert world.paid() == ["a", "b"]


def test_a_large_list_is_refused_by_name() -> None:
    """A list that is too large for the items' executions belongs into a file."""
    view = World().run({"payouts": [{"to": "x" * 1000, "cents": 1}] * 70})
    assert "each item's execution gets them all" in cause(view)


STATES = ["open payouts", "close payouts", "payouts.pay", "report"]
BACKWARD = ["undo payouts.pay", "settle undo payouts"]


@pytest.mark.parametrize("fault", [name for name in CALL_FAULTS if name != "lands late"])
@pytest.mark.parametrize("state", STATES)
def test_faults_leave_all_or_nothing(state: str, fault: str) -> None:
    """Whatever happens to a call, either all are paid that are not tolerated, or nobody is."""
    if fault in {"rejected", "raises"} and state in {"open payouts", "close payouts"}:
        fault = "throttled"
    world = World(faults={state: fault})
    view = world.run(people(5))
    paid = world.paid()
    if view.status is Status.SUCCEEDED:
        assert len(paid) >= 5
        assert len(paid) == len(set(paid))
    else:
        assert view.error == "SagaCompensated"
        assert paid == []


@pytest.mark.parametrize(
    "fault", ["crashes before", "crashes after", "crashes after commit", "reply lost", "throttled"]
)
@pytest.mark.parametrize("state", BACKWARD)
def test_faults_on_the_way_back_leave_nothing(state: str, fault: str) -> None:
    """A call of the undoing that goes wrong is made again, at the latest by a redrive."""
    world = World(faults={state: [fault]})
    arn = world.simulator.start("PayAll", people(5, fails=True), name="july")
    if world.simulator.wait(arn).error != "SagaCompensated":
        world.simulator.redrive(arn)
    assert world.simulator.wait(arn).error == "SagaCompensated"
    assert world.paid() == []


def test_no_effect_is_had_twice() -> None:
    """Over all these items no handler is called a second time."""
    world = World()
    world.run(people(50))
    assert Counter(world.ledger.calls.values()) == {1: 52}


class Undone(World):
    """A saga that was stopped, and is undone from its log by the machine's function."""

    def __init__(self, saga: type[Saga] = pay.PayAll) -> None:
        super().__init__(saga)
        made = compiled(saga)
        self.store.put_definition(made.fingerprint, made.graph)
        self.functions = LocalFunctions(
            ["tests.distributed.bank"],
            store=self.store,
            now=self.simulator.clock.now,
            resources={"ledger": self.ledger},
        )

    def stopped(self, value: Any, until: Callable[[], bool]) -> Run:
        """Run it until then, stop it, and let what is under way end."""
        arn = self.simulator.start(self.saga, value, name="july")
        while not until():
            self.simulator.clock.step()
        self.simulator.stop(arn)
        self.simulator.settle()
        view = self.simulator.describe(arn)
        return Run(self.saga, "july", iso(view.started), arn)

    def undo(self, run: Run) -> int:
        """Undo it; how many calls that took."""
        undoing = Undoing(self.store, self.simulator.clock.now)
        fingerprint = self.commits()[0].fingerprint
        generation = undoing.begin(run, fingerprint=fingerprint, input=None, why="stopped")
        calls = 0
        while not (found := undoing.proceed(run, generation))["done"]:
            for one in found["calls"]:
                calls += 1
                moment = iso(self.simulator.clock.now())
                state = {"Name": "call", "EnteredTime": moment, "RetryCount": 0}
                self.functions.invoke("bank", {"call": one["call"], "state": state, "by": {}})
        undoing.end(run, generation)
        return calls


@pytest.mark.parametrize("last", ["hold", "open", "p0", "p7"])
def test_a_stopped_saga_is_undone_from_its_log(last: str) -> None:
    """Items that were done, were under way or had not begun: nothing of them is left."""
    world = Undone()
    value = people(60, fails=False)
    value["payouts"][7]["urgent"] = True
    commits = {"hold": 1, "open": 2}.get(last, 0)
    run = world.stopped(
        value,
        lambda: (
            len(world.commits()) == commits if commits else world.ledger.calls[f"pay {last}"] > 0
        ),
    )
    calls = world.undo(run)
    assert world.paid() == []
    # Of who has not begun, both ways of the choice are undone; who is not screened is not paid.
    assert calls == 1 + 60 + 59 + (last == "p7")


def test_an_undo_from_the_log_leaves_alone_what_was_tolerated() -> None:
    """What was undone within its tolerance is not undone again."""
    world = Undone()
    world.ledger.broken = {"p1"}
    value = people(4)
    value["payouts"][1]["urgent"] = True
    run = world.stopped(value, lambda: world.ledger.calls["undo screened screen p1"] > 0)
    world.undo(run)
    assert world.paid() == []
    assert world.ledger.calls["undo pay p1"] == 0
    assert world.ledger.calls["undo screened screen p1"] == 1
