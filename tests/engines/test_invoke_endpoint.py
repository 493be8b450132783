from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from threading import Barrier, Event
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from stepsaga.engines.functions import (
    FunctionError,
    NoAnswer,
    ProcessKilled,
    exit_error,
    unknown_error,
)
from stepsaga.engines.invoke_endpoint import LIMIT, InvokeEndpoint
from stepsaga.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepsaga.engines.functions import Functions

FUNCTION_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:payments"


@dataclass
class Called:
    """Functions that do one thing, and a record of their calls."""

    do: Callable[[str, Any], Any] = lambda _, payload: payload
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def invoke(self, function: str, payload: Any) -> Any:
        """Record the call, and do it."""
        self.calls.append((function, payload))
        return self.do(function, payload)


def raising(error: BaseException) -> Called:
    """Functions that raise."""

    def do(_function: str, _payload: Any) -> Any:
        raise error

    return Called(do)


@contextmanager
def lambda_client(endpoint: InvokeEndpoint, *, seconds: float = 20) -> Iterator[Any]:
    """boto3's Lambda client of an endpoint; it asks once."""
    client = boto3.client(
        "lambda",
        endpoint_url=endpoint.url,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 -- opens nothing
        config=Config(retries={"total_max_attempts": 1}, read_timeout=seconds,
                      max_pool_connections=32, parameter_validation=False),
    )  # fmt: skip
    with closing(client):
        yield client


def invoked(functions: Functions, body: bytes = b"{}", **options: Any) -> dict[str, Any]:
    """What boto3 makes of one invocation; the payload is read."""
    with InvokeEndpoint(functions) as endpoint, lambda_client(endpoint) as client:
        reply: dict[str, Any] = client.invoke(
            **{"FunctionName": "payments", "Payload": body, **options}
        )
        with closing(reply["Payload"]) as stream:
            return {**reply, "Payload": stream.read()}


def refused(functions: Functions, body: bytes = b"{}", **options: Any) -> dict[str, Any]:
    """What Lambda's refusal of one invocation is to boto3."""
    with pytest.raises(ClientError) as told:
        invoked(functions, body, **options)
    error: dict[str, Any] = told.value.response
    return error


def raw(endpoint: InvokeEndpoint, method: str, path: str, **headers: str) -> tuple[int, Any]:
    """The status and the JSON body of a request without a body."""
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=20)
    with closing(connection):
        connection.request(method, path, headers=headers)
        reply = connection.getresponse()
        body = reply.read()
        return reply.status, json.loads(body) if body else None


def test_a_reply() -> None:
    """Payload and reply are the JSON values, the status and the headers are Lambda's."""
    functions = Called(lambda _, payload: {"got": payload})
    reply = invoked(functions, '{"ä": ["🛒", null, 1.5]}'.encode())
    assert json.loads(reply["Payload"]) == {"got": {"ä": ["🛒", None, 1.5]}}
    assert (reply["StatusCode"], reply["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in reply
    assert len(reply["ResponseMetadata"]["RequestId"]) == 36
    assert functions.calls == [("payments", {"ä": ["🛒", None, 1.5]})]


@pytest.mark.parametrize("value", [None, 0, "", [], "\u2028", "\ud800"])
def test_any_json_is_a_reply(value: Any) -> None:
    """Every JSON value comes through, half a surrogate pair too."""
    assert json.loads(invoked(Called(lambda *_: value))["Payload"]) == value


def test_no_payload_is_an_empty_object() -> None:
    """A function that is given nothing gets what Lambda gives it."""
    functions = Called()
    invoked(functions, b"")
    assert functions.calls == [("payments", {})]


@pytest.mark.parametrize(
    ("name", "qualifier", "called", "version"),
    [
        ("payments", "", "payments", "$LATEST"),
        ("payments:7", "", "payments:7", "7"),
        ("payments", "7", "payments:7", "7"),
        ("payments:live", "live", "payments:live", "$LATEST"),
        ("payments:$LATEST", "", "payments:$LATEST", "$LATEST"),
        (FUNCTION_ARN, "", "payments", "$LATEST"),
        (f"{FUNCTION_ARN}:live", "", "payments:live", "$LATEST"),
        (FUNCTION_ARN, "3", "payments:3", "3"),
        ("123456789012:function:payments", "", "payments", "$LATEST"),
    ],
)
def test_a_function_has_many_names(name: str, qualifier: str, called: str, version: str) -> None:
    """Names, qualified names, ARNs and a qualifier beside them lead to ``name:qualifier``."""
    functions = Called()
    beside: dict[str, Any] = {"Qualifier": qualifier} if qualifier else {}
    reply = invoked(functions, FunctionName=name, **beside)
    assert [function for function, _ in functions.calls] == [called]
    assert reply["ExecutedVersion"] == version


def test_two_qualifiers_must_agree() -> None:
    """A name's qualifier and another one beside it are refused as Lambda refuses them."""
    functions = Called()
    error = refused(functions, FunctionName="payments:7", Qualifier="8")
    assert error["Error"]["Code"] == "InvalidParameterValueException"
    assert not functions.calls


def test_an_error_of_the_function() -> None:
    """A function's error is a reply with the header, and Lambda's body."""
    cause = {"errorMessage": "keine Deckung", "errorType": "x", "requestId": "1", "stackTrace": []}
    reply = invoked(raising(FunctionError("Rejected", json.dumps(cause))))
    assert (reply["StatusCode"], reply["FunctionError"]) == (200, "Unhandled")
    assert json.loads(reply["Payload"]) == {**cause, "errorType": "Rejected"}


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (
            FunctionError("Sandbox.Timedout", "plain words"),
            {"errorType": "Sandbox.Timedout", "errorMessage": "plain words"},
        ),
        (FunctionError("Odd"), {"errorType": "Odd", "errorMessage": ""}),
        (exit_error(), json.loads(exit_error().cause or "")),
        (ProcessKilled(), json.loads(exit_error().cause or "")),
        (SystemExit(1), json.loads(exit_error().cause or "")),
        (unknown_error(), None),
    ],
)
def test_other_ends_of_a_function(error: BaseException, body: Any) -> None:
    """A cause in plain words, a process that died, a reply that says nothing: as Lambda tells."""
    reply = invoked(raising(error))
    assert reply["FunctionError"] == "Unhandled"
    assert json.loads(reply["Payload"]) == body


