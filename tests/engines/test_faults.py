from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepsaga.engines.faults import CALL_FAULTS, RECORD_FAULTS, Faults, Injection, Target
from stepsaga.errors import UsageError
from tests.engines.shop import ATTEMPTS, NODES, WITHOUT_PROBE, Order, saga

if TYPE_CHECKING:
    from stepsaga.graph import StepNode

ALL = ["reserve", "charge", "ship", "thank"]
DONE, UNDONE = "done", "undone"
WELL = {"delivered twice"}

# How a fault in every attempt of a step ends the saga, and what is left to be undone.
ENDINGS = {
    ("reserve", "rejected"): [],
    ("charge", "rejected"): ["reserve"],
    ("ship", "rejected"): ["charge", "reserve"],
    ("ship", "times out after"): None,
    ("ship", "crashes after"): None,
    ("ship", "crashes after commit"): None,
    ("ship", "reply lost"): None,
    ("ship", "delivered twice"): None,
    ("ship", "throttled"): None,
    **{(step, "delivered twice"): None for step in ("reserve", "charge")},
}
# How often the handler runs, and what the step's slot holds in the end.
CALLS = {
    "times out after": ATTEMPTS,
    "crashes after": ATTEMPTS,
    "crashes after commit": 1,
    "delivered twice": 2,
    "reply lost": 1,
    "lands late": ATTEMPTS,
    "throttled": 1,
}
SLOTS = {
    "rejected": "rejected",
    "crashes after commit": "result",
    "delivered twice": "result",
    "reply lost": "result",
}
IN_DOUBT = {"reserve": ["reserve"], "charge": ["charge", "reserve"], "ship": ["charge", "reserve"]}


@pytest.mark.parametrize("kind", CALL_FAULTS)
@pytest.mark.parametrize("step", ["reserve", "charge", "ship"])
def test_fault_in_every_attempt(step: str, kind: str) -> None:
    """All or nothing, undone in reverse, whatever goes wrong in a step each time it is tried."""
    order = Order({step: kind})
    view = order.wait()
    undone = ENDINGS.get((step, kind), IN_DOUBT[step])
    if undone is None:
        assert view.status == "SUCCEEDED", view.cause
        assert order.effects == ALL
        assert "99999" not in order.outcomes
    else:
        assert (view.status, view.error) == ("FAILED", "SagaCompensated"), view.cause
        assert order.effects == []
        assert order.undone == undone
        assert order.outcomes["99999"] == "ended"
    assert order.simulator.faults is not None
    attempts = 1 if kind in ("rejected", "delivered twice") else ATTEMPTS
    assert order.simulator.faults.injected == [Injection(order.arn, step, kind)] * attempts
    assert order.shop.log.count(step) == CALLS.get(kind, 0)
    if step != "ship":
        assert order.outcomes[f"0000{ALL.index(step) + 1}"] == SLOTS.get(kind, "sealed")


@pytest.mark.parametrize("kind", sorted(CALL_FAULTS.keys() - {"rejected"}))
@pytest.mark.parametrize("step", ALL)
def test_fault_in_the_first_attempt(step: str, kind: str) -> None:
    """A step that is tried again has one effect, also where the first attempt had one."""
    order = Order({step: [kind]})
    assert order.wait().status == "SUCCEEDED"
    assert order.effects == ALL
    slots = {slot for slot in order.outcomes if "late" not in slot}
    assert slots == {"00001", "00002", "00003", "00004"}


@pytest.mark.parametrize("kind", CALL_FAULTS)
@pytest.mark.parametrize("step", ["charge", "reserve"])
def test_fault_in_the_first_attempt_of_a_compensation(step: str, kind: str) -> None:
    """A compensation that is tried again undoes its step, once and in its place."""
    order = Order({"ship": "rejected", f"undo {step}": [kind]})
    assert order.wait().error == "SagaCompensated"
    assert order.effects == []
    assert order.undone == ["charge", "reserve"]


@pytest.mark.parametrize("kind", sorted(CALL_FAULTS.keys() - WELL))
@pytest.mark.parametrize("step", ["charge", "reserve"])
def test_compensation_that_keeps_failing_is_redriven(step: str, kind: str) -> None:
    """It fails in its Task, without an end record; a redrive goes on exactly there (rule 12)."""
    order = Order({"ship": "rejected", f"undo {step}": [kind] * ATTEMPTS})
    view = order.wait()
    assert (view.status, view.error == "SagaCompensated") == ("FAILED", False)
    assert order.undone == ["charge", "reserve"][: ["charge", "reserve"].index(step)]
    assert "99999" not in order.outcomes
    before = list(order.shop.log)
    order.simulator.redrive(order.arn)
    assert order.wait().error == "SagaCompensated"
    assert order.effects == []
    assert order.undone == ["charge", "reserve"]
    assert not [line for line in order.shop.log[len(before) :] if not line.startswith("undo")]


