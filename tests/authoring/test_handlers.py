"""Which functions can be handlers, and what fills their parameters."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import Any

import pytest

from stepsaga import Input, Retry, Saga, Step
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.authoring.wiring import own_origin
from stepsaga.graph import Origin
from stepsaga.runtime import SagaContext
from stepsaga.runtime.approval_links import ApprovalLinks
from tests.authoring import shop
from tests.authoring.problems import codes_of, only, problems_of
from tests.steps import steps


def saga_with(handler: Any, **options: Any) -> type[Saga]:
    """A saga of one step."""

    class One(Saga):
        order = Input(shop.Order)
        want = Step(handler, **({"retriable": True} | options))

    return One


@pytest.mark.parametrize(
    ("handler", "code", "text"),
    [
        (lambda _: None, "S201", "cannot be imported as"),
        (shop.make(), "S201", "make.<locals>.inner"),
        (shop.Methods().method, "S201", "no plain function"),
        (shop.Methods.method, "S201", "Methods.method"),
        (shop.Methods.static, "S201", "Methods.static"),
        (functools.partial(shop.thank, times=2), "S201", "no plain function"),
        (print, "S201", "no plain function"),
        (shop.Order, "S201", "no plain function"),
        (None, "S201", "no plain function: None"),
        (shop.renamed, "S201", "cannot be imported as tests.authoring.shop:thank"),
        (shop.later, "S202", "coroutine or a generator"),
        (shop.one_by_one, "S202", "coroutine or a generator"),
        (shop.stream, "S202", "coroutine or a generator"),
        (shop.positional, "S203", "order: "),
        (shop.keywords, "S203", "**everything"),
        (shop.unknown_type, "S206", "'Path' is not defined"),
        (shop.no_return, "S206", "does not say what it returns"),
    ],
)
def test_what_cannot_be_a_handler(handler: Any, code: str, text: str) -> None:
    """A handler is a plain function that Lambda can import by name and fill by name."""
    problem = only(lambda: saga_with(handler))
    assert problem.code == code
    assert text in problem.text


@pytest.mark.parametrize("part", ["compensation", "verify"])
def test_compensation_and_probe_are_handlers_too(part: str) -> None:
    """The same holds for what undoes and what probes."""
    options: dict[str, Any] = {part: lambda: None, "retriable": False, "pivot": part == "verify"}
    problems = problems_of(lambda: saga_with(shop.look, **options))
    assert {problem.code for problem in problems} == {"S201"}


def test_a_call_instead_of_a_function() -> None:
    """Calling the handler by mistake is told apart."""
    assert "without calling it" in only(lambda: saga_with(5)).hint


def test_wrapped_functions_are_handlers() -> None:
    """A decorator that keeps name and signature keeps a handler a handler."""
    [node] = steps(graph_of(saga_with(shop.wrapped)))
    assert [parameter.name for parameter in node.call.parameters] == ["order", "times"]
    assert node.call.handler == "tests.authoring.shop:wrapped"


def test_an_unreadable_handler_does_not_hide_the_rest() -> None:
    """The other steps are still wired and checked."""

    def make() -> None:
        class Both(Saga):
            order = Input(shop.Order)
            first = Step(lambda _: None, read_only=True)
            other = Step(shop.look)

    assert codes_of(make) == ["S201", "S401"]


def test_nothing_provides_a_parameter() -> None:
    """The nearest name that is known there is suggested."""

    def make() -> None:
        class Near(Saga):
            ordr = Input(shop.Order)
            thank = Step(shop.thank, retriable=True)

    problem = only(make)
    assert (problem.code, problem.hint) == ("S204", "did you mean 'ordr'?")


def test_what_is_known_is_listed() -> None:
    """Without a near name, all names that are known there are listed."""

    def make() -> None:
        class Far(Saga):
            basket = Input(shop.Order)
            look = Step(shop.look, read_only=True, takes={"order": basket})
            bill = Step(shop.bill, retriable=True)

    assert "known here: basket, look, table" in only(make).hint


def test_a_later_step_is_not_known() -> None:
    """A result that is not there yet is told apart from one that never is."""

    def make() -> None:
        class Early(Saga):
            order = Input(shop.Order)
            charge = Step(shop.charge_card, compensation=shop.refund_card)
            reserve = Step(shop.reserve_stock, compensation=shop.release_stock)

    assert "has not run at that point" in only(make).hint


def test_a_step_does_not_get_its_own_result() -> None:
    """Only the compensation can take it."""
    assert "own result" in only(lambda: saga_with(shop.wants_own)).hint


def test_a_probe_does_not_get_the_result_either() -> None:
    """A probe finds the result out."""

    def make() -> None:
        class Probed(Saga):
            order = Input(shop.Order)
            want = Step(shop.look, pivot=True, verify=shop.wants_own)

    assert "own result" in only(make).hint


def test_the_context_is_known_by_its_type() -> None:
    """The runtime's own class is recognised whatever the parameter's name."""
    assert own_origin(SagaContext) is Origin.CONTEXT
    assert own_origin(ApprovalLinks) is Origin.LINKS
    assert own_origin(shop.Order) is None
    assert own_origin("SagaContext") is None


def test_compensations_get_earlier_results() -> None:
    """A compensation takes the input, its own step's result and those before it."""

    class Undone(Saga):
        order = Input(shop.Order)
        reserve = Step(shop.reserve_stock, compensation=shop.release_stock)

    compensation = steps(graph_of(Undone))[0].compensation
    assert compensation is not None
    order, reserve = compensation.call.parameters
    assert (order.origin, reserve.origin, reserve.step) == (Origin.INPUT, Origin.STEP, "reserve")


