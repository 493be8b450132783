"""Lambda's Invoke, served on 127.0.0.1 for functions in this process.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import re
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from stepsaga.engines.functions import (
    UNKNOWN_ERROR,
    FunctionError,
    NoAnswer,
    ProcessKilled,
    exit_error,
    marshal_error,
    raised_error,
)
from stepsaga.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from stepsaga.engines.functions import Functions

HOST: Final = "127.0.0.1"
LIMIT: Final = 6_291_456
"""The bytes that a request or a reply may have.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
NO_FUNCTION: Final = "Lambda.ResourceNotFoundException"
"""The error of functions that are not there: an answer of Lambda's, not of a function's."""

_DRAINED: Final = 4 * LIMIT
"""What is read of a request that is too large, so that its sender comes to hear the answer."""
_PATH: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_NAME: Final = re.compile(
    r"(?:arn:[\w-]+:lambda:[\w-]+:)?(?:\d{12}:)?(?:function:)?"
    r"(?P<name>[\w-]{1,140})(?::(?P<qualifier>\$LATEST|[\w-]+))?"
)
_POLL_SECONDS: Final = 0.05
_JSON: Final = "application/json"


@dataclass(frozen=True)
class _Reply:
    """What is sent: a status, a body, headers besides the usual ones."""

    status: HTTPStatus
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class _Refused(Exception):
    """Lambda itself says no: nothing of the function was run."""

    def __init__(self, status: HTTPStatus, kind: str, message: str) -> None:
        self.reply = _Reply(
            status,
            json.dumps({"Type": "User", "Message": message}).encode(),
            {"x-amzn-ErrorType": kind},
        )
        super().__init__(message)