@pytest.mark.parametrize("kind", sorted(CALL_FAULTS.keys() - WELL))
def test_step_after_the_pivot_is_stuck_and_redriven(kind: str) -> None:
    """After the pivot nothing is undone: stuck in its Task, the saga goes on there (rule 16)."""
    order = Order({"thank": [kind] * ATTEMPTS})
    view = order.wait()
    attempts = len(order.simulator.faults.injected) if order.simulator.faults else 0
    assert (view.status, view.error == "SagaCompensated") == ("FAILED", False)
    assert order.undone == []
    assert attempts == ATTEMPTS
    order.simulator.redrive(order.arn)
    assert order.wait().status == "SUCCEEDED"
    assert order.effects == ALL


@pytest.mark.parametrize("kind", sorted(CALL_FAULTS.keys() - {"rejected"}))
@pytest.mark.parametrize("doubt", ["times out before", "times out after"])
def test_fault_in_a_probe(doubt: str, kind: str) -> None:
    """A probe that is tried again says what became of the pivot: all or nothing (rule 17)."""
    order = Order({"ship": doubt, "verify ship": [kind]})
    view = order.wait()
    happened = doubt == "times out after"
    assert order.effects == (ALL if happened else [])
    assert view.status == ("SUCCEEDED" if happened else "FAILED")


def test_probe_that_lies_is_believed() -> None:
    """A probe's Rejected undoes what came before: it must prevent the effect (rule 17)."""
    order = Order({"ship": "times out after", "verify ship": "rejected"})
    assert order.wait().error == "SagaCompensated"
    assert order.undone == ["charge", "reserve"]
    assert order.effects == ["ship"]


@pytest.mark.parametrize("kind", sorted(CALL_FAULTS.keys() - WELL - {"rejected"}))
def test_pivot_without_a_probe(kind: str) -> None:
    """Without a probe the pivot's slot alone decides whether it is undone (rule 17)."""
    order = Order({"ship": kind}, nodes=WITHOUT_PROBE)
    view = order.wait()
    recorded = kind in ("crashes after commit", "reply lost")
    assert order.effects == (ALL if recorded else [])
    assert view.status == ("SUCCEEDED" if recorded else "FAILED")
    assert order.undone == ([] if recorded else ["ship", "charge", "reserve"])


@pytest.mark.parametrize("kind", sorted(CALL_FAULTS.keys() - {"rejected", "raises"}))
@pytest.mark.parametrize("doubt", ["times out before", "crashes after commit"])
def test_fault_where_the_slot_decides(doubt: str, kind: str) -> None:
    """A pivot's slot that is looked at again says the same again (rule 17)."""
    order = Order({"ship": doubt, "verify ship": [kind]}, nodes=WITHOUT_PROBE)
    happened = doubt == "crashes after commit"
    assert order.wait().status == ("SUCCEEDED" if happened else "FAILED")
    assert order.effects == (ALL if happened else [])


def test_effect_that_lands_after_its_compensation() -> None:
    """The very same call goes on after its step was undone, and meets the tombstone (rule 10)."""
    order = Order({"charge": ["lands late"] * ATTEMPTS})
    assert order.wait().error == "SagaCompensated"
    undo = order.shop.log.index("undo charge in doubt")
    assert order.shop.log[undo + 1 : undo + 1 + ATTEMPTS] == ["charge"] * ATTEMPTS
    assert order.effects == []
    assert order.simulator.faults is not None
    assert [landing.error for landing in order.simulator.faults.landed] == [
        "Fenced",
        "RejectedInDoubt",
        "RejectedInDoubt",
    ]


class Forgotten(set[str]):
    """Tombstones that nobody finds again."""

    def __contains__(self, key: object) -> bool:
        return False


def test_what_lands_late_is_recorded_when_it_lands() -> None:
    """The log says when an effect landed, not when its call arrived."""
    order = Order({"charge": "lands late"})
    order.shop.tombstones = Forgotten()
    order.wait()
    times = {
        one.slot.partition("/")[2]: one.recorded_at for one in order.store.read("Shop#order-1")
    }
    assert times["00002/late/00001"] >= times["00002"]