def test_takes_names_the_source_of_a_parameter() -> None:
    """The input, a step or a field fills a parameter; the keys are those of the JSON."""

    class Mapped(Saga):
        order = Input(shop.Order)
        charge = Step(shop.pay, compensation=shop.refund_card)
        look = Step(shop.look, read_only=True)
        whole = Step(shop.bill, compensation=shop.nothing_at_all, takes={"amount": look})
        field = Step(shop.bill, retriable=True, takes={"amount": charge.result.risk.score})
        deep = Step(shop.label, takes={"street": order.address.street})
        computed = Step(shop.bill, takes={"amount": charge.result.cents})

    found = {
        node.name: [(p.origin, p.step, p.path, p.given) for p in node.call.parameters if p.explicit]
        for node in steps(graph_of(Mapped))
    }
    assert found["whole"] == [(Origin.STEP, "look", (), int)]
    assert found["field"] == [(Origin.STEP, "charge", ("risk", "riskScore"), int)]
    assert found["deep"] == [(Origin.INPUT, "", ("shipTo", "street"), str)]
    assert found["computed"] == [(Origin.STEP, "charge", ("cents",), int)]


def test_a_parameter_that_json_cannot_give() -> None:
    """A parameter's type must be read from JSON, also where what fills it is not known."""

    def make() -> None:
        class Connected(Saga):
            order = Input(shop.Order)
            anything = Step(shop.find_anything, read_only=True)
            use = Step(shop.use_connection, retriable=True)

    problem = only(make)
    assert problem.code == "S302"
    assert "anything: Connection, which JSON cannot give" in problem.text


