"""`stepsaga replay-dead-letters`: what it shows, where it sends, what is left when it fails."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError

from stepsaga.cli.exits import PROBLEM, USAGE
from stepsaga.cli.replay_dead_letters import Replay
from stepsaga.client.dead_letters import LetterBox
from stepsaga.runtime.dead_letters import MESSAGE, DeadLetter, SqsDeadLetters
from tests.cli.shell import stepsaga

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
URL = "https://sqs/1/"
DEAD = f"{URL}shop-DeadLetters-X"
SIGNUPS = f"{URL}shop-Signups-X"
TRIGGERS = f"{URL}shop-Triggers-X"


@dataclass
class Sqs:
    """Queues as far as letters need them, and CloudFormation as far as rules do.

    What is read is hidden until it is let go; only three come at a time, and some twice.
    """

    queues: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    refuses: str = ""
    log: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    def send_message(self, **given: Any) -> None:
        """SendMessage."""
        if given["QueueUrl"] == self.refuses:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SendMessage")
        self.log.append("sent")
        number = f"message-{next(self.numbers)}"
        self.queues.setdefault(given.pop("QueueUrl"), []).append(
            {
                "MessageId": number,
                "ReceiptHandle": number,
                "Body": given.pop("MessageBody"),
                **given,
            }
        )

    def receive_message(self, **given: Any) -> dict[str, Any]:
        """ReceiveMessage."""
        there = [m for m in self.queues[given["QueueUrl"]] if m["MessageId"] not in self.hidden][:3]
        self.hidden |= {message["MessageId"] for message in there[:2]}
        return {"Messages": there} if there else {}

    def change_message_visibility(self, **given: Any) -> None:
        """ChangeMessageVisibility."""
        self.hidden.discard(given["ReceiptHandle"])

    def delete_message(self, **given: Any) -> None:
        """DeleteMessage."""
        self.log.append("deleted")
        queue = self.queues[given["QueueUrl"]]
        queue[:] = [one for one in queue if one["ReceiptHandle"] != given["ReceiptHandle"]]

    def get_queue_url(self, QueueName: str) -> dict[str, str]:  # noqa: N803  # boto3's
        """GetQueueUrl."""
        return {"QueueUrl": f"{URL}{QueueName}"}

    def describe_stack_resources(self, PhysicalResourceId: str) -> dict[str, Any]:  # noqa: N803  # boto3's
        """DescribeStackResources: of all in the stack."""
        names = {"partners|shop-OnboardOnEventX-Y": "OnboardOnEventX", TRIGGERS: "Triggers"}
        names |= {"shop-OnboardOnScheduleX-Y": "OnboardOnScheduleX", SIGNUPS: "SignupQueue"}
        assert PhysicalResourceId in names
        return {
            "StackResources": [
                {"PhysicalResourceId": one, "LogicalResourceId": name}
                for one, name in names.items()
            ]
        }

    def bodies(self, url: str) -> list[str]:
        """What lies in a queue."""
        return [message["Body"] for message in self.queues.get(url, [])]


@pytest.fixture
def sqs() -> Sqs:
    """Three letters of ours, for two queues."""
    made = Sqs({DEAD: []})
    letters = SqsDeadLetters(DEAD, lambda: made)
    at = NOW - timedelta(hours=2)
    for number, queue, what in ((1, SIGNUPS, "Onboard/queue S"), (2, TRIGGERS, "Onboard/event E")):
        letters.send(DeadLetter(f"body {number}", "InputInvalid: plan", queue, at, what))
    letters.send(DeadLetter("body 3", "IdTaken: x", SIGNUPS, at, "Onboard/queue S"))
    made.log.clear()
    return made


def replayed(sqs: Sqs, **options: Any) -> int:
    """Run the command; return its exit code."""
    box = LetterBox(lambda _: sqs, DEAD)
    try:
        Replay(box, now=lambda: NOW, **options).run()
    except typer.Exit as left:
        return left.exit_code
    return 0


def test_letters_go_back_where_they_came_from(sqs: Sqs, capsys: pytest.CaptureFixture[str]) -> None:
    """Each once, with its body as it was; sent before it is deleted."""
    assert replayed(sqs) == 0
    assert sqs.bodies(SIGNUPS) == ["body 1", "body 3"]
    assert sqs.bodies(TRIGGERS) == ["body 2"]
    assert sqs.bodies(DEAD) == []
    assert sqs.log == ["sent", "deleted"] * 3
    out = capsys.readouterr().out
    assert "Onboard/queue S  2 h" in out
    assert "InputInvalid: plan" in out
    assert out.splitlines()[-1] == "sent 3 letters"


def test_a_dry_run_sends_nothing_and_hides_nothing(sqs: Sqs) -> None:
    """Whoever looks next sees all of them."""
    assert replayed(sqs, dry_run=True) == 0
    assert sqs.log == []
    assert sqs.hidden == set()
    assert len(sqs.bodies(DEAD)) == 3


def test_only_those_that_are_meant_are_sent(sqs: Sqs, capsys: pytest.CaptureFixture[str]) -> None:
    """By what was to be done, or by the reason; the others can be read at once."""
    assert replayed(sqs, what="IdTaken") == 0
    assert sqs.bodies(SIGNUPS) == ["body 3"]
    assert len(sqs.bodies(DEAD)) == 2
    assert sqs.hidden <= {"message-2"}  # it is gone
    assert replayed(sqs, what="nothing") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no dead letters, 2 others are left"


def test_whoever_says_no_is_heard(sqs: Sqs) -> None:
    """Nothing is sent, nothing stays hidden."""
    assert replayed(sqs, ask=lambda _: False) == PROBLEM
    assert sqs.log == []
    assert sqs.hidden == set()


def test_what_cannot_be_sent_stays(sqs: Sqs, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is sent; the exit code says that not all is."""
    sqs.refuses = SIGNUPS
    assert replayed(sqs) == PROBLEM
    assert sqs.bodies(TRIGGERS) == ["body 2"]
    assert len(sqs.bodies(DEAD)) == 2
    seen = capsys.readouterr()
    assert "Onboard/queue S message- was not sent" in seen.err
    assert seen.out.splitlines()[-1] == "sent 1 letter"


