"""What a class body may assign, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from stepsaga import Input, Saga, Step
from stepsaga.authoring import graph_of
from tests.authoring import shop
from tests.authoring.problems import codes_of, only, problems_of
from tests.steps import steps

OUTSIDE = Step(shop.thank, retriable=True)


def test_all_problems_at_once() -> None:
    """Problems of the class, of handlers, options and roles are raised together, in order."""

    def make() -> None:
        class Wrong(Saga):
            order = Input(shop.Order)
            deadline = 48  # type: ignore[assignment]  # the mistake
            reserve = Step(shop.reserve_stock, timeout=5)  # type: ignore[arg-type]  # the mistake
            fail = Step(lambda _: None, read_only=True)
            failure = Step(shop.look, read_only=True, retry=3)  # type: ignore[arg-type]  # likewise

    problems = problems_of(make)
    assert sorted({p.code for p in problems}) == ["S105", "S201", "S401", "S501", "S503"]
    lines = [problem.source.line for problem in problems if problem.source]
    assert lines == sorted(lines)
    assert len(lines) == len(problems)


def test_the_error_reads_as_a_list() -> None:
    """The message counts the problems and gives place, code, subject and hint of each."""

    def make() -> None:
        class Wrong(Saga):
            order = Input(shop.Order)

    problem = only(make)
    assert str(problem).startswith(f"{__file__}:")
    assert "S103 Wrong: the saga has no steps\n    hint: assign at least one" in str(problem)


def test_an_empty_saga() -> None:
    """Input and steps are both missed."""

    def make() -> None:
        class Empty(Saga):
            pass

    assert codes_of(make) == ["S101", "S103"]


def test_two_inputs_are_named() -> None:
    """The problem names the inputs."""

    def make() -> None:
        class Two(Saga):
            order = Input(shop.Order)
            basket = Input(shop.Order)
            thank = Step(shop.thank, retriable=True)

    assert "order, basket" in only(make).text


def test_a_deadline_assigned_twice() -> None:
    """Two deadlines are as bad as two steps of a name."""

    def make() -> None:
        class Twice(Saga):
            order = Input(shop.Order)
            deadline = timedelta(hours=1)
            deadline = timedelta(hours=2)  # noqa: PIE794  # the mistake
            thank = Step(shop.thank, retriable=True)

    assert only(make).code == "S104"


def test_a_step_that_a_helper_replaces() -> None:
    """A step is lost whatever takes its name."""

    def make() -> None:
        class Twice(Saga):
            order = Input(shop.Order)
            look = Step(shop.look, read_only=True)
            thank = Step(shop.thank, retriable=True)

            def look(self) -> None: ...  # type: ignore[no-redef]  # noqa: F811  # the mistake

    problem = only(make)
    assert problem.code == "S104"
    assert problem.subject == "Twice.look"
    assert problem.source is not None
    line = Path(__file__).read_text().splitlines()[problem.source.line - 1]
    assert "look = Step(shop.look" in line


def test_a_deleted_step() -> None:
    """A step that is deleted again would never run."""

    def make() -> None:
        class Deleted(Saga):
            order = Input(shop.Order)
            look = Step(shop.look, read_only=True)
            thank = Step(shop.thank, retriable=True)
            del look

    assert only(make).code == "S104"


def test_steps_without_a_name() -> None:
    """Steps in a tuple, in a nested class or alone on a line would never run."""

    def make() -> None:
        class Lost(Saga):
            order = Input(shop.Order)
            Step(shop.look, read_only=True)
            several = (Step(shop.look, read_only=True), Step(shop.look, read_only=True))

            class Inner:
                look = Step(shop.look, read_only=True)

            thank = Step(shop.thank, retriable=True)

    assert codes_of(make) == ["S111"] * 3
    places = {problem.source.line for problem in problems_of(make) if problem.source}
    assert len(places) == 3


def test_one_step_with_two_names() -> None:
    """A step has one place."""

    def make() -> None:
        class Twice(Saga):
            order = Input(shop.Order)
            thank = again = Step(shop.thank, retriable=True)

    assert only(make).code == "S111"


def test_a_step_from_outside() -> None:
    """A step is written in the class body, so that it is nobody else's."""

    def make() -> None:
        class Outside(Saga):
            order = Input(shop.Order)
            thank = OUTSIDE

    assert only(make).code == "S111"


