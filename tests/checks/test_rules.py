"""Rules on roles, names and limits, at their edges."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga import Input, Retry, Saga, Step
from stepsaga.asl.retriers import worst_seconds
from stepsaga.asl.times import history_events
from stepsaga.authoring import graph_of
from stepsaga.authoring.declared import declared
from stepsaga.authoring.place import Body
from stepsaga.checks import check
from stepsaga.checks.names import LONGEST, RESERVED
from stepsaga.errors import Source
from stepsaga.limits import FIRST_OPERATION_SLOT
from tests.authoring import shop
from tests.authoring.problems import codes_of, only, problems_of
from tests.steps import steps

if TYPE_CHECKING:
    from stepsaga.errors import Problem
    from stepsaga.graph import SagaGraph


class Base(Saga):
    """A saga without problems, to be bent."""

    order = Input(shop.Order)
    reserve = Step(shop.reserve_stock, compensation=shop.release_stock)
    ship = Step(shop.look, pivot=True, read_only=True)
    thank = Step(shop.thank)


@pytest.fixture
def graph() -> SagaGraph:
    """The graph of Base."""
    return graph_of(Base)


def given(graph: SagaGraph, code: str) -> list[Problem]:
    """The problems of a graph that have the code."""
    return [problem for problem in check(graph, sound=False) if problem.code == code]


def again(step: Step[Any]) -> Step[Any]:
    """A step with the same options: a step is written in its saga."""
    return Step(
        step.handler,
        compensation=step.compensation,
        pivot=step.pivot,
        verify=step.verify,
        read_only=step.read_only,
        retriable=step.retriable,
        retry=step.retry,
        claim=step.claim,
    )


def saga_of(**steps: Step[Any]) -> Any:
    """What makes a saga of the options of steps, which are made anew in its body."""
    makers = {name: functools.partial(again, step) for name, step in steps.items()}

    def make() -> None:
        class Made(Saga):
            order = Input(shop.Order)
            for name, make_step in makers.items():
                locals()[name] = make_step()

    return make


@pytest.mark.parametrize(
    "pivot",
    [
        Step(shop.look, pivot=True, compensation=shop.nothing_at_all),
        Step(shop.look, pivot=True, verify=shop.find_parcel),
        Step(shop.look, pivot=True, read_only=True),
    ],
    ids=["compensation", "probe", "read-only"],
)
def test_doubt_of_a_pivot_is_settled(pivot: Step[Any]) -> None:
    """By a probe, by a compensation for that case, or there is none (rule 17)."""
    codes = codes_of(saga_of(ship=pivot))
    assert "S405" not in codes


def test_a_pivot_in_doubt() -> None:
    """Nothing settles it (rule 17)."""
    assert codes_of(saga_of(ship=Step(shop.look, pivot=True))) == ["S405"]


def test_the_pivot_is_before_everything_retriable() -> None:
    """A pivot behind the point of no return is a second one (rule 16)."""
    first = Step(shop.thank, retriable=True)
    assert codes_of(saga_of(first=first, then=Step(shop.look, pivot=True))) == ["S404"]


@pytest.mark.parametrize("claim", [False, True])
def test_a_probe_on_a_retriable_step(claim: bool) -> None:  # a parameter of pytest
    """Steps after the pivot are tried again, or wait for a person: they are not looked for."""
    step = Step(shop.look, retriable=True, verify=shop.find_parcel, claim=claim)
    assert "S406" in codes_of(saga_of(ship=step))


def test_a_probe_of_any_step_that_can_be_undone() -> None:
    """A compensation undoes a result, a probe settles doubt: they go together (rule 17)."""
    step = Step(shop.look, compensation=shop.nothing_at_all, verify=shop.find_anything)
    assert codes_of(saga_of(ship=step)) == []


@pytest.mark.parametrize(
    "step",
    [
        Step(shop.look, compensation=shop.nothing_at_all, claim=True),
        Step(shop.look, compensation=shop.nothing_at_all, claim=True, retry=None),
        Step(shop.look, compensation=shop.nothing_at_all, verify=shop.find_anything, claim=True),
        Step(shop.look, pivot=True, claim=True),
        Step(shop.look, retriable=True, claim=True),
    ],
)
def test_what_can_be_claimed(step: Step[Any]) -> None:
    """Whatever has an effect; a person settles what no probe can (rule 27)."""
    assert codes_of(saga_of(ship=step)) == []


@pytest.mark.parametrize(
    "step",
    [
        Step(shop.look, read_only=True, claim=True),
        Step(shop.look, compensation=shop.nothing_at_all, claim=True, retry=Retry()),
    ],
)
def test_a_claim_that_does_not_hold(step: Step[Any]) -> None:
    """There is nothing to claim, or it would be tried again all the same (rule 27)."""
    assert codes_of(saga_of(ship=step)) == ["S412"]


@pytest.mark.parametrize(
    "step",
    [
        Step(shop.look, pivot=True, retriable=True, verify=shop.pay),
        Step(shop.look, read_only=True, compensation=shop.nothing_at_all),
        Step(shop.look, read_only=True, pivot=True, verify=shop.pay),
    ],
)
def test_options_that_exclude_each_other(step: Step[Any]) -> None:
    """Contradictions are named, not resolved."""
    assert "S408" in codes_of(saga_of(ship=step))


def test_a_probe_that_is_the_handler() -> None:
    """Looking for an effect by having it again is refused."""
    step = Step(shop.look, pivot=True, verify=shop.look)
    assert codes_of(saga_of(ship=step)) == ["S409"]


def test_a_compensation_that_takes_something_else() -> None:
    """The own result must fit beside None (rules 6, 10)."""
    step = Step(shop.look, compensation=shop.refund_card, pivot=False)

    def make() -> None:
        class Undone(Saga):
            order = Input(shop.Order)
            charge = Step(step.handler, compensation=step.compensation)

    problem = only(make)
    assert problem.code == "S301"
    assert "charge is int" in problem.text


def test_a_result_that_may_be_none() -> None:
    """A step whose result can be None is undone by a compensation that takes None."""

    def make() -> None:
        class Maybe(Saga):
            order = Input(shop.Order)
            bill = Step(shop.bill, compensation=shop.undo_bill, takes={"amount": order.total})

    assert problems_of(make) == []


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_names(graph: SagaGraph, name: str) -> None:
    """No step is called as the framework calls something."""
    nodes = (replace(steps(graph)[0], name=name), *steps(graph)[1:])
    [problem] = given(replace(graph, nodes=nodes), "S105")
    assert problem.subject == f"Base.{name}"


@pytest.mark.parametrize("name", ["_hidden", "größe", "a-b", "a b", "1st", "", "a\n"])
def test_unsafe_names(graph: SagaGraph, name: str) -> None:
    """Names are such that paths, machines and files can carry them."""
    nodes = (replace(steps(graph)[0], name=name), *steps(graph)[1:])
    assert len(given(replace(graph, nodes=nodes), "S105")) == 1
    assert len(given(replace(graph, name=name), "S105")) == 1
    assert len(given(replace(graph, input=replace(graph.input, name=name)), "S105")) == 1


def test_the_input_may_be_called_input(graph: SagaGraph) -> None:
    """That is what it is."""
    assert given(replace(graph, input=replace(graph.input, name="input")), "S105") == []


def test_the_longest_name(graph: SagaGraph) -> None:
    """71 characters leave room for the longest word that a state adds (rule 25)."""
    assert LONGEST == 71
    for length, count in [(71, 0), (72, 1)]:
        nodes = (replace(steps(graph)[0], name="a" * length), *steps(graph)[1:])
        assert len(given(replace(graph, nodes=nodes), "S106")) == count


def test_the_deadline_leaves_room_for_every_attempt(graph: SagaGraph) -> None:
    """Attempts, pauses and the framework's own retries up to the pivot; not a second less."""
    forward = steps(graph)[:2]
    worst = sum(worst_seconds(node.call) for node in forward)
    alone = sum(3 * node.call.seconds for node in forward)
    assert worst > alone
    assert given(replace(graph, deadline=worst), "S506") == []
    assert len(given(replace(graph, deadline=worst - 1), "S506")) == 1