@pytest.mark.parametrize(
    ("nodes", "before"), [(NODES, "find ship"), (WITHOUT_PROBE, "undo ship in doubt")]
)
def test_late_effect_of_the_pivot(nodes: tuple[StepNode, ...], before: str) -> None:
    """What hung in the pivot lands once its doubt is settled: after its compensation, if any."""
    order = Order({"ship": "lands late"}, nodes=nodes)
    assert order.wait().error == "SagaCompensated"
    assert order.shop.log == [
        "reserve",
        "charge",
        before,
        *["ship"] * ATTEMPTS,
        "undo charge with its result",
        "undo reserve with its result",
    ]
    assert order.effects == []


@pytest.mark.parametrize("kind", ["crashes after", "times out after"])
def test_compensation_dies_after_its_effect(kind: str) -> None:
    """The compensation's handler has run, and its step was sealed, before the process dies."""
    order = Order({"charge": "times out before", "undo charge": [kind] * ATTEMPTS})
    order.wait()
    assert order.shop.log == ["reserve", *["undo charge in doubt"] * ATTEMPTS]
    assert order.outcomes == {"00001": "result", "00002": "sealed"}


def test_throttled_store_records_nothing() -> None:
    """The handler runs, and nothing of it is recorded; a retry, which reads first, does not run."""
    order = Order({"charge": "throttled"})
    assert order.wait().error == "SagaCompensated"
    assert order.shop.log == [
        "reserve",
        "charge",
        "undo charge in doubt",
        "undo reserve with its result",
    ]


def test_what_is_mended_goes_wrong_no_more() -> None:
    """A fault of every attempt lasts until it is mended; then a redrive ends the saga."""
    order = Order({"ship": "rejected", "undo charge": "raises"})
    assert order.wait().error == "StepFailed"
    order.simulator.redrive(order.arn)
    assert order.wait().error == "StepFailed"
    assert order.simulator.faults is not None
    order.simulator.faults.mend()
    order.simulator.redrive(order.arn)
    assert order.wait().error == "SagaCompensated"
    assert order.undone == ["charge", "reserve"]


def test_late_effect_waits_for_its_compensation_through_a_redrive() -> None:
    """While a compensation is stuck nothing lands; it lands when the redriven one has run."""
    order = Order({"charge": "lands late", "undo charge": ["raises"] * ATTEMPTS})
    order.wait()
    assert "charge" not in order.shop.log
    order.simulator.redrive(order.arn)
    assert order.wait().error == "SagaCompensated"
    assert order.shop.log[-1] == "undo reserve with its result"
    assert order.shop.log.count("charge") == ATTEMPTS
    assert order.effects == []


def test_late_effect_of_a_saga_that_goes_on() -> None:
    """Where the next attempt succeeds nothing is undone: it lands at the end, as a repetition."""
    order = Order({"charge": ["lands late"]})
    assert order.wait().status == "SUCCEEDED"
    assert order.shop.log == ["reserve", "charge", "ship", "thank", "charge"]
    assert order.effects == ALL
    assert order.simulator.faults is not None
    assert [landing.error for landing in order.simulator.faults.landed] == [None]


@pytest.mark.parametrize("kind", RECORD_FAULTS)
@pytest.mark.parametrize("times", [1, 3])
def test_fault_of_the_record(kind: str, times: int) -> None:
    """The end is recorded once, whatever becomes of the first attempts (rule 8)."""
    order = Order({"charge": "rejected", "record the end": [kind] * times})
    assert order.wait().error == "SagaCompensated"
    assert order.outcomes["99999"] == "ended"
    record = [event for event in order.simulator.history(order.arn) if event.type == "TaskFailed"]
    assert record[1].details["resource"] == "putItem"
    last = {"reply lost": "DynamoDB.ConditionalCheckFailedException"}
    assert record[-1].details["error"].startswith(last.get(kind, "DynamoDB."))


def test_record_that_keeps_failing_is_redriven() -> None:
    """A record that cannot be put fails in its Task, and a redrive puts it (rules 8, 12)."""
    order = Order({"charge": "rejected", "record the end": ["throttled"] * 11})
    assert order.wait().error == "DynamoDB.ProvisionedThroughputExceededException"
    assert "99999" not in order.outcomes
    order.simulator.redrive(order.arn)
    assert order.wait().error == "SagaCompensated"
    assert order.outcomes["99999"] == "ended"


def test_timeouts_take_virtual_time() -> None:
    """A Task that times out takes its ``TimeoutSeconds``, and the pauses between the attempts."""
    view = Order({"charge": "times out before"}).wait()
    assert view.stopped is not None
    # Three attempts of 20 + 15 seconds, pauses of 2 and 4; the rest are calls of 20 ms.
    assert 111 <= (view.stopped - view.started).total_seconds() < 112


