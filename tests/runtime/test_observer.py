"""Logs, traces and metrics: what they tell, what they hide, and that they cannot fail a call."""

from __future__ import annotations

import io
import json
import logging
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pytest
from aws_lambda_powertools import Logger
from pydantic import BaseModel, SecretStr

from stepsaga.errors import BadCall, CallError, Rejected, StepFailed, StepFailedForGood
from stepsaga.runtime.observer import frames
from stepsaga.runtime.powertools import PowertoolsObserver
from tests.runtime.calls import ARN, RUN, Shop, call

if TYPE_CHECKING:
    from stepsaga.runtime.observer import Report


class Card(BaseModel):
    """Input with a secret."""

    number: SecretStr


CARD = {"number": "4111-1111"}


@dataclass
class Listener:
    """Keeps what it is told."""

    began_: list[str] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def began(self, call: Any, context: Any) -> None:
        """Keep the call's name."""
        assert context is None
        self.began_.append(call.label)

    def ended(self, call: Any, report: Report) -> None:
        """Keep the report."""
        assert call is None or call.step == "charge"
        self.reports.append(report)


class Deaf:
    """Fails at everything."""

    def began(self, call: Any, context: Any) -> None:
        """Fail."""
        raise RuntimeError(call, context)

    def ended(self, call: Any, report: Report) -> None:
        """Fail."""
        raise RuntimeError(call, report)


def declines(order: Card) -> None:
    """Quote what must not show."""
    raise Rejected(f"{order.number.get_secret_value()} has no funds")


def test_each_call_is_told_once_with_its_outcome() -> None:
    """One beginning and one end a call, each outcome under its name."""
    listener = Listener()
    shop = Shop(observer=listener)
    shop.handle(call(), lambda: "paid")
    shop.handle(call(attempt=1), lambda: "paid")
    shop.handle(call("compensation"), lambda: None)
    shop.handle(call("compensation"), lambda: None)
    shop.handle(call("compensation", undoes=[3], slot=[6]), lambda: None)
    with pytest.raises(Rejected):
        shop.handle(call(slot=[4], input_=CARD), declines)
    shop.handle(call("compensation", undoes=[4], slot=[7]), lambda: None)
    with pytest.raises(BadCall):
        shop.handle({})
    assert [report.outcome for report in listener.reports] == [
        "completed",
        "adopted",
        "compensated",
        "adopted",
        "compensated",
        "Rejected",
        "nothing to undo",
        "BadCall",
    ]
    assert listener.began_ == ["charge"] * 2 + ["undo charge"] * 3 + ["charge", "undo charge"]


def test_a_report_says_where_the_handler_raised_and_hides_secrets() -> None:
    """File, line and function of the author's code are told, sensitive values are not."""
    listener = Listener()
    shop = Shop(declines, observer=listener)
    with pytest.raises(Rejected):
        shop.handle(call(input_=CARD))
    [report] = listener.reports
    assert report.message == "charge: stepsaga.errors.Rejected: *** has no funds"
    assert report.trace[-1].endswith(" declines")
    assert "4111" not in repr(report)


def sinks(depth: int) -> None:
    """Raise far below."""
    if not depth:
        raise ValueError("at the bottom")
    sinks(depth - 1)


def test_frames_are_the_innermost_as_a_traceback_has_them() -> None:
    """Files, lines and functions are those of Python's own traceback, twenty at most."""
    with pytest.raises(ValueError, match="at the bottom") as caught:
        sinks(30)
    found = traceback.extract_tb(caught.value.__traceback__)[-20:]
    wanted = tuple(f"{one.filename}:{one.lineno} {one.name}" for one in found)
    assert frames(caught.value) == wanted


