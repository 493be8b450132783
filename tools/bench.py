"""`make bench`: what stepsaga costs, measured here and now.

Counts are exact. Times are of this machine, at this moment: compare them within one run only.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.awsrequest import AWSResponse
from rich.console import Console
from rich.table import Table

from stepsaga.asl import build
from stepsaga.asl.compiler import compile_saga
from stepsaga.asl.text import render
from stepsaga.cli.template import application_here
from stepsaga.engines.simulator import Simulator
from stepsaga.runtime import Runtime
from stepsaga.sam.functions import LAYER
from stepsaga.sam.packaging import build as fill
from stepsaga.sam.packaging import size_of, tree_digest
from stepsaga.sam.template import build_target, parameters_of
from stepsaga.store import MemoryStore
from stepsaga.store.codec import encode
from stepsaga.store.sizes import item_bytes
from stepsaga.testing.stack import local_stack
from tools.local import setup
from tools.many import many_items
from tools.paths import parts, reference_sagas
from tools.sequences import sequence
from tools.starts import READS, REQUESTS, starts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.store.commits import Commit
    from tools.paths import Path as SagaPath
    from tools.starts import StartCost

ROOT: Final = Path(__file__).resolve().parents[1]
LIMIT: Final = 1_048_576
ORDER: Final = {"id": "order-123", "total": 5470}
out = Console(width=None if sys.stdout.isatty() else 100, highlight=False)


def main() -> int:
    """Measure everything, and print it as tables.

    Returns:
        1 where a path costs more than its bound, else 0.
    """
    with local_stack() as stack:
        stack.prepare(setup)
        paths = [*parts(), *reference_sagas()]
    _print("Paths on which nothing fails: what they cost, and what they may", _costs(paths))
    started = [*starts()]
    _print("A start by a trigger: what it asks, and what it may", _starts(started))
    _print("A distributed map over a file, a step each", _many())
    _print("Bytes of an item (one write unit is 1,024)", _items())
    _print("Compiling", _compiling())
    _print("The runtime's own work in one step", _runtime())
    _print("Imports and first calls, each in a process of its own", _imports())
    _print("The simulator", _simulator())
    _print("What is deployed, built twice", _packages())
    above = [path.name for path in paths if path.above]
    above += [f"a start, {one.name}" for one in started if one.above]
    for name in above:
        print(f"above its bound: {name}", file=sys.stderr)
    return 1 if above else 0


Rows = tuple[tuple[str, ...], Sequence[tuple[str, ...]]]


def _print(title: str, rows: Rows) -> None:
    head, body = rows
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for n, name in enumerate(head):
        table.add_column(name, justify="left" if n == 0 else "right")
    for row in body:
        table.add_row(*row)
    out.print(table)
    out.print()


def _costs(paths: Sequence[SagaPath]) -> Rows:
    body = []
    for path in paths:
        pairs = zip(path.counted, path.allowed, strict=True)
        numbers = [str(number) for pair in pairs for number in pair]
        body.append((path.name, *numbers, f"{path.write_units}", "ABOVE" if path.above else ""))
    counted = ("transitions", "writes", "reads")
    head = ("", *(name for one in counted for name in (one, "bound")), "write units", "")
    return head, body


def _starts(started: Sequence[StartCost]) -> Rows:
    body = [
        (one.name, *map(str, (one.reads, READS, one.requests, REQUESTS[one.name])))
        for one in started
    ]
    return ("a message comes", "reads", "bound", "requests of Step Functions", "bound"), body


def _many() -> Rows:
    rows = []
    for number in (1_000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            one = many_items(number, Path(folder))
        rows.append(
            (
                f"{number:,} items",
                f"{one.transitions:,} of {one.bound.transitions:,}",
                f"{one.writes:,} of {one.bound.writes:,}",
                f"{one.reads:,} of {one.bound.reads:,}",
                f"{one.conflicts}",
                f"{one.peak / 1024:,.0f} KiB",
            )
        )
    head = ("items", "transitions", "writes", "reads", "conflicts", "memory, besides the store")
    return head, rows


def _items() -> Rows:
    store = MemoryStore()
    compiled = build(sequence(2))
    simulator = Simulator.for_sagas([compiled], store=store)
    simulator.wait(simulator.start(compiled.name, {}, name="order-2026-11-21-000123"))
    first, last = store.read(f"{compiled.name}#order-2026-11-21-000123")
    body = [
        (name, f"{_size(commit):,}", f"{1024 - _size(commit):,}")
        for name, commit in [("first commit", first), ("last commit", last)]
    ]
    return ("of a saga with input {} and results null", "bytes", "left for data in one unit"), body


def _size(commit: Commit) -> int:
    return item_bytes(encode(commit).item)


def _compiling() -> Rows:
    body = []
    for steps in (50, 100, 200, 400):
        graph = sequence(steps)
        seconds = statistics.median(_each(build, [graph] * 3))
        characters = len(build(graph).text)
        body.append(
            (
                str(steps),
                f"{seconds * 1000:.0f} ms",
                f"{seconds / steps * 1e6:.0f} us",
                f"{characters:,}",
            )
        )
    most = _largest_that_fits()
    body.append(
        (f"{most} is the largest that fits", "", "", f"{len(build(sequence(most)).text):,}")
    )
    return ("steps", "time", "a step", f"characters of {LIMIT:,}"), body


def _largest_that_fits() -> int:
    low, high = 1, 4000
    while low < high:
        middle = (low + high + 1) // 2
        if len(render(compile_saga(sequence(middle), "0" * 64))) <= LIMIT:
            low = middle
        else:
            high = middle - 1
    return low


def _runtime() -> Rows:
    compiled = build(sequence(3))
    payloads = [_payload(compiled.definition, f"order-{n}") for n in range(2001)]
    store = MemoryStore()
    runtime = Runtime(participant="tools.stubs", store=store)
    runtime.handle(payloads.pop())
    own = _each(runtime.handle, payloads)
    item = encode(next(store.read("Sequence3#order-1"))).item
    client = _client_without_network()
    put = _each(lambda _: client.put_item(TableName="events", Item=item), list(range(500)))
    return ("one step", "median", "90 % below"), [
        ("the runtime: memory store, empty handler, no logs", _us(own, 50), _us(own, 90)),
        ("beside it, boto3: one put_item, no network", _us(put, 50), _us(put, 90)),
    ]


def _payload(definition: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The call of the second step, as Step Functions would send it."""
    static = definition["States"]["step_002"]["Parameters"]["Payload"]
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {
        **{key: value for key, value in static.items() if not key.endswith(".$")},
        "results": {"step_001": {"value": None}},
        "execution": {"Id": f"arn:{name}", "Name": name, "StartTime": now, "Input": ORDER},
        "state": {"Name": "step_002", "EnteredTime": now, "RetryCount": 0},
    }


