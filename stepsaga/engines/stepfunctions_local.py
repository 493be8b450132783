"""AWS's Step Functions Local and DynamoDB Local, with the handlers in this process.

    Step Functions Local --Invoke--> InvokeEndpoint --> functions --> handlers
            |                                               |
            +------------- putItem --> DynamoDB Local <-----+

What Step Functions Local 2.0.0 cannot do is refused by name when a machine is created, or here:

- JSONata and variables are younger than it. RedriveExecution, too.
- ``aws-sdk`` integrations, and those of services whose endpoint is not given to it: it would call
  AWS itself. Given are Lambda, DynamoDB and Step Functions.
- Distributed maps. If it refuses `ItemProcessor` in an inline map, the older `Iterator` is put in
  its place: this is the one transformation, and `StepFunctionsLocalEngine.rewritten` names the
  machines.
- Its roles are never looked at. Its task tokens have 36 characters, AWS's up to 2048.
- Time is real: its ``WAIT_TIME_SCALE`` shortens Wait states, not timeouts and pauses of retries.

https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local.html
"""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from stepsaga.engines.docker import Project, docker_engine, reaches_host, run_command
from stepsaga.engines.functions import FunctionError
from stepsaga.engines.invoke_endpoint import HOST, NO_FUNCTION, InvokeEndpoint
from stepsaga.engines.stepfunctions import StepFunctionsEngine
from stepsaga.errors import EngineError, EngineThrottled, EngineUnreachable, UsageError
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.table import create_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from stepsaga.engines.docker import Runner
    from stepsaga.engines.functions import Functions

STEPFUNCTIONS_URL: Final = "STEPSAGA_STEPFUNCTIONS_URL"
DYNAMODB_URL: Final = "STEPSAGA_DYNAMODB_URL"
INVOKE_PORT: Final = "STEPSAGA_INVOKE_PORT"
"""Names of environment variables: servers that run already, and the port of 127.0.0.1 at which
Step Functions Local was told to find functions."""
VARIABLES: Final = (STEPFUNCTIONS_URL, DYNAMODB_URL, INVOKE_PORT)