def test_whatever_is_raised_is_the_functions_error(capfd: pytest.CaptureFixture[str]) -> None:
    """An exception in a function is told by its bare name with its trace, and is not printed."""
    body = json.loads(invoked(raising(KeyError("lost")))["Payload"])
    assert (body["errorType"], body["errorMessage"]) == ("KeyError", "'lost'")
    assert set(body) == {"errorType", "errorMessage", "stackTrace", "requestId"}
    assert "in do" in body["stackTrace"][-1]
    assert capfd.readouterr() == ("", "")


def test_a_reply_that_is_no_json() -> None:
    """What cannot be JSON is the runtime's own error, as on Lambda."""
    body = json.loads(invoked(Called(lambda *_: {1, 2}))["Payload"])
    assert body["errorType"] == "Runtime.MarshalError"


def test_a_reply_that_is_too_large() -> None:
    """A reply has its limit: what is over it is an error of the function."""
    body = json.loads(invoked(Called(lambda *_: "x" * LIMIT))["Payload"])
    assert body["errorType"] == "Function.ResponseSizeTooLarge"


def test_no_such_function() -> None:
    """A function that is not there is Lambda's error, not a function's."""
    error = refused(
        raising(FunctionError("Lambda.ResourceNotFoundException", "Function not found"))
    )
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert error["Error"]["Code"] == "ResourceNotFoundException"
    assert (error["Type"], error["Error"]["Message"]) == ("User", "Function not found")


@pytest.mark.parametrize("body", [b"{", b"NaN", b"\xff", b"[" * 100_000])
def test_a_payload_that_is_no_json(body: bytes) -> None:
    """What is no JSON is refused, and the function is not called."""
    functions = Called()
    error = refused(functions, body)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] == "InvalidRequestContentException"
    assert not functions.calls


def test_a_payload_that_is_too_large() -> None:
    """A payload has its limit, too; its sender hears of it."""
    functions = Called()
    assert len(invoked(functions, b'"' + b"x" * (LIMIT - 2) + b'"')["Payload"]) == LIMIT
    error = refused(functions, b'"' + b"x" * (LIMIT - 1) + b'"')
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert error["Error"]["Code"] == "RequestTooLargeException"
    assert len(functions.calls) == 1


def test_an_event_is_answered_before_it_is_done() -> None:
    """An asynchronous invocation is accepted; what becomes of it nobody hears."""
    begin, done = Event(), Event()

    def later(_function: str, _payload: Any) -> None:
        begin.wait(20)
        done.set()
        raise FunctionError("Odd")

    with InvokeEndpoint(Called(later)) as endpoint, lambda_client(endpoint) as client:
        reply = client.invoke(FunctionName="payments", InvocationType="Event", Payload=b"{}")
        assert reply["StatusCode"] == 202
        assert not done.is_set()
        begin.set()
        assert done.wait(20)


def test_a_dry_run_calls_nobody() -> None:
    """A dry run is answered without a call."""
    functions = Called()
    assert invoked(functions, InvocationType="DryRun")["StatusCode"] == 204
    assert not functions.calls


def test_an_unknown_kind_of_invocation() -> None:
    """Another kind of invocation is refused by its name."""
    error = refused(Called(), InvocationType="Later")
    assert error["Error"]["Code"] == "InvalidParameterValueException"
    assert "Later" in error["Error"]["Message"]


