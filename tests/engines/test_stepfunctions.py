from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
)

from stepsaga.engines.protocol import Status
from stepsaga.engines.stepfunctions import LONGEST_PAUSE, StepFunctionsEngine
from stepsaga.errors import (
    EngineError,
    EngineThrottled,
    EngineUnreachable,
    ExecutionExists,
    ExecutionMissing,
    MachineMissing,
    TaskTimedOut,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PLACE = "arn:aws:states:eu-central-1:123456789012"
ARN = f"{PLACE}:stateMachine:FulfilOrder-x1"
RAN = f"{PLACE}:execution:FulfilOrder-x1:order-1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/any"


@dataclass
class Fake:
    """A client that answers each operation with the next of its replies, the last one again."""

    replies: Mapping[str, list[Any]]
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def ask(**parameters: Any) -> Any:
            self.asked.append((operation, parameters))
            replies = self.replies[operation]
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            if isinstance(reply, Exception):
                raise reply
            return reply

        return ask


@dataclass
class Clock:
    """A clock that moves when somebody sleeps."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def read(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds
        self.pauses.append(seconds)


def refusal(code: str, status: int = 400) -> ClientError:
    """An error as AWS sends it."""
    reply = {
        "Error": {"Code": code, "Message": "as AWS says"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(reply, "Operation")


def described(status: str = "RUNNING", value: Any = None, **more: Any) -> dict[str, Any]:
    """What DescribeExecution answers."""
    return {
        "executionArn": RAN,
        "stateMachineArn": ARN,
        "name": "order-1",
        "status": status,
        "startDate": NOW,
        "input": json.dumps(value, indent=1),
        **more,
    }


def engine(
    machine: str = ARN, *, role: str = "", patience: float = 60, **replies: list[Any]
) -> tuple[StepFunctionsEngine, Fake, Clock]:
    """An engine that knows one machine, its client and its clock."""
    client, clock = Fake(replies), Clock()
    made = StepFunctionsEngine(
        client,
        machines={"FulfilOrder": machine},
        role=role,
        patience=patience,
        clock=clock.read,
        sleep=clock.sleep,
    )
    return made, client, clock


@pytest.mark.parametrize("qualifier", ["", ":7", ":live"])
def test_a_start_uses_the_arn_as_it_is_given(qualifier: str) -> None:
    """A version or an alias is started as such, and its executions have the machine's own ARNs."""
    subject, client, _ = engine(ARN + qualifier, start_execution=[{"executionArn": RAN}])
    assert subject.start("FulfilOrder", {"ä": 1}, name="order-1") == RAN
    assert subject.execution_arn("FulfilOrder", "order-1") == RAN
    sent = {"stateMachineArn": ARN + qualifier, "name": "order-1", "input": '{"ä":1}'}
    assert client.asked == [("start_execution", sent)]


def test_the_same_start_again_is_the_same_where_the_api_refuses() -> None:
    """A taken name with the same input, in whatever spelling, gives the execution that runs."""
    taken = [refusal("ExecutionAlreadyExists")]
    subject, client, _ = engine(
        start_execution=taken, describe_execution=[described(value={"a": [1.0, None]})]
    )
    assert subject.start("FulfilOrder", {"a": [1, None]}, name="order-1") == RAN
    assert client.asked[-1] == ("describe_execution", {"executionArn": RAN})


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (described(value={"a": True}), "has another input"),
        (described("SUCCEEDED", {"a": 1}, output="1"), "is closed"),
    ],
)
def test_a_taken_name_is_an_error(found: dict[str, Any], why: str) -> None:
    """Another input, or an execution that is closed, takes the name; the error says which."""
    taken = [refusal("ExecutionAlreadyExists")]
    subject, _, _ = engine(start_execution=taken, describe_execution=[found])
    with pytest.raises(ExecutionExists, match=f"ExecutionAlreadyExists: {RAN} {why}"):
        subject.start("FulfilOrder", {"a": 1}, name="order-1")


def test_an_unknown_machine_is_named() -> None:
    """A machine that the engine does not know is missing, with the ones that it knows."""
    subject, client, _ = engine()
    for ask in (
        lambda: subject.start("Fulfil", 1, name="x"),
        lambda: subject.execution_arn("Fulfil", "x"),
        lambda: list(subject.executions("Fulfil")),
    ):
        with pytest.raises(MachineMissing, match=r"StateMachineDoesNotExist: 'Fulfil'.*FulfilOrd"):
            ask()
    assert not client.asked


def test_input_that_is_no_json_is_refused() -> None:
    """What cannot be JSON is not sent."""
    subject, client, _ = engine()
    with pytest.raises(EngineError, match="InvalidExecutionInput: order-1"):
        subject.start("FulfilOrder", float("nan"), name="order-1")
    assert not client.asked