def test_a_letter_leads_to_no_other_account(sqs: Sqs) -> None:
    """Whoever can put a letter there cannot have it sent anywhere."""
    SqsDeadLetters(DEAD, lambda: sqs).send(DeadLetter("x", "y", "https://sqs/2/q", NOW, "z"))
    assert replayed(sqs, what="z") == PROBLEM
    assert "https://sqs/2/q" not in sqs.queues


def test_what_sqs_has_moved_goes_back_to_its_queue(sqs: Sqs) -> None:
    """It has no attributes of ours; SQS says where it was."""
    source = {"DeadLetterQueueSourceArn": "arn:aws:sqs:eu:1:shop-Signups-X", "SentTimestamp": "5"}
    moved = {"MessageId": "m", "ReceiptHandle": "m", "Body": "late", "Attributes": source}
    sqs.queues[DEAD] = [moved]
    assert replayed(sqs) == 0
    assert sqs.bodies(SIGNUPS) == ["late"]
    assert ids(sqs) == ["m"]


def test_a_letter_that_is_sent_twice_is_one_message(sqs: Sqs) -> None:
    """Each time with the id that its message had at first: where it was sent, and not deleted."""
    letter = DeadLetter("x", "y", SIGNUPS, NOW, "z", "m-1")
    for _ in range(2):
        SqsDeadLetters(DEAD, lambda: sqs).send(letter)
    assert replayed(sqs, what="z") == 0
    assert ids(sqs) == ["m-1", "m-1"]


def ids(sqs: Sqs) -> list[str]:
    """The ids that messages are sent again with."""
    return [one["MessageAttributes"][MESSAGE]["StringValue"] for one in sqs.queues.get(SIGNUPS, [])]


@pytest.mark.parametrize(
    ("rule", "queue", "body"),
    [
        (
            "partners/shop-OnboardOnEventX-Y",
            "Triggers",
            {"trigger": "OnboardOnEventX", "event": {}},
        ),
        ("shop-OnboardOnScheduleX-Y", "Triggers", {"trigger": "OnboardOnScheduleX", "event": {}}),
        ("shop-OnboardOnScheduleX-Y", "Signups", {}),
    ],
)
def test_what_eventbridge_could_not_deliver_gets_its_envelope(
    sqs: Sqs, rule: str, queue: str, body: Any
) -> None:
    """The event lies there as it came; its rule names the trigger. Another's queue has none."""
    told = {
        "RULE_ARN": f"arn:aws:events:eu:1:rule/{rule}",
        "TARGET_ARN": f"arn:aws:sqs:eu:1:shop-{queue}-X",
        "ERROR_MESSAGE": "no permission",
    }
    attributes = {name: {"StringValue": text} for name, text in told.items()}
    event = {"MessageId": "m", "ReceiptHandle": "m", "Body": "{}"}
    sqs.queues[DEAD] = [{**event, "MessageAttributes": attributes}]
    assert replayed(sqs) == 0
    [sent] = sqs.bodies(f"{URL}shop-{queue}-X")
    assert json.loads(sent) == body


def test_a_letter_of_nobody_is_shown_and_stays(
    sqs: Sqs, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody has put it there by hand, with a time that is none."""
    attributes = {"at": {"StringValue": "yesterday"}}
    odd = {"MessageId": "m", "ReceiptHandle": "m", "Body": "?", "MessageAttributes": attributes}
    sqs.queues[DEAD] = [odd]
    assert replayed(sqs) == PROBLEM
    assert "belongs to no queue" in capsys.readouterr().err
    assert sqs.bodies(DEAD) == ["?"]


def test_a_fifo_queue_gets_what_it_needs(sqs: Sqs) -> None:
    """A group and a mark, by which sending again soon is once."""
    SqsDeadLetters(DEAD, lambda: sqs).send(DeadLetter("x", "y", f"{URL}q.fifo", NOW, "z"))
    assert replayed(sqs, what="z") == 0
    [message] = sqs.queues[f"{URL}q.fifo"]
    assert message["MessageGroupId"]
    assert message["MessageDeduplicationId"] == "message-3"


def test_nobody_is_asked_where_nobody_is() -> None:
    """In a pipe it needs --yes or -n, and a stack."""
    assert stepsaga("replay-dead-letters", "--stack", "shop").code == USAGE
    assert stepsaga("replay-dead-letters", "--yes").code == USAGE
