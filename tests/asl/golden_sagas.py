"""The graphs of the golden files ``success_*``: one for each shape that a sequence can have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stepsaga.graph import (
    Datum,
    Known,
    Origin,
    Question,
    Retry,
    Service,
    Target,
    TargetKind,
    Text,
    steps_of,
)
from tests.asl.graphs import change, claimed, look, of, pivot, saga, step, tail, takes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.graph import SagaGraph

ODD_RETRY: Final = Retry(
    attempts=5,
    wait=3,
    backoff=1.5,
    longest_wait=7,
    jitter=False,
    only=("builtins:OSError", "builtins:ConnectionError"),
    never=("builtins:FileNotFoundError",),
)
EVEN_RETRY: Final = Retry(attempts=4, wait=5, backoff=3.0, longest_wait=5, jitter=True)
ONE_ATTEMPT: Final = Retry(attempts=1, wait=1, backoff=2.0, longest_wait=60, jitter=True)


def asks(graph: SagaGraph, name: str, question: Question) -> SagaGraph:
    """The graph in which a step asks."""
    return change(graph, name, question=question)


def serves(graph: SagaGraph, name: str, service: Service) -> SagaGraph:
    """The graph in which Step Functions itself does a step."""
    node = next(one for one in steps_of(graph.nodes) if one.name == name)
    retry = node.call.retry if service.repeatable else None
    call = replace(node.call, handler="", parameters=(), retry=retry, direct=True)
    return change(graph, name, call=call, service=service)


TOLD: Final = Service(
    "sqs:sendMessage",
    {
        "QueueUrl": Target(TargetKind.QUEUE, "Parcels"),
        "MessageBody": {
            "order": Datum(Origin.INPUT, path=("id",)),
            "key": Known.KEY,
            "odd": "it's {} of ${Nothing}",
            "both": [Known.ID, "$.x", 5],
        },
    },
    repeatable=True,
    reply="MessageId",
)
STARTED: Final = Service(
    "states:startExecution",
    {
        "StateMachineArn": Target(TargetKind.MACHINE, "Billing"),
        "Name": Known.KEY,
        "Input": {"order": Datum(Origin.INPUT)},
    },
    repeatable=True,
    done=("StepFunctions.ExecutionAlreadyExists",),
)
COPIED: Final = Service(
    "aws-sdk:s3:copyObject",
    {"Key": Text(("of ", Datum(Origin.INPUT, path=("id",)), " {}"))},
    repeatable=False,
    reply="$",
)

SAGAS: Final[Mapping[str, SagaGraph]] = {
    "single_step": saga([step("charge")]),
    "single_read_only_step": saga([look("quote")], name="Quote"),
    "no_compensations": saga([look("quote"), look("rate")], name="Quote"),
    "sequence": saga(
        [
            step("reserve", handler="handlers.inventory:reserve_stock", doc="Put the goods aside."),
            step("charge"),
        ],
        doc="Take an order from basket to doorstep.\n\n    Or leave no trace of it.",
    ),
    "pivot_in_the_middle": saga(
        [step("reserve"), step("charge"), pivot("ship"), tail("thank")], deadline=172_800
    ),
    "pivot_with_compensation": saga(
        [step("reserve"), pivot("ship", probe="", undo="handlers.shipping:recall"), tail("thank")]
    ),
    "read_only_pivot": saga([step("reserve"), pivot("decide", probe=""), tail("thank")]),
    "pivot_first": saga([pivot("ship"), tail("thank")]),
    "pivot_first_with_compensation": saga(
        [pivot("ship", probe="", undo="handlers.shipping:recall"), tail("thank")]
    ),
    "pivot_last": saga([step("charge"), pivot("ship")]),
    "every_retry_option": saga(
        [
            step("odd", retry=ODD_RETRY, undo_retry=EVEN_RETRY),
            step("once", retry=ONE_ATTEMPT, seconds=1),
        ]
    ),
    "without_retry": saga([step("charge", retry=None, undo_retry=None)]),
    "nothing_to_undo_at_first": saga([look("quote"), step("charge")]),
    "takes": saga(
        [
            step("reserve"),
            step(
                "charge",
                takes=(takes("customer", "order", "id"), takes("goods", "reserve", "lines", "0")),
                undo_takes=(takes("goods", "reserve"), of("charge")),
            ),
            look("report", takes=(of("reserve"), of("charge"))),
        ]
    ),
    "deadline": saga([step("reserve"), look("quote")], deadline=3600),
    "step_with_a_probe": saga(
        [step("reserve"), step("charge", probe="handlers.payments:find_charge"), look("report")]
    ),
    "claimed": saga(
        [
            claimed("reserve"),
            claimed("charge", probe="handlers.payments:find_charge"),
            claimed("tell"),
        ]
    ),
    "claimed_pivot": saga([step("reserve"), pivot("ship", probe="", claim=True, retry=None)]),
    "tail_without_a_pivot": saga([step("charge"), tail("thank"), tail("tell")]),
    "tail_alone": saga([tail("thank"), tail("tell")]),
    "asks": asks(
        asks(
            saga([look("review"), step("charge"), look("pickup"), pivot("ship")]),
            "review",
            Question(3600),
        ),
        "pickup",
        Question(86_400, heartbeat=600, otherwise={"value": {"day": "Monday"}}),
    ),
    "serves": serves(
        serves(
            serves(
                saga([step("reserve"), step("tell"), step("begin"), pivot("ship"), tail("thank")]),
                "tell",
                TOLD,
            ),
            "begin",
            STARTED,
        ),
        "ship",
        COPIED,
    ),
}
"""By the name of the golden file."""
