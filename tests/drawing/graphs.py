"""Graphs with every kind of node, made by hand, without authoring."""

from __future__ import annotations

from typing import Any

from stepsaga.graph import (
    AllOf,
    AnyOf,
    Branch,
    Call,
    ChoiceNode,
    Comparison,
    Compensation,
    Datum,
    InputNode,
    Kind,
    Lane,
    MapNode,
    Node,
    Not,
    Operator,
    Origin,
    ParallelNode,
    Present,
    Role,
    SagaGraph,
    StepNode,
    WaitNode,
)

ORDER = Datum(Origin.INPUT)


def of_order(*path: str, annotation: Any = Any) -> Datum:
    """A value of the input."""
    return Datum(Origin.INPUT, path=path, annotation=annotation)


def result(step: str, *path: str) -> Datum:
    """A value of a step's result."""
    return Datum(Origin.STEP, step, path)


RISKY = Comparison(result("charge", "risk"), Operator.GREATER_OR_EQUAL, 70, Kind.NUMBER)
EXPRESS = Comparison(of_order("express"), Operator.EQUAL, other=True, kind=Kind.BOOLEAN)


def call(handler: str) -> Call:
    """A call of a handler in ``handlers.shop``."""
    return Call(f"handlers.shop:{handler}", "handlers.shop", (), dict, 20, None)


def step(name: str, *, undo: str = "", probe: str = "", role: Role | None = None) -> StepNode:
    """A step: one that can be undone, where ``undo`` names a handler, or one of another role."""
    return StepNode(
        name=name,
        role=role or (Role.COMPENSATABLE if undo else Role.READ_ONLY),
        call=call(f"do_{name}"),
        slot=(0,),
        schema={},
        compensation=Compensation(call(undo), (0,)) if undo else None,
        verify=call(probe) if probe else None,
    )


def undoable(name: str) -> StepNode:
    """A step with a compensation."""
    return step(name, undo=f"take_back_{name}")


def pivot(name: str, *, probe: str = "", undo: str = "") -> StepNode:
    """A point of no return."""
    return step(name, undo=undo, probe=probe, role=Role.PIVOT)


def tail(name: str) -> StepNode:
    """A step that is retried until it is done."""
    return step(name, role=Role.RETRIABLE)


def choice(name: str, *branches: Branch, otherwise: tuple[Node, ...] = ()) -> ChoiceNode:
    """A choice."""
    return ChoiceNode(name, branches, otherwise)


def branch(name: str, *nodes: Node, when: Any = RISKY) -> Branch:
    """A way of a choice."""
    return Branch(name, when, nodes)


def parallel(name: str, **lanes: tuple[Node, ...]) -> ParallelNode:
    """Lanes side by side."""
    return ParallelNode(name, tuple(Lane(*lane) for lane in lanes.items()), (0,))


def each(name: str, *nodes: Node, item: str = "line", at_most: int = 10) -> MapNode:
    """The same for every line of the order."""
    return MapNode(name, of_order("lines"), item, nodes, (0,), at_most, 100)


def saga(*nodes: Node, doc: str = "", deadline: int | None = None) -> SagaGraph:
    """A saga of these."""
    return SagaGraph("Fulfil", "sagas:Fulfil", InputNode("order", dict, {}), nodes, deadline, doc)


FULFIL = saga(
    undoable("reserve"),
    undoable("charge"),
    choice("check", branch("review", step("review"), when=AnyOf((RISKY, EXPRESS)))),
    WaitNode("pause", until=of_order("pause")),
    parallel(
        "dispatch",
        labels=(each("labels", undoable("label")),),
        invoice=(undoable("invoice"),),
    ),
    pivot("ship", probe="find_parcel"),
    tail("thank"),
    doc="Take an order from basket to doorstep, or leave no trace of it.",
    deadline=172_800,
)
"""The saga that the documents show, with everything that the language has."""

LONG = "a_rather_long_name_for_one_single_step_of_a_saga_that_nobody_should_choose_in_earnest"

_COUNTRIES = AnyOf(
    tuple(
        Comparison(of_order("country"), Operator.EQUAL, code, Kind.TEXT)
        for code in ("AT", "DE", "CH")
    )
)

NESTED = saga(
    undoable("reserve"),
    step("look_up_the_customer"),
    parallel(
        "prepare",
        goods=(
            undoable("pick"),
            each(
                "parcels",
                undoable("pack"),
                choice(
                    "size",
                    branch("bulky", undoable("crane"), pivot("lift", undo="lower"), when=RISKY),
                    branch("fragile", undoable("pad"), step("weigh"), when=_COUNTRIES),
                    otherwise=(WaitNode("rest", seconds=5400),),
                ),
                undoable(LONG),
            ),
        ),
        papers=(
            each("forms", step("read_form"), item="form", at_most=0),
            undoable("invoice"),
            choice(
                "customs",
                branch(
                    "abroad",
                    parallel(
                        "papers_of_customs",
                        declare=(undoable("declare"),),
                        insure=(undoable("insure"), step("check_insurance")),
                        nothing=(),
                    ),
                    when=AllOf((Not(_COUNTRIES), Present(of_order("invoice", "vat number")))),
                ),
            ),
        ),
        idle=(WaitNode("breathe", seconds=30),),
    ),
    WaitNode("pause", until=of_order("pause")),
    choice(
        "carrier",
        *(
            branch(
                f"carrier_{number}",
                undoable(f"book_{number}") if number % 3 else step(f"ask_{number}"),
                when=Comparison(
                    of_order("carrier"), Operator.EQUAL, f"carrier number {number}", Kind.TEXT
                ),
            )
            for number in range(12)
        ),
        otherwise=(undoable("send_a_pigeon"),),
    ),
    undoable("charge"),
    doc="Everything inside of everything.",
)
"""Three levels and more, long names, thirteen ways."""

FINAL = saga(
    undoable("charge"),
    pivot("ship", undo="recall"),
    parallel(
        "goodbye",
        letter=(tail("write"), tail("send")),
        points=(choice("member", branch("gold", tail("credit"), when=EXPRESS)),),
    ),
    each("lines", tail("thank")),
)
"""A pivot with a compensation, and much behind it."""