def test_undoing_has_a_budget_of_its_own() -> None:
    """Slow compensations and days of retries after the pivot do not count against the deadline."""

    class Slow(Saga):
        order = Input(shop.Order)
        deadline = timedelta(hours=1)
        reserve = Step(
            shop.reserve_stock,
            compensation=shop.release_stock,
            compensation_timeout=timedelta(seconds=870),
        )
        thank = Step(shop.thank, retriable=True)

    assert graph_of(Slow).deadline == 3600


def test_a_year_is_the_end(graph: SagaGraph) -> None:
    """Deadline and undoing together fit into an execution."""
    year = 365 * 24 * 3600
    assert given(replace(graph, deadline=year - 30 * 24 * 3600), "S507") == []
    assert len(given(replace(graph, deadline=year), "S507")) == 1


def test_the_longest_history(graph: SagaGraph) -> None:
    """25,000 events are the limit, retries and undo included (rule 25)."""
    call = replace(steps(graph)[0].call, retry=None)
    step = replace(steps(graph)[0], call=call, compensation=None)
    one = history_events(replace(graph, nodes=(step,)))
    each = history_events(replace(graph, nodes=(step, step))) - one
    most = 1 + (25_000 - one) // each
    assert given(replace(graph, nodes=(step,) * most), "S509") == []
    assert len(given(replace(graph, nodes=(step,) * (most + 1)), "S509")) == 1


