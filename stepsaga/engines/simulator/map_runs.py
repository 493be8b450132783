"""A distributed Map: its items are executions of their own, read from S3 and written to it.

Their histories are nobody's, and are not kept; their transitions are billed, and count as their
parent's. So many are under way at once as ``MaxConcurrency`` says: how much memory a run takes does
not depend on how many items there are.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import json
from functools import partial
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final
from weakref import finalize

from stepsaga.engines.jsontext import dump
from stepsaga.engines.protocol import HistoryEvent, Status
from stepsaga.engines.simulator.attempts import result_document, run_attempts, within_limit
from stepsaga.engines.simulator.errors import StateError
from stepsaga.engines.simulator.expressions import Scope
from stepsaga.engines.simulator.naming import execution_arn, map_run_arn
from stepsaga.engines.simulator.strands import Inbox, Record, Spawn
from stepsaga.engines.simulator.world import Journey
from stepsaga.errors import StepsagaError
from stepsaga.store.slots import iso

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from stepsaga.engines.simulator.interpreter import Interpreter
    from stepsaga.engines.simulator.states import DistributedMap
    from stepsaga.engines.simulator.strands import Process, Step, Strand
    from stepsaga.engines.simulator.world import Document
    from stepsaga.store.objects import Objects

AT_ONCE: Final = 1_000
"""Items that are under way at once where the definition does not say; on AWS up to 10,000."""
READER_FAILED: Final = "States.ItemReaderFailed"
WRITER_FAILED: Final = "States.ResultWriterFailed"
TOO_MANY_FAILED: Final = "States.ExceedToleratedFailureThreshold"
_WHOLE: Final = {"Included": True}


def run_distributed_map(block: Interpreter, state: DistributedMap) -> Process:
    """Run a distributed Map."""
    attempt = partial(_attempt, block, state)
    yield from run_attempts(block, "Map", state, attempt, failed="MapStateFailed")


class MapRun:
    """One run over all items: what is under way, and what has come of the others.

    Args:
        arn: Its name.
        lines: The items, as JSON.
        redrives: How often its parent had been redriven when it began.
    """

    def __init__(self, arn: str, lines: Iterator[bytes], redrives: int) -> None:
        self.arn = arn
        self.lines = enumerate(line for line in lines if line.strip())
        self.redrives = redrives
        self.running: dict[int, Interpreter] = {}
        self.counts = dict.fromkeys((Status.SUCCEEDED, Status.FAILED), 0)
        self.files: dict[Status, IO[bytes]] = {
            one: TemporaryFile()  # noqa: SIM115  # closed by `write`, or below
            for one in self.counts
        }
        # A run that was stopped, and is never redriven, nobody ends.
        finalize(self, _close, tuple(self.files.values()))

    def over(self, index: int, name: str, error: StateError | None) -> None:
        """Note the end of an item's execution, as the files of results tell it."""
        child = self.running.pop(index)
        status = Status.SUCCEEDED if error is None else Status.FAILED
        execution = child.journey.execution
        told = {
            "ExecutionArn": execution["Id"],
            "Input": dump(execution["Input"]),
            "InputDetails": _WHOLE,
            "Name": name,
            "StartDate": execution["StartTime"],
            "Status": status.value,
            "StopDate": iso(child.world.clock.now()),
        }
        if error is None:
            told |= {"Output": child.position.text, "OutputDetails": _WHOLE}
        else:
            told |= {key.capitalize(): value for key, value in error.details().items()}
        self.files[status].write(dump(told).encode() + b"\n")
        self.counts[status] += 1

    def write(self, objects: Objects, bucket: str, prefix: str) -> str:
        """Put the files of results into a bucket; the manifest's key."""
        folder = f"{prefix}/{self.arn.rpartition(':')[2]}"
        named: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
        for status, file in self.files.items():
            if size := file.tell():
                key = f"{folder}/{status.value}_0.jsonl"
                objects.keep_file(key, file, bucket=bucket)
                named[status.value].append({"Key": key, "Size": size})
            file.close()
        manifest = {"DestinationBucket": bucket, "MapRunArn": self.arn, "ResultFiles": named}
        objects.put({f"{folder}/manifest.json": dump(manifest).encode()}, bucket=bucket)
        return f"{folder}/manifest.json"


def _close(files: tuple[IO[bytes], ...]) -> None:
    for file in files:
        file.close()