REGION: Final = "us-east-1"
ROLE: Final = "arn:aws:iam::123456789012:role/local"
PATIENCE: Final = 60.0
"""Seconds in which the servers must answer. In the first ten they may break off requests."""
PAUSE: Final = 0.5
SERVICES: Final = frozenset({"lambda", "dynamodb", "states"})
"""The integrations whose endpoints the compose file gives to Step Functions Local."""
_INTEGRATION: Final = re.compile(r"arn:[\w-]+:states:::(aws-sdk:)?(\w[\w-]*)")


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers are, and the port at which functions must be."""

    stepfunctions: str
    dynamodb: str
    invoke_port: int


def given_servers(environment: Mapping[str, str]) -> Servers | None:
    """The servers that an environment names, if it does.

    Raises:
        UsageError: It names some of them only, or the port is no number.
    """
    found = {name: environment.get(name, "") for name in VARIABLES}
    if not any(found.values()):
        return None
    if missing := [name for name, value in found.items() if not value]:
        raise UsageError(f"set all of {', '.join(VARIABLES)}, or none; missing: {missing[0]}")
    if not found[INVOKE_PORT].isdecimal():
        raise UsageError(f"{INVOKE_PORT} must be a port, got {found[INVOKE_PORT]!r}")
    return Servers(found[STEPFUNCTIONS_URL], found[DYNAMODB_URL], int(found[INVOKE_PORT]))


class StepFunctionsLocal:
    """A context manager: Step Functions Local, DynamoDB Local, an Invoke endpoint, a table.

    The servers are those that the environment names in ``STEPSAGA_STEPFUNCTIONS_URL``,
    ``STEPSAGA_DYNAMODB_URL`` and ``STEPSAGA_INVOKE_PORT``; they should be fresh. Otherwise they are
    started by Docker, on free ports, and removed in the end: also after Ctrl-C, and where the start
    fails. Only a process that is killed leaves them behind, as the project ``stepsaga-...``.

    Args:
        functions: What `lambda:invoke` calls; it may be set later, but before it is called.
        compose_file: The project's compose file; not needed where the environment names servers.
        table: The name of the event table, which is created if it is not there.
        patience: Seconds in which the servers must answer.
        environment: Where servers may be named; by default this process's.
        run: How to run Docker's command.
        system: The name of this operating system.
        ports: Gives two ports for the servers; by default such as are free now.
        clock: Seconds, of which differences are taken.
        sleep: How to let seconds pass.
    """

    engine: StepFunctionsLocalEngine
    store: DynamoDBStore

    def __init__(  # noqa: PLR0913 -- all but the functions are options by name
        self,
        functions: Functions | None = None,
        *,
        compose_file: Path | None = None,
        table: str = "events",
        patience: float = PATIENCE,
        environment: Mapping[str, str] | None = None,
        run: Runner = run_command,
        system: str = "",
        ports: Callable[[], tuple[int, int]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._compose_file = compose_file
        self._table = table
        self._patience = patience
        self._environment = os.environ if environment is None else environment
        self._run = run
        self._system = system or platform.system()
        self._ports = ports or _free_ports
        self._clock = clock
        self._sleep = sleep
        self._functions = functions or _Nobody()
        self._endpoint: InvokeEndpoint | None = None
        self._project: Project | None = None
        self._urls: dict[str, str] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start what is not there, and wait until it answers.

        Raises:
            EngineUnreachable: No Docker engine, or no answer; with the last lines of the logs.
            UsageError: The environment names some of the servers only; or none, and there is no
                compose file.
        """
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def functions(self) -> Functions:
        """What `lambda:invoke` calls."""
        return self._functions

    @functions.setter
    def functions(self, functions: Functions) -> None:
        self._functions = functions
        if self._endpoint is not None:
            self._endpoint.functions = functions

    def client(self, service: str) -> Any:
        """A low-level boto3 client of ``stepfunctions``, ``dynamodb`` or ``lambda``.

        Raises:
            UsageError: Another service, or nothing is open.
        """
        if service not in self._urls:
            there = ", ".join(sorted(self._urls)) or "none: it is not open"
            raise UsageError(f"no {service!r} here; there are: {there}")
        client = _client(service, self._urls[service], attempts=3)
        self._stack.callback(client.close)
        return client

    # Inside

    def _open(self, stack: ExitStack) -> None:
        given = given_servers(self._environment)
        port = given.invoke_port if given else 0
        self._endpoint = stack.enter_context(InvokeEndpoint(self._functions, port=port))
        servers = given or self._started(stack, self._endpoint.port)
        self._urls = {
            "stepfunctions": servers.stepfunctions,
            "dynamodb": servers.dynamodb,
            "lambda": self._endpoint.url,
        }
        stack.callback(self._urls.clear)
        for service, operation in _QUESTIONS.items():
            self._wait_for(service, operation)
        self._stack = stack  # for the clients
        self.engine = StepFunctionsLocalEngine(self.client("stepfunctions"), role=ROLE)
        dynamodb = self.client("dynamodb")
        if self._table not in dynamodb.list_tables()["TableNames"]:
            create_table(dynamodb, self._table)
        self.store = DynamoDBStore(client=dynamodb, table=self._table)

    def _started(self, stack: ExitStack, invoke_port: int) -> Servers:
        """Servers of our own, in a project which the stack removes."""
        if self._compose_file is None:
            raise UsageError(
                f"give compose_file, or name servers that run by {', '.join(VARIABLES)}"
            )
        if reason := docker_engine(self._run):
            raise EngineUnreachable(f"Step Functions Local: {reason}")
        stepfunctions, dynamodb = self._ports()
        self._project = Project(
            self._compose_file,
            profile="linux" if reaches_host(self._run, self._system) else "desktop",
            variables={
                "STEPSAGA_STEPFUNCTIONS_PORT": str(stepfunctions),
                "STEPSAGA_DYNAMODB_PORT": str(dynamodb),
                INVOKE_PORT: str(invoke_port),
            },
            run=self._run,
        )
        stack.callback(self._project.down)  # first: a start that is broken off has started things
        self._project.up()
        return Servers(f"http://{HOST}:{stepfunctions}", f"http://{HOST}:{dynamodb}", invoke_port)

    def _wait_for(self, service: str, operation: str) -> None:
        url = self._urls[service]
        client = _client(service, url, attempts=1)
        begin = self._clock()
        try:
            while (trouble := _trouble(client, operation)) is not None:
                if self._clock() - begin >= self._patience:
                    raise EngineUnreachable(
                        f"{service} at {url} does not answer after {self._patience:g} s:"
                        f" {trouble}{self._logs()}"
                    ) from trouble
                self._sleep(PAUSE)
        finally:
            client.close()

    def _logs(self) -> str:
        return f"\n{self._project.logs()}" if self._project else ""