def _client_without_network() -> Any:
    client = boto3.client(
        "dynamodb",
        region_name="eu-central-1",
        aws_access_key_id="nobody",
        aws_secret_access_key="asks",  # noqa: S106  # it is sent nowhere
    )

    class Body(BytesIO):
        def stream(self) -> list[bytes]:
            return [self.read()]

    def reply(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, {}, Body(b"{}"))

    # The answer is there before the request is sent.
    client.meta.events.register("before-send.dynamodb", reply)
    return client


BASE: Final = """
import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from pydantic import BaseModel, SecretStr, TypeAdapter
class Order(BaseModel):
    total: int
TypeAdapter(Order | None).json_schema()
"""
"""What a handler's module has loaded anyway: pydantic loads much of itself at its first model."""
FIRST_CALL: Final = """
import os
os.environ |= {"STEPSAGA_PARTICIPANT": "tools.stubs", "STEPSAGA_EVENT_TABLE": "events",
    "AWS_DEFAULT_REGION": "eu-central-1", "POWERTOOLS_TRACE_DISABLED": "true"}
from stepsaga.runtime.lambda_entry import runtime_from
"""


def _imports() -> Rows:
    rows = [
        ("boto3, Powertools, pydantic with a first model", "", BASE),
        ("stepsaga.runtime on top of them", BASE, "import stepsaga.runtime"),
        ("the first call: client, store, logger, tracer", FIRST_CALL, "runtime_from(os.environ)"),
    ]
    return ("", "median of 7"), [
        (name, f"{statistics.median(_timed(before, code) for _ in range(7)) * 1000:.0f} ms")
        for name, before, code in rows
    ]


def _timed(before: str, code: str) -> float:
    """Seconds that code takes in a process in which other code has run before."""
    head = "import time\nstart = time.perf_counter()"
    return _printed_seconds(f"{before}\n{head}\n{code}\nprint(time.perf_counter() - start)")


def _printed_seconds(code: str) -> float:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our own code
    return float(done.stdout.strip().splitlines()[-1])


def _simulator() -> Rows:
    compiled = build(sequence(3))
    simulator = Simulator.for_sagas([compiled], store=MemoryStore())
    count = 1000
    start = time.perf_counter()
    for n in range(count):
        simulator.wait(simulator.start(compiled.name, ORDER, name=f"order-{n}"))
    seconds = time.perf_counter() - start
    return ("three steps, stub handlers, memory store", "sagas a second, one core"), [
        (f"{count} sagas", f"{count / seconds:,.0f}")
    ]


def _packages() -> Rows:
    """What `sam build` gets, for the target of the template; wheels may come from pip's cache."""
    application = application_here(ROOT)
    target = build_target(parameters_of(ROOT))
    body = []
    for name in (LAYER, *(function.name for function in application.functions)):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            folders = [Path(one), Path(other)]
            seconds = _each(lambda folder: fill(ROOT, application, name, folder, target), folders)  # noqa: B023  # called at once
            same = len({tree_digest(folder) for folder in folders}) == 1
            files = sum(path.is_file() for path in folders[0].rglob("*"))
            body.append(
                (
                    name,
                    f"{files}",
                    f"{size_of(folders[0]):,}",
                    f"{min(seconds):.2f} s",
                    "the same" if same else "DIFFERENT",
                )
            )
    return ("", "files", "bytes unzipped", "time", "twice"), body


def _each(action: Callable[[Any], object], arguments: Sequence[Any]) -> list[float]:
    found = []
    for argument in arguments:
        start = time.perf_counter()
        action(argument)
        found.append(time.perf_counter() - start)
    return found


def _us(seconds: list[float], percent: int) -> str:
    return f"{statistics.quantiles(seconds, n=100)[percent - 1] * 1e6:,.0f} us"


if __name__ == "__main__":
    sys.exit(main())