def test_takes_serves_the_compensation() -> None:
    """Handler and compensation are given the same where both have the parameter."""

    class Billed(Saga):
        order = Input(shop.Order)
        bill = Step(shop.bill, compensation=shop.undo_bill, takes={"amount": order.total})

    compensation = steps(graph_of(Billed))[0].compensation
    assert compensation is not None
    amount, own = compensation.call.parameters
    assert (amount.explicit, amount.path, own.step) == (True, ("total",), "bill")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("note", "the input may lack"),
        ("code", "the input may lack"),
        ("billing", "the input may lack"),
    ],
)
def test_fields_that_the_input_may_lack(field: str, text: str) -> None:
    """A default or a choice of names makes a field of the raw input uncertain (rule 19)."""

    def make() -> None:
        class Raw(Saga):
            order = Input(shop.Order)
            note = Step(shop.take_note, retriable=True, takes={"text": getattr(order, field)})

    problem = only(make)
    assert problem.code == "S210"
    assert text in problem.text


def test_fields_that_a_result_may_lack() -> None:
    """Below an optional field, left out on writing, or in a partial dict, nothing is certain."""

    def make() -> None:
        class Partial(Saga):
            order = Input(shop.Order)
            charge = Step(shop.pay, compensation=shop.refund_card)
            note = Step(shop.write_note, read_only=True)
            one: Any = charge
            first = Step(shop.bill, retriable=True, takes={"amount": one.result.maybe.score})
            second = Step(shop.take_note, takes={"text": one.result.hidden})
            third = Step(shop.take_note, takes={"text": note.result.text})  # type: ignore[attr-defined]
            del one

    assert codes_of(make).count("S210") == 3


def test_steps_may_share_a_compensation() -> None:
    """Step.own gives a compensation the result of its own step, whatever that is called."""

    class Twice(Saga):
        order = Input(shop.Order)
        first = Step(shop.pay, compensation=shop.refund_card, takes={"charge": Step.own})
        second = Step(shop.pay, compensation=shop.refund_card, takes={"charge": Step.own})

    built = build(graph_of(Twice))
    takes = [
        built.definition["States"][f"undo {name}"]["Parameters"]["Payload"]["takes"]
        for name in ("first", "second")
    ]
    assert takes == [{"charge": ["first"]}, {"charge": ["second"]}]


def test_the_own_result_is_for_the_compensation_alone() -> None:
    """A handler that would take it, and a field of it, are refused."""

    def handler() -> None:
        class Early(Saga):
            order = Input(shop.Order)
            bill = Step(shop.bill, retriable=True, takes={"amount": Step.own})

    def below() -> None:
        class Below(Saga):
            order = Input(shop.Order)
            charge = Step(shop.pay, compensation=shop.refund_card, takes={"charge": Step.own.risk})

    def not_none() -> None:
        class Certain(Saga):
            order = Input(shop.Order)
            charge = Step(shop.look, compensation=shop.bill, takes={"amount": Step.own})

    assert [only(make).code for make in (handler, below, not_none)] == ["S208", "S108", "S402"]


def test_takes_of_other_things() -> None:
    """Constants, other sagas' data and steps that have not run are refused."""

    def make(source: Any) -> Any:
        def body() -> None:
            class Taking(Saga):
                order = Input(shop.Order)
                bill = Step(shop.bill, retriable=True, takes={"amount": source})

        return body

    foreign: Any = Input(shop.Order)
    assert [codes_of(make(source)) for source in (5, foreign.total, Step(shop.look))] == [
        ["S208"],
        ["S208"],
        ["S208"],
    ]


def test_takes_is_a_mapping() -> None:
    """Anything else is refused, not guessed."""
    assert "S208" in codes_of(lambda: saga_with(shop.thank, takes=["order"]))