_QUESTIONS: Final = {"stepfunctions": "list_state_machines", "dynamodb": "list_tables"}
"""What the servers are asked until they answer."""


class StepFunctionsLocalEngine(StepFunctionsEngine):
    """Step Functions Local by its API. The module says what it lacks.

    Attributes:
        rewritten: The machines whose maps have `Iterator` instead of `ItemProcessor`.
    """

    rewritten: set[str]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.rewritten = set()

    def create(self, machine: str, definition: str) -> None:
        """Create or replace a machine; see `Engine`.

        Raises:
            EngineError: The definition is refused: by Step Functions Local, or here, by the name of
                what it does not know.
        """
        parsed = _parsed(definition)
        for refusal in _refusals(parsed):
            raise EngineError(f"machine {machine!r}: Step Functions Local {refusal}")
        try:
            super().create(machine, definition)
        except (EngineUnreachable, EngineThrottled):
            raise
        except EngineError:
            if not _give_iterators(parsed):
                raise
            super().create(machine, json.dumps(parsed))
            self.rewritten.add(machine)

    def redrive(self, arn: str) -> None:
        """Refuse, by name."""
        raise EngineError(f"Step Functions Local cannot redrive {arn}: it has no RedriveExecution")


def _parsed(definition: str) -> Any:
    """The definition as JSON; None where it is none, which is for the engine to refuse."""
    try:
        return json.loads(definition)
    except ValueError:
        return None


def _refusals(machine: Any) -> Iterator[str]:
    """What of a definition Step Functions Local does not know."""
    if not isinstance(machine, dict):
        return
    if machine.get("QueryLanguage") == "JSONata":
        yield "has no JSONata"
    for name, state in _states(machine):
        yield from _refusals_of(name, state)


def _refusals_of(name: str, state: Mapping[str, Any]) -> Iterator[str]:
    if state.get("QueryLanguage") == "JSONata":
        yield f"has no JSONata: state {name!r}"
    if "Assign" in state:
        yield f"has no variables: state {name!r} has Assign"
    called = _INTEGRATION.match(str(state.get("Resource", "")))
    if called and called[1]:
        yield f"has no aws-sdk integrations: state {name!r} calls {state['Resource']}"
    elif called and called[2] not in SERVICES:
        yield f"would call AWS itself for {called[2]}: state {name!r} calls {state['Resource']}"
    processor = state.get("ItemProcessor")
    config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    if isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED":
        yield f"has no distributed maps: state {name!r}"


def _states(machine: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """All states of a machine, with those of its branches and maps."""
    states = machine.get("States") if isinstance(machine, dict) else None
    for name, state in states.items() if isinstance(states, dict) else ():
        if isinstance(state, dict):
            yield name, state
            branches = state.get("Branches")
            inner = branches if isinstance(branches, list) else []
            for one in (*inner, state.get("Iterator"), state.get("ItemProcessor")):
                yield from _states(one)


def _give_iterators(machine: Any) -> bool:
    """Write maps as they were written before 2022; False where there is none to write so."""
    maps = [state for _, state in _states(machine) if isinstance(state.get("ItemProcessor"), dict)]
    for state in maps:
        processor = state.pop("ItemProcessor")
        processor.pop("ProcessorConfig", None)
        state["Iterator"] = processor
        if "ItemSelector" in state:
            state["Parameters"] = state.pop("ItemSelector")
    return bool(maps)


class _Nobody:
    """Functions, as long as there are none."""

    def invoke(self, function: str, payload: Any) -> Any:  # noqa: ARG002 -- as in `Functions`
        raise FunctionError(NO_FUNCTION, f"Function not found: {function}; no functions are set")


def _trouble(client: Any, operation: str) -> Exception | None:
    """Why a server does not answer, if it does not."""
    try:
        getattr(client, operation)()
    except (ClientError, BotoCoreError) as error:
        trouble: Exception = error
        return trouble
    return None


def _client(service: str, url: str, *, attempts: int) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 -- opens nothing
        config=Config(
            retries={"total_max_attempts": attempts},
            connect_timeout=5,
            read_timeout=5 if attempts == 1 else 60,
        ),
    )


def _free_ports() -> tuple[int, int]:
    """Two ports of 127.0.0.1 at which nobody listens now."""
    with socket.socket() as one, socket.socket() as other:
        one.bind((HOST, 0))
        other.bind((HOST, 0))
        return one.getsockname()[1], other.getsockname()[1]
