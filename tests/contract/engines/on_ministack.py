"""MiniStack, with functions of this process: Step Functions, DynamoDB and Lambda in one.

MiniStack can send an invocation to an address of ours, but takes every answer for a success. So
each function is a process of MiniStack's Lambda, with a custom runtime (`forwarder`), that invokes
the function of the same name and qualifier here. A function that is silent here is silent there,
until its execution is over.
"""

from __future__ import annotations

import io
import zipfile
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING, Any, Final, Self

from stepsaga.engines.functions import NoAnswer
from stepsaga.engines.invoke_endpoint import InvokeEndpoint
from stepsaga.engines.ministack.server import ACCOUNT, MiniStack
from stepsaga.engines.stepfunctions import StepFunctionsEngine
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.memory import MemoryStore
from stepsaga.store.table import create_table
from tests.contract.engines import forwarder
from tests.contract.engines.graphs import TABLE
from tests.contract.engines.scripts import Company

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from stepsaga.engines.functions import Functions

FUNCTIONS: Final = (
    "shop",
    "inventory",
    "payments",
    "shipping",
    "notifications",
    "stubs",
    "office",
    "children",
    "recovery",
)
"""Whoever is called by a case: as ``shop``, ``shop:1``, or ``shop:live``."""
LIVE: Final = "live"
SECONDS: Final = 15
"""The functions' timeout: longer than any Task that hangs, or Lambda would speak first."""
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/contract"
BOOTSTRAP: Final = """\
#!/bin/sh
exec "{python}" -I -S "$LAMBDA_TASK_ROOT/forwarder.py"
"""


class Switchboard:
    """Functions of executions that run at the same time: each may have its own, by its name."""

    def __init__(self) -> None:
        self.functions: Functions = Company(MemoryStore())
        self._own: dict[str, Functions] = {}
        self._over: dict[str, Event] = {}

    def connect(self, execution: str, functions: Functions) -> None:
        """Let these functions answer an execution."""
        self._own[execution] = functions

    def over(self, execution: str) -> None:
        """Let the functions that were silent in an execution, which has ended, answer late."""
        self._silence(execution).set()

    def invoke(self, function: str, payload: Any) -> Any:
        """Call a function; see `stepsaga.engines.functions.Functions`."""
        execution = _execution_of(payload)
        try:
            return self._own.get(execution, self.functions).invoke(function, payload)
        except NoAnswer:
            self._silence(execution).wait(SECONDS)
            return "too late"

    def _silence(self, execution: str) -> Event:
        return self._over.setdefault(execution, Event())


def _execution_of(payload: Any) -> str:
    execution = payload.get("execution") if isinstance(payload, dict) else None
    return str(execution["Name"]) if isinstance(execution, dict) else ""


class OnMiniStack:
    """A running MiniStack with an engine, an event store, and functions that are called from it.

    A context manager: it takes a second to start, so there is one for all tests of a process.

    Args:
        python: The interpreter of MiniStack's environment.

    Attributes:
        switchboard: Who answers when a function is called.
    """

    def __init__(self, python: Path) -> None:
        self.switchboard = Switchboard()
        self._python = python
        # An invocation that hangs counts as one, also when nobody waits for it any more.
        unlimited = {"LAMBDA_ACCOUNT_CONCURRENCY": "0"}
        self._server = MiniStack(python, enforce=False, wait_scale=0, environment=unlimited)
        self._endpoint = InvokeEndpoint(self.switchboard)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._server)
            stack.enter_context(self._endpoint)
            self.engine = StepFunctionsEngine(self.client("stepfunctions"), role=ROLE)
            self.dynamodb = self.client("dynamodb")
            self.store = self.store_of(TABLE)
            self._make_functions()
            self._open = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def client(self, service: str) -> Any:
        """A boto3 client of it, closed with it."""
        return self._server.client(service)

    def store_of(self, table: str) -> DynamoDBStore:
        """An event store on a new table."""
        create_table(self.dynamodb, table)
        return DynamoDBStore(client=self.dynamodb, table=table)

    def _make_functions(self) -> None:
        """Functions, each with a version 1 and an alias: what they are called by is told apart."""
        client = self.client("lambda")
        for name in FUNCTIONS:
            client.create_function(
                FunctionName=name,
                Runtime="provided.al2023",
                Handler="any",
                Role=ROLE,
                Timeout=SECONDS,
                Code={"ZipFile": package(self._python)},
                Environment=self._answered_by(f"{name}:1"),
            )
            client.publish_version(FunctionName=name)
            for called in (f"{name}:{LIVE}", name):
                client.update_function_configuration(
                    FunctionName=name, Environment=self._answered_by(called)
                )
                if called != name:
                    version = client.publish_version(FunctionName=name)["Version"]
                    client.create_alias(FunctionName=name, Name=LIVE, FunctionVersion=version)

    def _answered_by(self, function: str) -> dict[str, dict[str, str]]:
        path = f"/2015-03-31/functions/{function}/invocations"
        return {"Variables": {"FORWARD_TO": f"{self._endpoint.url}{path}"}}


def package(python: Path) -> bytes:
    """The code of every function."""
    bootstrap = zipfile.ZipInfo("bootstrap")
    bootstrap.external_attr = 0o755 << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(bootstrap, BOOTSTRAP.format(python=python.absolute()))
        archive.write(forwarder.__file__, "forwarder.py")
    return packed.getvalue()