class InvokeEndpoint:
    """A context manager: while it is open, functions can be invoked at `url` as Lambda's are.

    Functions are called from many threads. One that gives no answer keeps its connection until the
    client goes, or the endpoint is closed; closing waits for nobody.

    Args:
        functions: What answers; may be replaced while the endpoint is open.
        port: The port; by default one that is free.
    """

    def __init__(self, functions: Functions, *, port: int = 0) -> None:
        self.functions = functions
        self._wanted = port
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        """Listen.

        Raises:
            EngineError: The port is taken.
        """
        try:
            self._server = _Server(self._wanted, self._answer)
        except OSError as error:
            raise EngineError(
                f"the Invoke endpoint cannot listen on {HOST}:{self._wanted}: {error.strerror}"
            ) from error
        self._server.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.end()
            self._server = None

    @property
    def port(self) -> int:
        """The port at which it listens.

        Raises:
            EngineError: It is not open.
        """
        if self._server is None:
            raise EngineError("the Invoke endpoint is not open: use it in a with statement")
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where it can be reached from this machine."""
        return f"http://{HOST}:{self.port}"

    def _answer(self, function: str, payload: Any) -> _Reply:
        """Call a function, and reply as Lambda does.

        Raises:
            NoAnswer: The function hangs.
        """
        version = function.partition(":")[2]
        headers = {"X-Amz-Executed-Version": version if version.isdigit() else "$LATEST"}
        try:
            body = _encoded(self._called(function, payload))
        except FunctionError as error:
            if error.error == NO_FUNCTION:
                raise _no_function(function, error) from error
            return _failed(_error_body(error), headers)
        if len(body) > LIMIT:
            return _failed(_too_large(len(body)), headers)
        return _Reply(HTTPStatus.OK, body, headers)

    def _called(self, function: str, payload: Any) -> Any:
        try:
            return self.functions.invoke(function, payload)
        except (FunctionError, NoAnswer):
            raise
        except (ProcessKilled, SystemExit) as death:
            raise exit_error() from death
        except Exception as error:  # whatever a function raises is its error, and nobody else's
            raise raised_error(error) from error


class _Server(ThreadingHTTPServer):
    """Takes requests, knows its connections, and leaves none of them when it ends."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[str, Any], _Reply]) -> None:
        self.answer = answer
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__((HOST, port), _Handler)

    def begin(self) -> None:
        """Serve, in a thread."""
        self._thread = Thread(
            target=self.serve_forever, kwargs={"poll_interval": _POLL_SECONDS}, daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """Take no more requests, and break off what is under way."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Invoke a function."""
        try:
            body = self._body()
            function = _function_of(self.path)
            kind = self.headers.get("X-Amz-Invocation-Type", "RequestResponse")
            self._invoke(function, _payload(body), kind)
        except _Refused as refused:
            self._send(refused.reply)
        except NoAnswer:
            self._hold()

    def _refuse(self) -> None:
        try:
            self._body()
            _function_of(self.path)
            raise _Refused(  # noqa: TRY301 -- all that is refused is answered in one place
                HTTPStatus.METHOD_NOT_ALLOWED,
                "MethodNotAllowedException",
                f"{self.command} is not allowed here: Invoke is a POST",
            )
        except _Refused as refused:
            self._send(refused.reply)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse  # noqa: N815 -- http.server names them so

    def _invoke(self, function: str, payload: Any, kind: str) -> None:
        match kind:
            case "RequestResponse":
                self._send(self.server.answer(function, payload))
            case "Event":
                self._send(_Reply(HTTPStatus.ACCEPTED))
                Thread(target=self._quietly, args=(function, payload), daemon=True).start()
            case "DryRun":
                self._send(_Reply(HTTPStatus.NO_CONTENT))
            case _:
                raise _Refused(
                    HTTPStatus.BAD_REQUEST,
                    "InvalidParameterValueException",
                    f"X-Amz-Invocation-Type: RequestResponse, Event or DryRun, got {kind!r}",
                )

    def _quietly(self, function: str, payload: Any) -> None:
        with suppress(_Refused, NoAnswer):
            self.server.answer(function, payload)

    def _hold(self) -> None:
        """Keep the connection until the other side ends it, or the server does."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.recv(1)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if "chunked" in self.headers.get("Transfer-Encoding", "") or not length.isdecimal():
            self.close_connection = True
            raise _Refused(
                HTTPStatus.LENGTH_REQUIRED,
                "InvalidRequestContentException",
                "a request needs a Content-Length here",
            )
        size = int(length)
        if size <= LIMIT:
            return self.rfile.read(size)
        self.close_connection = True
        left = min(size, _DRAINED)
        while left and (read := len(self.rfile.read(min(left, 65_536)))):
            left -= read
        raise _Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "RequestTooLargeException",
            f"Request must be smaller than {LIMIT} bytes for the InvokeFunction operation",
        )

    def _send(self, reply: _Reply) -> None:
        self.send_response(reply.status)
        self.send_header("X-Amzn-RequestId", str(uuid4()))
        self.send_header("Content-Type", _JSON)
        if reply.status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- Python names it so
        """Print nothing."""


def _function_of(target: str) -> str:
    """``name`` or ``name:qualifier``, whatever way the function is named in a request's target.

    Raises:
        _Refused: It is none of Invoke's, or names no function.
    """
    parts = urlsplit(target)
    path = _PATH.fullmatch(parts.path)
    if not path:
        raise _Refused(
            HTTPStatus.NOT_FOUND, "UnknownOperationException", f"no operation at {parts.path}"
        )
    named = unquote(path[1])
    found = _NAME.fullmatch(named)
    if not found:
        raise _Refused(
            HTTPStatus.BAD_REQUEST, "ValidationException", f"{named!r} names no function"
        )
    asked = parse_qs(parts.query).get("Qualifier", [""])[0]
    given = found["qualifier"] or ""
    if asked and given and asked != given:
        raise _Refused(
            HTTPStatus.BAD_REQUEST,
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
        )
    qualifier = given or asked
    return f"{found['name']}:{qualifier}" if qualifier else found["name"]


def _payload(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _Refused(
            HTTPStatus.BAD_REQUEST,
            "InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
        ) from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _encoded(reply: Any) -> bytes:
    """A reply as bytes.

    Raises:
        FunctionError: It is not JSON.
    """
    try:
        return _bytes(reply)
    except (TypeError, ValueError, RecursionError) as error:
        raise marshal_error(error) from error


def _bytes(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can only have as an escape
        return json.dumps(value, allow_nan=False).encode()


def _error_body(error: FunctionError) -> bytes:
    """Lambda's body of an error of a function's; ``null`` where nothing is known of it."""
    try:
        told = json.loads(error.cause or "")
    except json.JSONDecodeError:
        told = None
    if isinstance(told, dict):
        return _bytes({**told, "errorType": error.error})
    if error.error == UNKNOWN_ERROR:
        return b"null"
    return _bytes({"errorMessage": error.cause or "", "errorType": error.error})


def _failed(body: bytes, headers: Mapping[str, str]) -> _Reply:
    return _Reply(HTTPStatus.OK, body, {**headers, "X-Amz-Function-Error": "Unhandled"})


def _too_large(size: int) -> bytes:
    text = (
        f"Response payload size ({size} bytes) exceeded maximum allowed payload size"
        f" ({LIMIT} bytes)."
    )
    return _bytes({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": text})


def _no_function(function: str, error: FunctionError) -> _Refused:
    message = error.cause or f"Function not found: {function}"
    return _Refused(HTTPStatus.NOT_FOUND, NO_FUNCTION.partition(".")[2], message)
