"""moto's interpreter of state machines as an engine: a second opinion on the simulator.

THIS MODULE HOLDS EVERY SEAM INTO MOTO, AND IS THE ONLY PATCHING IN THE TESTS. moto offers no other
way in; everything that is replaced is listed in `_seams`, and put back when the engine is closed:

- *Functions.* Without Docker moto's Lambda answers with a constant; here it calls our functions,
  and reports their errors as Lambda does: a header, and a body with ``errorType``. moto can tell
  a cause only as that body; a cause in plain words is put in its place.
- *Silence.* A function that does not answer is reported under a name of its own, and turned into
  the timeout of its Task by moto's own code for timeouts. So a Task times out exactly when its
  function is silent, never because this computer is busy; where the execution's time is up before
  the Task's, the execution times out.
- *Time.* Waits and the pauses of retries take no time; they use up the execution's time instead.
- *Clients.* One for each service, not one for each Task.
- *Parsing.* A text is parsed once, not at each start: what comes of it keeps nothing of a run, and
  parsing takes moto longer than running. One at a time: the parser's list of scopes is shared.
- *Start time.* moto puts a ``datetime`` into the context object; Step Functions an ISO text.
- *The end.* An event is set when an execution is over, so that nobody has to poll.
- *Refusals.* A definition that is refused leaves the parser's list of scopes behind, for all later
  definitions; it is emptied.
- *Settings.* moto's configuration, and the ``MOTO_PORT`` at which its integrations call back.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import contextmanager, suppress
from functools import lru_cache
from threading import Event, Lock, local
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakKeyDictionary

import boto3
from botocore.config import Config
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core.config import default_user_config
from moto.server import ThreadedMotoServer
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_dynamodb,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (  # noqa: E501 -- moto's own path
    StateTaskServiceLambda,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution

from stepsaga.engines.functions import FunctionError, NoAnswer
from stepsaga.engines.protocol import Status
from stepsaga.engines.stepfunctions import StepFunctionsEngine
from stepsaga.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from stepsaga.engines.functions import Functions
    from stepsaga.engines.protocol import ExecutionView, HistoryEvent, Listed

REGION: Final = "us-east-1"
_ROLE: Final = "arn:aws:iam::123456789012:role/contract"
_SILENCE: Final = "stepsaga.NoAnswer"
_PLAIN: Final = "stepsaga.Cause"
_PATIENCE_SECONDS: Final = 60
"""How long an execution may really take before the engine says that it hangs."""


class MotoEngine:
    """An `Engine` on moto's server in this process, on a free port of 127.0.0.1.

    A context manager: outside of it nothing of moto is replaced. One at a time.

    Args:
        functions: What `lambda:invoke` calls.
    """

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self._time = _Time()
        self._ends: dict[str, Event] = {}
        self._made: set[str] = set()
        self._closed: dict[str, Sequence[HistoryEvent]] = {}
        self._clients: dict[str, Any] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._seams = _seams(self)
        self._seams.__enter__()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        port = self._server.get_host_and_port()[1]
        os.environ["MOTO_PORT"] = str(port)
        self.endpoint = f"http://127.0.0.1:{port}"
        self._states = self.client("stepfunctions")
        self._api = StepFunctionsEngine(_Plain(self._states, self.history), role=_ROLE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The machines of all servers of a process are the same ones.
        for machine in self._states.list_state_machines()["stateMachines"]:
            if machine["name"] in self._made:
                self._states.delete_state_machine(stateMachineArn=machine["stateMachineArn"])
        for client in (self._states, *self._clients.values()):
            client.close()
        listening = self._server._server  # its `stop` leaves the socket open
        self._server.stop()
        if listening is not None:
            listening.server_close()
        self._seams.__exit__(kind, error, trace)

    def client(self, service: str) -> Any:
        """A low-level boto3 client of this server."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 -- opens nothing
            config=Config(
                retries={"total_max_attempts": 1},
                read_timeout=_PATIENCE_SECONDS,
                parameter_validation=False,
            ),
        )

    # Engine

    def create(self, machine: str, definition: str) -> None:
        """Create or replace a state machine; see `Engine`."""
        try:
            self._api.create(machine, definition)
        except EngineError:
            Preprocessor._query_language_per_scope.clear()
            raise
        self._made.add(machine)

    def start(self, machine: str, input: Any, *, name: str) -> str:  # noqa: A002 -- as in `Engine`
        """Start an execution; see `Engine`."""
        return self._api.start(machine, input, name=name)

    def wait(self, arn: str) -> ExecutionView:
        """Let the execution come to its end; see `Engine`."""
        self.describe(arn)  # an end is waited for only where there is a beginning
        if not self._end_of(arn).wait(_PATIENCE_SECONDS):
            raise EngineError(f"{arn} has not ended within {_PATIENCE_SECONDS} s")
        return self.describe(arn)

    def describe(self, arn: str) -> ExecutionView:
        """What is known of the execution now; see `Engine`."""
        return self._api.describe(arn)

    def history(self, arn: str) -> Sequence[HistoryEvent]:
        """Everything that happened in the execution; see `Engine`."""
        if arn not in self._closed:
            over = self._end_of(arn).is_set()
            events = self._api.history(arn)
            if not over:
                return events
            self._closed[arn] = events
        return self._closed[arn]

    def stop(self, arn: str, *, error: str = "", cause: str = "") -> None:
        """Abort the execution; see `Engine`. moto loses the error and the cause."""
        self._api.stop(arn, error=error, cause=cause)

    def redrive(self, arn: str) -> None:
        """Refuse, by name: moto has no RedriveExecution."""
        raise EngineError(f"moto cannot redrive {arn}: it has no RedriveExecution")

    def send_task_success(self, token: str, output: Any) -> None:
        """Answer a task token with a result; see `Engine`."""
        self._api.send_task_success(token, output)

    def send_task_failure(self, token: str, *, error: str = "", cause: str = "") -> None:
        """Answer a task token with a failure; see `Engine`. moto loses the cause."""
        self._api.send_task_failure(token, error=error, cause=cause)

    def send_task_heartbeat(self, token: str) -> None:
        """Say that whoever has a task token is at work; see `Engine`."""
        self._api.send_task_heartbeat(token)

    def execution_arn(self, machine: str, name: str) -> str:
        """The ARN that an execution of this name has or would have; see `Engine`."""
        return self._api.execution_arn(machine, name)

    def executions(self, machine: str, status: Status | None = None) -> Iterator[Listed]:
        """The machine's executions; see `Engine`."""
        return self._api.executions(machine, status)

    # What the seams need

    def ended(self, arn: str) -> None:
        """An execution is over."""
        self._end_of(arn).set()

    def client_of(self, region: str, service: str, state_credentials: object = None) -> Any:
        """What Tasks use to call a service: moto's own client, kept."""
        with self._lock:  # boto3 makes one client at a time
            if service not in self._clients:
                self._clients[service] = boto_client_for(region, service, state_credentials)
        return self._clients[service]

    @property
    def time(self) -> _Time:
        """The time of executions."""
        return self._time

    def _end_of(self, arn: str) -> Event:
        # Asked for by two threads: `setdefault` is atomic.
        return self._ends.setdefault(arn, Event())


