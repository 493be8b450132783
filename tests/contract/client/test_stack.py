"""What a stack's outputs say, and what is said of a stack that does not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from stepsaga.client.stack import Stack, read_stack, stack_of
from stepsaga.errors import (
    EngineError,
    EngineThrottled,
    EngineUnreachable,
    SagaNotDeployed,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:shop-FulfilOrder:live"


class CloudFormation:
    """Answers with these outputs, or with an error."""

    def __init__(self, outputs: Mapping[str, str] | None, error: Exception | None = None) -> None:
        self.outputs = outputs
        self.error = error

    def describe_stacks(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStacks. A stack without outputs has no list of them."""
        assert parameters == {"StackName": "shop"}
        if self.error is not None:
            raise self.error
        listed = [
            {"OutputKey": key, "OutputValue": value} for key, value in (self.outputs or {}).items()
        ]
        return {"Stacks": [{"StackName": "shop"} | ({"Outputs": listed} if listed else {})]}


def refusal(code: str, message: str) -> ClientError:
    """What AWS answers."""
    reply: Any = {"Error": {"Code": code, "Message": message}}
    return ClientError(reply, "DescribeStacks")


def test_outputs_name_table_and_machines() -> None:
    """The table is EventTable; what ends in Machine is a saga's; other outputs are others'."""
    outputs = {"EventTable": "t", "FulfilOrderMachine": ARN, "ReturnMachine": "arn:2", "Url": "x"}
    assert read_stack(CloudFormation({**outputs, "Machine": "vending"}), "shop") == Stack(
        "shop", "t", {"FulfilOrder": ARN, "Return": "arn:2"}
    )
    with_projection = read_stack(CloudFormation({**outputs, "OpenSagas": "o"}), "shop")
    assert with_projection.open_sagas == "o"


@pytest.mark.parametrize(
    ("outputs", "lacks"),
    [
        ({}, r"no output EventTable among its outputs \(there are none\)"),
        ({"FulfilOrderMachine": ARN}, r"no output EventTable .*\(FulfilOrderMachine\)"),
        ({"EventTable": "t", "Machine": ARN}, "no saga's machine"),
    ],
)
def test_a_stack_of_somebody_elses_is_told(outputs: dict[str, str], lacks: str) -> None:
    """A stack without these outputs is named, with what it has and the way out."""
    with pytest.raises(SagaNotDeployed, match=f"stack 'shop' is none of stepsaga's: .*{lacks}"):
        read_stack(CloudFormation(outputs), "shop")


@pytest.mark.parametrize(
    ("error", "raised", "text"),
    [
        (
            refusal("ValidationError", "Stack with id shop does not exist"),
            SagaNotDeployed,
            "there is no stack 'shop'.*sam",
        ),
        (refusal("ValidationError", "no such name"), EngineError, "no such name"),
        (refusal("Throttling", "Rate exceeded"), EngineThrottled, "stack 'shop': over its rate"),
        (refusal("ExpiredToken", "old"), EngineUnreachable, "stack 'shop': AWS refuses"),
        (
            EndpointConnectionError(endpoint_url="https://cloudformation.invalid"),
            EngineUnreachable,
            "stack 'shop': no answer",
        ),
    ],
)
def test_a_stack_that_cannot_be_read_is_named(
    error: Exception, raised: type[Exception], text: str
) -> None:
    """Whatever keeps the outputs from being read is told with the stack's name, and its way out."""
    with pytest.raises(raised, match=text):
        read_stack(CloudFormation(None, error), "shop")


def test_the_environment_names_the_stack() -> None:
    """STEPSAGA_STACK names the stack; without it the error says what to set."""
    assert stack_of({"STEPSAGA_STACK": "shop"}) == "shop"
    for environment in ({}, {"STEPSAGA_STACK": ""}):
        with pytest.raises(UsageError, match="Set STEPSAGA_STACK"):
            stack_of(environment)