def test_a_machine_is_made_by_those_who_have_a_role() -> None:
    """Without a role the error says where machines come from, and nothing is sent."""
    subject, client, _ = engine()
    with pytest.raises(EngineError, match="machines come from the template"):
        subject.create("FulfilOrder", "{}")
    assert not client.asked


def test_a_known_machine_is_updated_without_its_qualifier() -> None:
    """UpdateStateMachine takes no version: what is started by one is replaced as a machine."""
    subject, client, _ = engine(f"{ARN}:7", role=ROLE, update_state_machine=[{}])
    subject.create("FulfilOrder", "{}")
    assert client.asked == [
        ("update_state_machine", {"stateMachineArn": ARN, "definition": "{}", "roleArn": ROLE})
    ]


def test_a_machine_that_was_there_is_found_and_updated() -> None:
    """Where the name is taken, the machine is looked for in all pages, and replaced."""
    other = {"name": "Other", "stateMachineArn": f"{PLACE}:stateMachine:Other"}
    mine = {"name": "Mine", "stateMachineArn": f"{PLACE}:stateMachine:Mine"}
    subject, client, _ = engine(
        role=ROLE,
        create_state_machine=[refusal("StateMachineAlreadyExists")],
        list_state_machines=[
            {"stateMachines": [other], "nextToken": "more"},
            {"stateMachines": [mine]},
        ],
        update_state_machine=[{}],
    )
    subject.create("Mine", "{}")
    operation, sent = client.asked[-1]
    assert (operation, sent["stateMachineArn"]) == ("update_state_machine", mine["stateMachineArn"])


def test_a_description() -> None:
    """Everything is told, under the name by which the engine knows the machine."""
    reply = described("FAILED", {"a": 1}, error="E", cause="c", stopDate=NOW, redriveCount=2)
    view = engine(describe_execution=[reply])[0].describe(RAN)
    assert (view.arn, view.name, view.machine, view.status) == (RAN, "order-1", "FulfilOrder",
                                                                Status.FAILED)  # fmt: skip
    assert (view.input, view.output, view.error, view.cause) == ({"a": 1}, None, "E", "c")
    assert (view.started, view.stopped, view.redrives) == (NOW, NOW, 2)


def test_what_is_about_to_be_redriven_runs() -> None:
    """PENDING_REDRIVE, which only the API knows, is not taken for an end."""
    subject, _, _ = engine(
        describe_execution=[described("PENDING_REDRIVE"), described("SUCCEEDED", output="[1]")]
    )
    assert subject.wait(RAN).output == [1]


def test_a_wait_looks_less_and_less_often() -> None:
    """The pauses grow up to a second, and there is none after the end."""
    replies = [described()] * 20 + [described("SUCCEEDED", output="null")]
    subject, _, clock = engine(describe_execution=replies)
    assert subject.wait(RAN).status is Status.SUCCEEDED
    assert clock.pauses == sorted(clock.pauses)
    assert clock.pauses[0] < 0.1
    assert clock.pauses[-1] == LONGEST_PAUSE
    assert len(clock.pauses) == 20


def test_patience_ends() -> None:
    """After the patience, and one last look, the error names the execution."""
    subject, _, clock = engine(patience=10, describe_execution=[described()])
    with pytest.raises(EngineError, match=f"{RAN} is still RUNNING after 10 s"):
        subject.wait(RAN)
    assert clock.now == pytest.approx(10)


def test_a_history_has_many_pages() -> None:
    """All pages are read; the details are those of the event's own kind."""
    first = {"id": 1, "type": "ExecutionStarted", "timestamp": NOW, "previousEventId": 0,
             "executionStartedEventDetails": {"input": "1"}}  # fmt: skip
    last = {"id": 2, "type": "ExecutionSucceeded", "timestamp": NOW}
    subject, client, _ = engine(
        get_execution_history=[{"events": [first], "nextToken": "more"}, {"events": [last]}]
    )
    events = subject.history(RAN)
    assert [(event.id, event.type, event.time, event.details) for event in events] == [
        (1, "ExecutionStarted", NOW, {"input": "1"}),
        (2, "ExecutionSucceeded", NOW, {}),
    ]
    assert [sent.get("nextToken") for _, sent in client.asked] == [None, "more"]