@pytest.mark.parametrize(("plain", "undone"), [(FIRST_OPERATION_SLOT, 0), (0, 45_000), (2, 44_999)])
def test_the_last_slot(plain: int, undone: int) -> None:
    """Steps and compensations together stay below the slots of operations (rule 8)."""
    assert plain + 2 * undone == FIRST_OPERATION_SLOT
    steps = dict.fromkeys([f"look_{n}" for n in range(plain)], Step(shop.look, read_only=True))
    pay = Step(shop.look, compensation=shop.nothing_at_all)
    steps |= dict.fromkeys([f"pay_{n}" for n in range(undone)], pay)
    for count in (0, 1):
        found = declared(type("Many", (), steps), Body(), Source("many.py", 1))
        assert [p.text for p in found if p.code == "S510"] == (
            ["the saga has 90000 slots; 89999 are possible"] if count == 0 else []
        )
        steps.popitem()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("shop.payments", "bank.payments"),
        ("handlers.payments", "handlers.payments_live"),
        ("handlers.card_payments", "handlers.cardPayments"),
        ("handlers.payments", "handlers.event_table"),
    ],
)
def test_names_of_functions_are_told_apart(graph: SagaGraph, first: str, second: str) -> None:
    """Functions, their aliases and the event table have names of their own in a template."""
    one, two, *_ = steps(graph)
    nodes = (
        replace(one, call=replace(one.call, participant=first), compensation=None),
        replace(two, call=replace(two.call, participant=second)),
    )
    assert len(given(replace(graph, nodes=nodes), "S511")) == 1


@pytest.mark.parametrize("module", ["handlers.zähler", "handlers.1st"])
def test_names_of_functions_are_ascii(graph: SagaGraph, module: str) -> None:
    """CloudFormation takes letters and digits."""
    one, *_ = steps(graph)
    node = replace(one, call=replace(one.call, participant=module), compensation=None)
    assert len(given(replace(graph, nodes=(node,)), "S511")) == 1


def test_what_is_unsound_is_not_compiled(graph: SagaGraph) -> None:
    """A graph that could not be read whole is checked as far as it goes."""
    broken = replace(
        steps(graph)[0], call=replace(steps(graph)[0].call, participant="", handler="")
    )
    assert check(replace(graph, nodes=(broken, *steps(graph)[1:])), sound=False) == []


def test_one_attempt_is_no_retry() -> None:
    """Retry(attempts=1) and None both pass; the framework's own retries tell them apart."""

    class Once(Saga):
        order = Input(shop.Order)
        thank = Step(shop.thank, retriable=True, retry=Retry(attempts=1))
        again = Step(shop.thank, retry=None)

    thank, again = steps(graph_of(Once))
    assert thank.call.retry is not None
    assert (thank.call.retry.attempts, again.call.retry) == (1, None)