class _Plain:
    """moto's client, with outputs as Step Functions gives them.

    moto's DescribeExecution gives a text without its quotes, and nothing for null; the history has
    it as it is.
    """

    def __init__(self, client: Any, history: Callable[[str], Sequence[HistoryEvent]]) -> None:
        self._client = client
        self._history = history

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)

    def describe_execution(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeExecution."""
        reply = dict(self._client.describe_execution(**parameters))
        if reply["status"] == Status.SUCCEEDED:
            # Not always the last one: iterations that are stopped may still be writing.
            ended = [
                event
                for event in self._history(parameters["executionArn"])
                if event.type == "ExecutionSucceeded"
            ]
            if ended:
                reply["output"] = ended[-1].details["output"]
        return reply


class _Time:
    """How much time is left to executions: it is used up without being spent."""

    def __init__(self) -> None:
        self._left: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        self._here = local()

    def begin(self, environment: Any, seconds: float | None) -> None:
        """An execution begins, with so much time."""
        if seconds is not None:
            self._left[environment] = seconds

    def use(self, environment: Any, seconds: float) -> None:
        """Use time up; an execution that has none left is timed out."""
        if environment in self._left:
            self._left[environment] -= seconds
            if self._left[environment] <= 0:
                environment.set_timed_out()

    @contextmanager
    def of(self, environment: Any) -> Iterator[None]:
        """Within it, `sleep` uses up the time of this execution, in this thread."""
        self._here.environment = environment
        try:
            yield
        finally:
            del self._here.environment

    def sleep(self, seconds: float) -> None:
        """What stands in for `time.sleep` where moto pauses before a retry."""
        self.use(self._here.environment, seconds)


@contextmanager
def _seams(engine: MotoEngine) -> Iterator[None]:
    """Everything that is replaced in moto, and put back."""
    replaced = [
        (LambdaSimpleBackend, "invoke", _invoke(engine)),
        (lambda_eval_utils, "boto_client_for", engine.client_of),
        (state_task_service_dynamodb, "boto_client_for", engine.client_of),
        (StateTaskServiceLambda, "_from_error", _from_error(engine)),
        (ExecutionState, "_eval_state", _eval_state()),
        (WaitFunction, "_wait_interval", _wait_interval(engine)),
        (retrier_decl, "time", SimpleNamespace(sleep=engine.time.sleep)),
        (retrier_decl.RetrierDecl, "_eval_body", _retry(engine)),
        (AmazonStateLanguageParser, "parse", _parse()),
        (Program, "eval", _program(engine)),
        (Execution, "get_start_execution_details", _start_details()),
        (BaseExecutionWorkerCommunication, "terminated", _terminated(engine)),
    ]
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in replaced]
    port = os.environ.get("MOTO_PORT")
    settings: Any = default_user_config
    config = {key: dict(settings[key]) for key in ("lambda", "stepfunctions")}
    for owner, name, ours in replaced:
        setattr(owner, name, ours)
    settings["lambda"] = {"use_docker": False}
    settings["stepfunctions"] = {"execute_state_machine": True}
    try:
        yield
    finally:
        for owner, name, theirs in before:
            setattr(owner, name, theirs)
        settings.update(config)
        os.environ.pop("MOTO_PORT", None)
        if port is not None:
            os.environ["MOTO_PORT"] = port


def _invoke(engine: MotoEngine) -> Any:
    def invoke(
        _backend: Any,
        function_name: str,
        qualifier: str | None,
        body: Any,
        _headers: Any,
        response_headers: dict[str, str],
    ) -> bytes:
        function = f"{function_name}:{qualifier}" if qualifier else function_name
        try:
            reply = engine.functions.invoke(function, json.loads(body or "{}"))
        except FunctionError as error:
            response_headers["x-amz-function-error"] = "Unhandled"
            return _error_body(error)
        except NoAnswer:
            response_headers["x-amz-function-error"] = "Unhandled"
            return json.dumps({"errorType": _SILENCE}).encode()
        return json.dumps(reply).encode()

    return invoke


def _error_body(error: FunctionError) -> bytes:
    """Lambda's body of an error; where the cause is to be plain text, the text under `_PLAIN`."""
    try:
        body = json.loads(error.cause or "")
    except json.JSONDecodeError:
        body = {_PLAIN: error.cause}
    return json.dumps({**body, "errorType": error.error}).encode()


def _from_error(engine: MotoEngine) -> Any:
    original = StateTaskServiceLambda._from_error

    def from_error(state: Any, env: Any, ex: Exception) -> Any:
        body = json.loads(getattr(ex, "payload", "{}"))
        if body.get("errorType") == _SILENCE:
            state.timeout.eval(env=env)
            engine.time.use(env, env.stack.pop())
            if not env.is_running():
                raise _TimeIsUp
            return state._get_timed_out_failure_event(env)
        event: Any = original(state, env, ex)
        if _PLAIN in body:
            event.event_details["taskFailedEventDetails"]["cause"] = body[_PLAIN]
        return event

    return from_error


class _TimeIsUp(Exception):
    """The execution has ended while a function was silent."""


def _eval_state() -> Any:
    original = ExecutionState._eval_state

    def eval_state(state: Any, env: Any) -> None:
        with suppress(_TimeIsUp):
            original(state, env)

    return eval_state


def _parse() -> Any:
    original, alone = lru_cache(maxsize=None)(AmazonStateLanguageParser.parse), Lock()

    def parse(definition: str) -> Any:
        with alone:
            return original(definition)

    return staticmethod(parse)


def _wait_interval(engine: MotoEngine) -> Any:
    def wait_interval(_wait: Any, env: Any, wait_seconds: int) -> None:
        engine.time.use(env, wait_seconds)

    return wait_interval


def _retry(engine: MotoEngine) -> Any:
    original = retrier_decl.RetrierDecl._eval_body

    def eval_body(retrier: Any, env: Any) -> None:
        with engine.time.of(env):
            original(retrier, env)

    return eval_body


def _program(engine: MotoEngine) -> Any:
    original = Program.eval

    def evaluate(program: Any, env: Any) -> None:
        limit = program.timeout_seconds
        engine.time.begin(env, limit.timeout_seconds if limit else None)
        original(program, env)

    return evaluate


def _start_details() -> Any:
    original = Execution.get_start_execution_details

    def start_details(execution: Any) -> Any:
        details: Any = original(execution)
        moment = details.start_time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        details.start_time = moment
        return details

    return start_details


def _terminated(engine: MotoEngine) -> Any:
    original = BaseExecutionWorkerCommunication.terminated

    def terminated(communication: Any) -> None:
        original(communication)
        engine.ended(communication.execution.exec_arn)

    return terminated