def test_takes_of_the_context() -> None:
    """The context is given; nothing else can take its place."""

    def make() -> None:
        class Context(Saga):
            order = Input(shop.Order)
            charge = Step(shop.pay, compensation=shop.refund_card, takes={"saga": order})

    assert only(make).code == "S207"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"timeout": 5}, "S501"),
        ({"timeout": timedelta(0)}, "S502"),
        ({"timeout": timedelta(milliseconds=1500)}, "S502"),
        ({"timeout": timedelta(seconds=-5)}, "S502"),
        ({"timeout": timedelta(seconds=871)}, "S502"),
        ({"compensation_timeout": timedelta(seconds=5)}, "S408"),
        ({"compensation_retry": None}, "S408"),
        ({"retry": 3}, "S503"),
        ({"retry": Retry(attempts=0)}, "S503"),
        ({"retry": Retry(attempts=1001)}, "S503"),
        ({"retry": Retry(attempts=True)}, "S503"),
        ({"retry": Retry(attempts=2.0)}, "S503"),  # type: ignore[arg-type]  # the mistake
        ({"retry": Retry(wait=timedelta(0))}, "S502"),
        ({"retry": Retry(wait=2)}, "S501"),  # type: ignore[arg-type]  # the mistake
        ({"retry": Retry(longest_wait=timedelta(days=367))}, "S502"),
        ({"retry": Retry(wait=timedelta(minutes=2))}, "S504"),
        ({"retry": Retry(backoff=0.9)}, "S504"),
        ({"retry": Retry(backoff=float("nan"))}, "S504"),
        ({"retry": Retry(backoff=float("inf"))}, "S504"),
        ({"retry": Retry(jitter=1)}, "S512"),  # type: ignore[arg-type]  # the mistake
        ({"retry": Retry(only=OSError)}, "S505"),  # type: ignore[arg-type]  # the mistake
        ({"retry": Retry(only=(KeyboardInterrupt,))}, "S505"),  # type: ignore[arg-type]  # likewise
        ({"retry": Retry(never=(shop.CardDeclined,))}, "S505"),
        ({"retry": Retry(only=(OSError,), never=(OSError,))}, "S505"),
        ({"retry": Retry(never=(type("Local", (Exception,), {}),))}, "S505"),
        ({"retriable": 1}, "S512"),
        ({"read_only": None}, "S512"),
        ({"claim": 1}, "S512"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], code: str) -> None:
    """An option out of its range, or of another type, is a problem with a code; nothing is bent."""
    problem = only(lambda: saga_with(shop.thank, **options))
    assert problem.code == code
    assert problem.subject == "One.want"
    assert problem.source is not None


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": timedelta(seconds=1)},
        {"timeout": timedelta(seconds=870)},
        {"retry": None},
        {"retry": Retry(attempts=1)},
        {"retry": Retry(wait=timedelta(seconds=1), longest_wait=timedelta(seconds=1), backoff=1)},
        {"retry": Retry(jitter=False, backoff=100)},
    ],
)
def test_options_at_their_ends(options: dict[str, Any]) -> None:
    """The ends of each range are within it."""
    assert problems_of(lambda: saga_with(shop.thank, **options)) == []


@pytest.mark.parametrize(
    ("options", "code"),
    [({"compensation_retry": "often"}, "S503"), ({"compensation_timeout": 5.5}, "S501")],
)
def test_options_of_a_compensation(options: dict[str, Any], code: str) -> None:
    """They are checked like the step's own."""
    options |= {"retriable": False, "compensation": shop.nothing_at_all}
    assert only(lambda: saga_with(shop.look, **options)).code == code


def test_a_claimed_step_is_not_retried_by_itself() -> None:
    """Who claims a step need not say so twice: there is no retry unless one is asked for."""
    options = {"retriable": False, "compensation": shop.nothing_at_all}
    for retry in ({}, {"retry": None}):
        [node] = steps(graph_of(saga_with(shop.look, claim=True, **retry, **options)))
        assert node.claim
        assert node.call.retry is None
        assert node.compensation is not None
        assert node.compensation.call.retry is not None


def test_a_compensation_may_run_once() -> None:
    """compensation_retry=None is a choice that an author may make."""
    options = {"retriable": False, "compensation": shop.nothing_at_all}
    [node] = steps(graph_of(saga_with(shop.look, compensation_retry=None, **options)))
    assert node.compensation is not None
    assert node.compensation.call.retry is None