def test_no_fault_no_trace() -> None:
    """Without faults each step runs once, writes one slot, and is one transition."""
    order = Order({})
    assert order.wait().output == {step: {"value": f"{step} is done"} for step in ALL}
    assert order.shop.log == ALL
    assert order.outcomes == dict.fromkeys(["00001", "00002", "00003", "00004"], "result")
    assert order.simulator.transitions(order.arn) == 4
    assert order.simulator.faults is None


@pytest.mark.parametrize("value", [5, [], None, {"reserve": {"value": "wrong"}}, "text"])
@pytest.mark.parametrize("kind", [None, "rejected", "times out after"])
def test_any_input(value: Any, kind: str | None) -> None:
    """Input that is no object, or has fields named like steps, changes no ending (rule 19)."""
    for step in ("reserve", "charge"):
        order = Order({step: kind}, value=value)
        assert order.wait().error == ("SagaCompensated" if kind else None)
        assert order.effects == ([] if kind else ALL)


# What a test may ask for


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"chrage": "raises"}, "did you mean 'charge'"),
        ({"undo ship": "raises"}, "no state 'undo ship'"),
        ({"saga compensated": "raises"}, "no state"),
        ({"charge": "time out after"}, "did you mean 'times out after'"),
        ({"charge": "conditional"}, "no fault 'conditional'"),
        ({"charge": [None, "nonsense"]}, "no fault 'nonsense'"),
        ({"record the end": "lands late"}, "there are: raises, reply lost, throttled"),
    ],
)
def test_fault_that_cannot_be(faults: dict[str, Any], message: str) -> None:
    """An unknown state or kind is refused, with what may have been meant."""
    with pytest.raises(UsageError, match=message):
        Order(faults)


@pytest.mark.parametrize("kind", ["rejected", "raises"])
def test_handler_fault_where_there_is_no_handler(kind: str) -> None:
    """A call without a handler cannot have the faults of one."""
    with pytest.raises(UsageError, match="stands for a handler"):
        Order({"verify ship": kind}, nodes=WITHOUT_PROBE)


KINDS = st.lists(st.none() | st.sampled_from(sorted(CALL_FAULTS)), max_size=2 * ATTEMPTS)
TRUTHFUL = st.lists(
    st.none() | st.sampled_from(sorted(CALL_FAULTS.keys() - {"rejected"})), max_size=2 * ATTEMPTS
)
FAULTS = st.fixed_dictionaries(
    {},
    optional={
        "reserve": KINDS,
        "charge": KINDS,
        "ship": KINDS,
        "verify ship": TRUTHFUL,
        "thank": KINDS,
        "undo charge": KINDS,
        "undo reserve": KINDS,
    },
)


@settings(deadline=None)
@given(FAULTS, st.lists(st.integers(1, 40), max_size=3), st.booleans())
def test_any_faults_any_number(
    faults: dict[str, list[str | None]], stops: list[int], settled: bool
) -> None:
    """Faults, stops and redrives in any number: all or nothing, undone in reverse, one end."""
    order = Order(faults)
    for event in stops:
        order.stop_at(event, settled=settled)
    view = order.wait()
    for _ in range(30):
        if view.status == "SUCCEEDED" or view.error == "SagaCompensated":
            break
        order.simulator.redrive(order.arn)
        view = order.wait()
    assert order.effects == (ALL if view.status == "SUCCEEDED" else [])
    assert (view.error == "SagaCompensated") is ("99999" in order.outcomes)
    assert order.undone == [step for step in ("charge", "reserve") if step in order.undone]


def test_saga_names_its_faults_targets() -> None:
    """The states of the compiled text are what faults can name."""
    assert list(saga()) == ["Shop"]
    Order(dict.fromkeys(["reserve", "undo reserve", "charge", "undo charge", "ship"], None))
    assert [node.name for node in NODES] == ALL


def test_what_was_tried_is_known() -> None:
    """Of each state for which something is wanted, be it nothing, by execution."""
    faults = Faults({"charge": "raises", "ship": []}, [Target("charge"), Target("ship")])
    assert faults.next("one", "charge") == "raises"
    assert faults.next("one", "charge") == "raises"
    assert faults.next("one", "ship") is None
    assert faults.next("two", "ship") is None
    assert faults.next("one", "reserve") is None
    assert faults.attempts("one") == {"charge": 2, "ship": 1}