def test_executions_are_listed_as_far_as_they_are_asked_for() -> None:
    """A page is read when it is come to; versions' executions are listed with the machine's."""
    one = {"executionArn": RAN, "name": "order-1", "status": "RUNNING", "startDate": NOW}
    two = {**one, "name": "order-2", "status": "TIMED_OUT", "stopDate": NOW}
    subject, client, _ = engine(
        f"{ARN}:live",
        list_executions=[{"executions": [one], "nextToken": "more"}, {"executions": [two]}],
    )
    found = subject.executions("FulfilOrder", Status.RUNNING)
    assert not client.asked
    assert (first := next(found)).name == "order-1"
    assert client.asked[0][1]["statusFilter"] == "RUNNING"
    assert client.asked[0][1]["stateMachineArn"] == ARN
    assert len(client.asked) == 1
    [second] = found
    assert (first.arn, first.status, first.stopped) == (RAN, Status.RUNNING, None)
    assert (second.status, second.started, second.stopped) == (Status.TIMED_OUT, NOW, NOW)


def test_a_stop_tells_what_it_is_told() -> None:
    """Error and cause are sent where they are given: AWS takes no empty ones."""
    subject, client, _ = engine(stop_execution=[{}], redrive_execution=[{}])
    subject.stop(RAN)
    subject.stop(RAN, error="Why", cause="so")
    subject.redrive(RAN)
    assert client.asked == [
        ("stop_execution", {"executionArn": RAN}),
        ("stop_execution", {"executionArn": RAN, "error": "Why", "cause": "so"}),
        ("redrive_execution", {"executionArn": RAN}),
    ]


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (refusal("ExecutionDoesNotExist"), ExecutionMissing, "^ExecutionDoesNotExist: as AWS says"),
        (refusal("StateMachineDoesNotExist"), MachineMissing, "^StateMachineDoesNotExist: as AWS"),
        (refusal("ExecutionNotRedrivable"), EngineError, "^ExecutionNotRedrivable: as AWS says"),
        (refusal("ThrottlingException"), EngineThrottled, "over its rate .ThrottlingException"),
        (refusal("ExecutionLimitExceeded"), EngineThrottled, "^ExecutionLimitExceeded.*later"),
        (refusal("AccessDeniedException"), EngineUnreachable, "execution arn.*refuses these"),
        (refusal("ExpiredTokenException"), EngineUnreachable, "credentials"),
        (refusal("InternalFailure", 500), EngineUnreachable, "AWS failed .InternalFailure"),
        (NoCredentialsError(), EngineUnreachable, "no AWS credentials.*AWS_PROFILE"),
        (NoRegionError(), EngineUnreachable, "AWS_DEFAULT_REGION"),
        (ConnectTimeoutError(endpoint_url="http://x"), EngineUnreachable, "no answer"),
        (ParamValidationError(report="odd"), EngineError, "(?s)execution arn.*odd"),
    ],
)
def test_errors_of_botocore_are_explained(
    raised: Exception, kind: type[EngineError], text: str
) -> None:
    """Each error of botocore's is one of the engine's, of just that class, with AWS's name."""
    subject, _, _ = engine(
        describe_execution=[raised],
        get_execution_history=[raised],
        stop_execution=[raised],
        redrive_execution=[raised],
    )
    for ask in (subject.describe, subject.history, subject.stop, subject.redrive, subject.wait):
        with pytest.raises(kind, match=text) as told:
            ask(RAN)
        assert type(told.value) is kind


def test_answers_of_task_tokens() -> None:
    """Tokens are answered by the API's three operations; an output is sent as JSON text."""
    nothing: list[Any] = [{}]
    subject, client, _ = engine(
        send_task_success=nothing, send_task_failure=nothing, send_task_heartbeat=nothing
    )
    subject.send_task_success("t", {"a": "ä"})
    subject.send_task_failure("t", error="E", cause="c")
    subject.send_task_failure("t")
    subject.send_task_heartbeat("t")
    assert client.asked == [
        ("send_task_success", {"taskToken": "t", "output": '{"a":"ä"}'}),
        ("send_task_failure", {"taskToken": "t", "error": "E", "cause": "c"}),
        ("send_task_failure", {"taskToken": "t"}),
        ("send_task_heartbeat", {"taskToken": "t"}),
    ]
    with pytest.raises(EngineError, match="InvalidOutput"):
        subject.send_task_success("t", object())


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("TaskTimedOut", TaskTimedOut),
        ("InvalidToken", EngineError),
        ("TaskDoesNotExist", EngineError),
    ],
)
def test_tokens_that_are_refused(code: str, raised: type[Exception]) -> None:
    """A token that nobody waits for any more has an error of its own; others have AWS's name."""
    refused = [refusal(code)]
    subject, _, _ = engine(
        send_task_success=refused, send_task_failure=refused, send_task_heartbeat=refused
    )
    with pytest.raises(raised, match=code):
        subject.send_task_success("t", 1)
    with pytest.raises(raised, match=code):
        subject.send_task_failure("t")
    with pytest.raises(raised, match=code):
        subject.send_task_heartbeat("t")