def test_many_at_once() -> None:
    """Calls run beside each other: each of these waits until all of them are there."""
    together = Barrier(16)

    def meet(_function: str, payload: Any) -> Any:
        together.wait(20)
        return payload

    with InvokeEndpoint(Called(meet)) as endpoint, lambda_client(endpoint) as client:

        def call(number: int) -> Any:
            with closing(client.invoke(FunctionName="f", Payload=str(number))["Payload"]) as told:
                return json.loads(told.read())

        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(call, range(16))) == list(range(16))


def test_silence_lasts_until_the_client_goes() -> None:
    """A function without an answer holds its caller, and others are answered meanwhile."""
    silent = Called(lambda function, _: _no_answer() if function == "silent" else "well")
    with InvokeEndpoint(silent) as endpoint:
        with lambda_client(endpoint, seconds=0.3) as client, pytest.raises(ReadTimeoutError):
            client.invoke(FunctionName="silent", Payload=b"{}")
        with lambda_client(endpoint) as client:
            answer = client.invoke(FunctionName="other", Payload=b"{}")["Payload"]
            assert json.loads(answer.read()) == "well"
            answer.close()


def _no_answer() -> Any:
    raise NoAnswer


@pytest.mark.parametrize("silent", [True, False])
def test_closing_waits_for_nobody(*, silent: bool) -> None:
    """Closing breaks off what hangs: callers hear of it, a function that still runs is left."""
    called, go = Event(), Event()

    def hang(_function: str, _payload: Any) -> Any:
        called.set()
        if silent:
            raise NoAnswer
        go.wait(20)

    with ThreadPoolExecutor(1) as pool:
        with InvokeEndpoint(Called(hang)) as endpoint, lambda_client(endpoint) as client:
            caller = pool.submit(client.invoke, FunctionName="f", Payload=b"{}")
            assert called.wait(20)
            endpoint.__exit__(None, None, None)
            with pytest.raises(ConnectionClosedError):
                caller.result(20)
        go.set()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_other_methods_are_not_allowed(method: str) -> None:
    """Invoke is a POST, and says so."""
    with InvokeEndpoint(Called()) as endpoint:
        status, body = raw(endpoint, method, "/2015-03-31/functions/payments/invocations")
        assert status == 405
        assert method == "HEAD" or f"{method} is not allowed" in body["Message"]


@pytest.mark.parametrize(
    "path",
    ["/", "/2015-03-31/functions", "/2015-03-31/functions//invocations",
     "/2015-03-31/functions/f/invocations/x", "/2014-11-13/functions/f/invoke-async"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_other_paths_lead_nowhere(method: str, path: str) -> None:
    """Nothing else of Lambda's API is served."""
    with InvokeEndpoint(Called()) as endpoint:
        status, body = raw(endpoint, method, path)
        assert (status, body["Message"]) == (404, f"no operation at {path}")


def test_a_name_that_is_none() -> None:
    """What can be no function's name is refused."""
    with InvokeEndpoint(Called()) as endpoint:
        status, body = raw(endpoint, "POST", "/2015-03-31/functions/a%2Fb/invocations")
        assert (status, body["Message"]) == (400, "'a/b' names no function")


def test_a_body_of_unknown_length_is_refused() -> None:
    """A request without a length would leave what follows it unread."""
    with InvokeEndpoint(Called()) as endpoint:
        path = "/2015-03-31/functions/payments/invocations"
        assert raw(endpoint, "POST", path, **{"Transfer-Encoding": "chunked"})[0] == 411
        assert raw(endpoint, "POST", path, **{"Content-Length": "-1"})[0] == 411


def test_functions_can_be_replaced() -> None:
    """An endpoint that is open calls the functions that it has now."""
    with InvokeEndpoint(Called(lambda *_: 1)) as endpoint, lambda_client(endpoint) as client:
        endpoint.functions = Called(lambda *_: 2)
        with closing(client.invoke(FunctionName="f", Payload=b"{}")["Payload"]) as told:
            assert told.read() == b"2"


def test_a_given_port_may_be_taken() -> None:
    """A port is used where it is free, again after it was closed, and named where it is not."""
    with InvokeEndpoint(Called()) as endpoint:
        port = endpoint.port
        with (
            pytest.raises(EngineError, match=f"127.0.0.1:{port}"),
            InvokeEndpoint(Called(), port=port),
        ):
            pass
    with InvokeEndpoint(Called(), port=port) as endpoint:
        assert endpoint.url == f"http://127.0.0.1:{port}"


def test_a_closed_endpoint_has_no_url() -> None:
    """Where nothing listens, there is nothing to tell."""
    with pytest.raises(EngineError, match="not open"):
        _ = InvokeEndpoint(Called()).url