@pytest.mark.parametrize("error", [None, Rejected("no"), ValueError("no")])
def test_an_observer_that_fails_changes_nothing(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Results and errors are the same without logs; that they are missing is logged."""

    def handler() -> str:
        if error:
            raise error
        return "paid"

    answers = []
    for observer in (Deaf(), None):
        shop = Shop(handler, observer=observer)
        try:
            answers.append((shop.handle(call()), shop.outcomes()))
        except CallError as failure:
            answers.append((str(failure), shop.outcomes()))
    assert answers[0] == answers[1]
    assert [record.getMessage() for record in caplog.records] == [
        "the observer failed: RuntimeError"
    ] * 2
    assert caplog.records[0].levelno == logging.WARNING


# Powertools


@dataclass
class Told:
    """What Powertools wrote: lines of log, and metrics."""

    lines: list[dict[str, Any]]
    metrics: list[dict[str, Any]]


def tell(handler: Any, capsys: pytest.CaptureFixture[str], *payloads: dict[str, Any]) -> Told:
    """Run calls under Powertools, and read what it wrote."""
    stream = io.StringIO()
    shop = Shop(handler, observer=PowertoolsObserver(f"shop.{id(stream)}", stream=stream))
    for payload in payloads:
        try:
            shop.handle(payload)
        except CallError:
            continue
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return Told(lines, metrics)


def test_one_line_a_call_has_all_ids(capsys: pytest.CaptureFixture[str]) -> None:
    """Saga, id, step, part, attempt, slot, correlation id and outcome stand on the call's line."""
    told = tell(lambda: "a value", capsys, call(attempt=3))
    [line] = told.lines
    wanted = {
        "level": "INFO",
        "message": "the call ended",
        "saga": "FulfilOrder",
        "saga_id": "order-1",
        "step": "charge",
        "part": "compensatable",
        "attempt": 3,
        "slot": f"{RUN}/00002",
        "correlation_id": "order-1",
        "execution": ARN,
        "outcome": "completed",
    }
    assert {key: line[key] for key in wanted} == wanted
    assert "a value" not in json.dumps(line)


def test_outcomes_are_counted_by_participant_and_saga(capsys: pytest.CaptureFixture[str]) -> None:
    """Each call is one count under its outcome's name, in CloudWatch's embedded format."""
    told = tell(lambda: None, capsys, call(), call("compensation"), call("verify", handler=""))
    counts = []
    for metric in told.metrics:
        [directive] = metric["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "stepsaga"
        assert sorted(directive["Dimensions"][0]) == ["saga", "service"]
        counts.append(directive["Metrics"][0]["Name"])
        assert metric["saga"] == "FulfilOrder"
    assert counts == ["Completed", "Compensated", "Adopted"]


@pytest.mark.parametrize(
    ("error", "level", "name"),
    [
        (Rejected("no"), "INFO", "Rejected"),
        (ValueError("no"), "WARNING", "StepFailed"),
        (StepFailedForGood("no"), "ERROR", "StepFailedForGood"),
    ],
)
def test_errors_are_logged_once_with_their_text(
    error: Exception, level: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A declined card is no warning; what no retry mends is an error (rule 32)."""

    def handler() -> None:
        raise error

    told = tell(handler, capsys, call())
    [line] = told.lines
    assert (line["level"], line["outcome"]) == (level, name)
    assert line["error"].endswith(": no")
    assert line["trace"][-1].endswith(" handler")


def test_secrets_are_in_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the log nor the metrics hold what a handler's error quotes of a secret."""
    told = tell(declines, capsys, call(input_=CARD))
    assert "4111" not in json.dumps([told.lines, told.metrics])
    assert "*** has no funds" in told.lines[0]["error"]


def test_a_bad_call_is_logged_once_without_ids(capsys: pytest.CaptureFixture[str]) -> None:
    """What is no call has no saga; the keys of the call before are not on its line."""
    told = tell(lambda: None, capsys, call(), {"no": "call"})
    assert "saga_id" in told.lines[0]
    assert "saga_id" not in told.lines[1]
    assert (told.lines[1]["level"], told.lines[1]["outcome"]) == ("ERROR", "BadCall")
    assert "saga" not in told.metrics[1]


def test_an_authors_logger_has_the_ids_too() -> None:
    """A Logger() of the same service writes the saga's ids on the handler's own lines."""
    stream = io.StringIO()
    service = f"shop.{id(stream)}"
    observer = PowertoolsObserver(service, stream=stream)

    def handler() -> None:
        Logger(service=service, stream=stream).info("in the handler")

    Shop(handler, observer=observer).handle(call())
    line = json.loads(stream.getvalue().splitlines()[0])
    assert (line["message"], line["saga_id"], line["step"]) == (
        "in the handler",
        "order-1",
        "charge",
    )


@dataclass
class Segment:
    """A subsegment that keeps its annotations."""

    name: str
    annotations: dict[str, Any] = field(default_factory=dict)
    open: bool = False

    def __enter__(self) -> Self:
        self.open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.open = False

    def put_annotation(self, key: str, value: Any) -> None:
        """Keep it."""
        assert self.open
        self.annotations[key] = value


@dataclass
class Recorder:
    """A tracer that keeps its subsegments."""

    segments: list[Segment] = field(default_factory=list)

    def in_subsegment(self, name: str) -> Segment:
        """A new one."""
        self.segments.append(Segment(name))
        return self.segments[-1]


def test_a_call_is_a_subsegment_with_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    """The trace finds a saga by its id and a call by its outcome, also where the call fails."""
    recorder = Recorder()
    observer = PowertoolsObserver("shop.traced", stream=io.StringIO(), recorder=recorder)

    def handler() -> None:
        raise ValueError("private")

    with pytest.raises(StepFailed):
        Shop(handler, observer=observer).handle(call())
    [segment] = recorder.segments
    assert (segment.name, segment.open) == ("## charge", False)
    assert segment.annotations["saga_id"] == "order-1"
    assert segment.annotations["outcome"] == "StepFailed"
    assert "private" not in repr(segment)
    capsys.readouterr()