def _attempt(
    block: Interpreter, state: DistributedMap, attempt: int
) -> Generator[Step, Any, Document]:
    scope = block.scope(state, context := block.context(attempt))
    objects = block.world.objects
    if objects is None:
        raise StateError(READER_FAILED, "there is no bucket here")
    run = block.position.run
    if run is None:
        run = block.position.run = _begun(block, state, scope, objects)
        yield Record("MapStateStarted", {})
        yield Record("MapRunStarted", {"mapRunArn": run.arn})
    else:
        _redrive(block, run)
        yield Record("MapRunRedriven", {"mapRunArn": run.arn})
    yield from _join(block, state, run, scope)
    block.position.run = None
    failed, total = run.counts[Status.FAILED], sum(run.counts.values())
    if failed * 100 > state.tolerated * total:
        text = "The specified tolerated failure threshold was exceeded"
        raise StateError(TOO_MANY_FAILED, text)
    told = state.writer(scope)
    try:
        key = run.write(objects, told["Bucket"], told["Prefix"])
    except StepsagaError as error:
        raise StateError(WRITER_FAILED, str(error)) from error
    yield Record("MapRunSucceeded", {})
    yield Record("MapStateSucceeded", {})
    result = {
        "MapRunArn": run.arn,
        "ResultWriterDetails": {"Bucket": told["Bucket"], "Key": key},
    }
    return result_document(block, state, result, context)


def _begun(block: Interpreter, state: DistributedMap, scope: Scope, objects: Objects) -> MapRun:
    place = state.reader(scope)
    try:
        lines = objects.lines(place["Bucket"], place["Key"])
        first = next(lines, b"")
    except (ValueError, StepsagaError) as error:
        raise StateError(READER_FAILED, str(error)) from error
    redrives = block.journey.execution.get("RedriveCount", 0)
    unique = str(block.world.random.getrandbits(64))
    arn = map_run_arn(block.journey.machine, state.name, unique)
    return MapRun(arn, _chain(first, lines), redrives)


def _chain(first: bytes, lines: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from lines


def _redrive(block: Interpreter, run: MapRun) -> None:
    """What was under way goes on; what has failed stays so, for it ends in a Fail."""
    own = block.journey.execution
    run.redrives = own["RedriveCount"]
    for child in run.running.values():
        told = child.journey.execution
        redriven = {"RedriveCount": told.get("RedriveCount", 0) + 1}
        child.journey.execution = told | redriven | {"RedriveTime": own["RedriveTime"]}


def _join(block: Interpreter, state: DistributedMap, run: MapRun, scope: Scope) -> Process:
    """Run the items that are not over, so many at once, until all are."""
    limit = min(state.concurrency(scope) or AT_ONCE, AT_ONCE)
    inbox: Inbox[tuple[int, StateError | None]] = Inbox()
    strands: dict[int, Strand] = {}
    more = True
    try:
        for index, child in run.running.items():
            strands[index] = yield _spawn(child, index, inbox)
        while True:
            while more and len(strands) < limit:
                found = next(run.lines, None)
                if more := found is not None:
                    index, line = found
                    run.running[index] = _child(block, state, scope, run, index, line)
                    strands[index] = yield _spawn(run.running[index], index, inbox)
            if not strands:
                return
            index, error = yield from inbox.next()
            del strands[index]
            child = run.running[index]
            block.journey.transitions += child.journey.transitions
            run.over(index, child.journey.execution["Name"], error)
    finally:
        for index, strand in strands.items():
            strand.close()
            child = run.running[index]
            block.journey.transitions += child.journey.transitions
            child.journey.transitions = 0


def _spawn(child: Interpreter, index: int, inbox: Inbox[tuple[int, StateError | None]]) -> Spawn:
    return Spawn(_quiet(child, child.run()), lambda error: inbox.put((index, error)))


def _child(  # noqa: PLR0913, PLR0917  # the run, and one line of it
    block: Interpreter, state: DistributedMap, scope: Scope, run: MapRun, index: int, line: bytes
) -> Interpreter:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise StateError(READER_FAILED, str(error)) from error
    context = {**scope.context, "Map": {"Item": {"Index": index, "Value": value}}}
    given = state.parameters(Scope(scope.document, context, block.world.random))
    document = within_limit(state.name, given)
    machine = f"{block.journey.machine}/{state.name}"
    name = f"{run.arn.rpartition(':')[2]}-{index}"
    execution = {
        "Id": execution_arn(machine, name),
        "Input": document.value,
        "Name": name,
        "RoleArn": block.journey.execution["RoleArn"],
        "StartTime": iso(block.world.clock.now()),
    }
    # Their histories are not kept; which states were entered is told all the same.
    journey = Journey(block.world, machine, execution, inside=block.journey.inside)
    return block.child(state.processor, document, journey).interpreter


def _quiet(child: Interpreter, process: Process) -> Process:
    """A process that records nothing."""
    value: Any = None
    try:
        while True:
            try:
                step = process.send(value)
            except StopIteration:
                return
            if isinstance(step, Record):
                if step.type.endswith("StateEntered"):
                    child.journey.inside[step.details["name"]] += 1
                value = HistoryEvent(0, step.type, child.world.clock.now(), {})
            elif isinstance(step, Spawn):
                value = yield Spawn(_quiet(child, step.process), step.ended)
            else:
                value = yield step
    finally:
        process.close()