def test_a_saga_is_no_base() -> None:
    """Subclassing a saga is refused by one problem, not by what is missing in the subclass."""

    class Base(Saga):
        order = Input(shop.Order)
        thank = Step(shop.thank, retriable=True)

    def make() -> None:
        class Sub(Base):
            pass

    problem = only(make)
    assert problem.code == "S113"
    assert "order, thank" in problem.text


def test_a_mixin_with_steps() -> None:
    """Steps of a mixin would be passed over, and are refused."""

    class Mixin:
        look = Step(shop.look, read_only=True)

    def make() -> None:
        class Mixed(Mixin, Saga):
            order = Input(shop.Order)
            thank = Step(shop.thank, retriable=True)

    assert only(make).code == "S113"


def test_a_handler_without_step() -> None:
    """A handler assigned bare is not a step, and its author thinks that it is."""

    def make() -> None:
        class Bare(Saga):
            order = Input(shop.Order)
            look = shop.look
            thank = Step(shop.thank, retriable=True)

    assert only(make).hint == "did you mean look = Step(look, ...)?"


def test_a_loops_variable_is_no_mistake() -> None:
    """A handler that a step has may also be bound to a name."""

    class Looped(Saga):
        order = Input(shop.Order)
        for handler in (shop.look, shop.thank):
            locals()[handler.__name__] = Step(handler, read_only=True)

    assert [node.name for node in steps(graph_of(Looped))] == ["look", "thank"]


def test_plain_attributes_stay_the_authors() -> None:
    """Constants, helpers and shared options may stand in a class."""

    class Plain(Saga):
        order = Input(shop.Order)
        quick = timedelta(seconds=5)
        owner = "sales"
        thank = Step(shop.thank, retriable=True, timeout=quick)

        def describe(self) -> str:
            return self.owner

    assert [node.name for node in steps(graph_of(Plain))] == ["thank"]


def test_a_loop_may_name_steps() -> None:
    """Steps that a loop names through locals() are steps like others."""

    class Looped(Saga):
        order = Input(shop.Order)
        for number in range(3):
            locals()[f"look_{number}"] = Step(shop.look, read_only=True)

    assert [node.name for node in steps(graph_of(Looped))] == ["look_0", "look_1", "look_2"]


def test_a_large_saga() -> None:
    """400 steps, each given the result of the first, make one graph."""

    class Large(Saga):
        order = Input(shop.Order)
        look_0 = Step(shop.look, read_only=True, retry=None)
        for number in range(1, 400):
            locals()[f"look_{number}"] = Step(
                shop.bill,
                compensation=shop.nothing_at_all,
                retry=None,
                compensation_retry=None,
                takes={"amount": look_0},
            )

    nodes = steps(graph_of(Large))
    assert len(nodes) == 400
    assert nodes[399].compensation is not None
    assert nodes[399].compensation.slot == (401,)
    assert nodes[1].compensation is not None
    assert nodes[1].compensation.slot == (799,)


def test_nothing_hides_how_sagas_are_started() -> None:
    """A step, a method, a value or a mixin's attribute called ``start`` would hide `Saga.start`."""

    class Startable:
        start = 5

    def of_step() -> None:
        class Wrong(Saga):
            order = Input(shop.Order)
            start = Step(shop.look, read_only=True)  # type: ignore[assignment]  # the mistake

    def of_method() -> None:
        class Wrong(Saga):
            order = Input(shop.Order)
            look = Step(shop.look, read_only=True)

            def start(self) -> None:  # type: ignore[override]  # the mistake
                """Hide it."""

    def of_mixin() -> None:
        class Wrong(Startable, Saga):  # type: ignore[misc]  # the mistake
            order = Input(shop.Order)
            look = Step(shop.look, read_only=True)

    for make in (of_step, of_method, of_mixin):
        problem = only(make)
        assert (problem.code, problem.subject) == ("S105", "Wrong.start")
        assert problem.source is not None
    assert "'start' of Startable would hide Saga.start" in only(of_mixin).text
