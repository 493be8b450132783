"""Questions that no handler asks: a message goes out, and never the task token."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepsaga.asl import build
from stepsaga.asl.kept import from_kept
from stepsaga.authoring import graph_of
from stepsaga.engines.endings import Ending
from stepsaga.errors import StepFailed
from stepsaga.runtime.call import To
from stepsaga.runtime.question_messages import AwsMessages, NoMessages
from stepsaga.testing import SagaRunner
from tests.questions.office import Desk, Pickup
from tests.questions.posted import Post
from tests.questions.world import Office

INPUT = {"sku": "tea", "lines": ["a", "b"], "trouble": ""}
ANSWERS: dict[str, Any] = {
    "review": {"by": "eve"},
    "pickup": Pickup(day="Friday"),
    "lines": True,
}
QUEUE = To(channel="queue", name="ReviewQueue")
MESSAGE = {"saga": "Post", "id": "one", "step": "review", "key": "k-1", "data": {"sku": "tea"}}


def run(**options: Any) -> Any:
    """Run the saga, answered."""
    runner = SagaRunner(resources={"desk": Desk()})
    return runner.run(Post, INPUT, id="one", **{"answers": ANSWERS, **options})


def test_each_way_sends_what_its_author_takes() -> None:
    """A message says which saga asks in which step, has what takes names, and nothing else."""
    done = run()
    assert done.ending is Ending.COMPLETED
    assert [(m.channel, m.name, m.body["step"], m.body["data"]) for m in done.messages] == [
        (
            "queue",
            "ReviewQueue",
            "review",
            {"purchase": INPUT, "sku": "tea"},
        ),
        ("topic", "Pickups", "pickup", {}),
        ("bus", "default", "lines", {"line": "a"}),
        ("bus", "default", "lines", {"line": "b"}),
    ]
    assert all(set(m.body) == {"saga", "id", "step", "key", "data"} for m in done.messages)
    assert {(m.body["saga"], m.body["id"]) for m in done.messages} == {("Post", "one")}
    assert len({m.body["key"] for m in done.messages}) == len(done.messages)
    assert done.results["done"] == "eve Friday 2"


def test_the_token_never_goes_out() -> None:
    """Whoever reads the queue can neither answer past the record nor learn the token (rule 26)."""
    done = run()
    calls = [
        json.loads(event.details["parameters"])["Payload"]
        for event in done.history
        if event.type == "TaskScheduled"
    ]
    tokens = [call["token"] for call in calls if "token" in call]
    text = json.dumps([m.body for m in done.messages])
    assert len(tokens) == len(done.messages)
    assert not [token for token in tokens if token in text]


@pytest.mark.parametrize(
    ("fault", "times"),
    [("raises", 1), ("crashes before", 1), ("reply lost", 2), ("delivered twice", 2)],
)
def test_a_question_that_is_sent_again_has_the_same_key(fault: str, times: int) -> None:
    """Sending can fail and be tried again; whoever gets the message twice can tell."""
    office = Office(Post, faults={"review": [fault, None]})
    office.reject(1, "review")
    assert office.end() is Ending.COMPENSATED
    keys = [message.body["key"] for message in office.engine.messages]
    assert (len(keys), len(set(keys))) == (times, 1)


def test_what_cannot_be_sent_is_rejected() -> None:
    """A question that nobody could hear undoes what was done before."""
    done = run(fail={"review": ["raises", "raises"]}, answers={})
    assert (done.ending, done.undone, done.messages) == (Ending.COMPENSATED, ["hold"], ())


def test_its_graph_is_kept_with_its_destinations() -> None:
    """An old release's questions can be told from the event table alone (rule 9)."""
    kept = build(graph_of(Post)).graph
    assert build(from_kept(json.loads(json.dumps(kept)))).graph == kept


class Service:
    """A client that takes what is sent, or answers as it is told."""

    def __init__(self, reply: dict[str, Any] | None = None, error: Exception | None = None) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self._reply = reply or {}
        self._error = error

    def __getattr__(self, operation: str) -> Any:
        def call(**parameters: Any) -> dict[str, Any]:
            self.sent.append((operation, parameters))
            if self._error:
                raise self._error
            return self._reply

        return call


def sent(channel: Any, address: str, **service: Any) -> tuple[str, dict[str, Any]]:
    """What a service is asked for one message."""
    one = Service(**service)
    to = To(channel=channel, name="There")
    AwsMessages({"STEPSAGA_TO_There": address}, lambda _: one).send(to, MESSAGE)
    [call] = one.sent
    return call


def test_a_queue_is_sent_the_message_as_json() -> None:
    """Its body is the message; a queue of the usual kind is told nothing else."""
    operation, given = sent("queue", "https://sqs/q")
    assert (operation, json.loads(given.pop("MessageBody"))) == ("send_message", MESSAGE)
    assert given == {"QueueUrl": "https://sqs/q"}


@pytest.mark.parametrize(("channel", "address"), [("queue", "https://q.fifo"), ("topic", "t.fifo")])
def test_what_is_first_in_first_out_takes_it_once(channel: str, address: str) -> None:
    """The key removes duplicates, and a saga's questions keep their order."""
    _, given = sent(channel, address)
    assert given["MessageDeduplicationId"] == MESSAGE["key"]
    assert given["MessageGroupId"] == MESSAGE["id"]


def test_a_topic_is_published_to() -> None:
    """A topic takes it by its ARN."""
    operation, given = sent("topic", "arn:topic")
    assert (operation, json.loads(given.pop("Message"))) == ("publish", MESSAGE)
    assert given == {"TopicArn": "arn:topic"}


def test_a_bus_gets_an_event() -> None:
    """Rules can tell a question by its source and its detail type."""
    operation, given = sent("bus", "default", reply={"FailedEntryCount": 0})
    [entry] = given["Entries"]
    assert (operation, json.loads(entry.pop("Detail"))) == ("put_events", MESSAGE)
    assert entry == {
        "EventBusName": "default",
        "Source": "stepsaga",
        "DetailType": "Question",
    }


def test_an_event_that_a_bus_refuses_is_a_failure() -> None:
    """EventBridge takes the request and refuses the entry: nobody was asked."""
    reply = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    with pytest.raises(StepFailed, match="the bus default did not take it: ThrottlingException"):
        sent("bus", "default", reply=reply)


def test_a_service_that_fails_is_named() -> None:
    """The failure names the destination and the service's code, and quotes no message."""
    from botocore.exceptions import ClientError, ConnectTimeoutError  # noqa: PLC0415  # only here

    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "tea"}}, "SendMessage")
    with pytest.raises(StepFailed, match=r"the queue There did not take it: AccessDenied$"):
        sent("queue", "https://q", error=refused)
    lost = ConnectTimeoutError(endpoint_url="https://q")
    with pytest.raises(StepFailed, match=r"the queue There did not take it: ConnectTimeoutError$"):
        sent("queue", "https://q", error=lost)


def test_an_address_that_is_missing_is_named() -> None:
    """A function that was deployed by hand says which variable it lacks."""
    with pytest.raises(StepFailed, match="STEPSAGA_TO_ReviewQueue is not set"):
        AwsMessages({}, lambda _: Service()).send(QUEUE, MESSAGE)


def test_where_nothing_is_sent_nothing_is_lost_unseen() -> None:
    """A runtime without a way to send says so, so that the question is not taken for asked."""
    with pytest.raises(StepFailed, match="nothing here can send to the queue ReviewQueue"):
        NoMessages().send(QUEUE, MESSAGE)
