"""``stepsaga run``: a saga on this machine, with the real handlers, and with faults if wanted."""

from __future__ import annotations

import json
import re
import secrets
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from stepsaga.asl.awaited_events import awaited_in
from stepsaga.asl.release import build
from stepsaga.authoring import graph_of
from stepsaga.checks.fields import did_you_mean
from stepsaga.cli.discovery import ProjectError, find_sagas, make_importable
from stepsaga.cli.exits import ENDING_CODES
from stepsaga.cli.failures import failure_of
from stepsaga.cli.journal import Entry, Journal
from stepsaga.cli.local import EVENT_BUCKET, EVENT_TABLE, prepare
from stepsaga.cli.output import complain, console, print_json
from stepsaga.cli.timeline import Timeline, timeline_of, with_family
from stepsaga.cli.timeline_view import as_json as timeline_json
from stepsaga.cli.timeline_view import view
from stepsaga.engines.child_faults import CHILD_FAULTS
from stepsaga.engines.events import Arrival
from stepsaga.engines.faults import CALL_FAULTS, RECORD_FAULTS
from stepsaga.engines.once import run_once
from stepsaga.engines.service_faults import SERVICE_FAULTS
from stepsaga.engines.simulator.naming import check_name
from stepsaga.errors import EngineError, UsageError
from stepsaga.graph import children_of
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.objects import MemoryS3
from stepsaga.testing.cases import parse_faults
from stepsaga.testing.runner import REJECT, answers_of
from stepsaga.testing.stack import local_stack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepsaga.asl.release import Compiled
    from stepsaga.engines.once import Run
    from stepsaga.graph import SagaGraph

ANSWER_HELP: Final = (
    "What is answered to a step that asks, as soon as it does: STEP=approve, STEP=reject, or"
    " STEP=JSON. Where there is none, the question's time passes: here that takes no time."
)
EVENT_HELP: Final = (
    "A business event that comes: its detail type, and its detail as JSON. It comes as soon as the"
    " saga starts; with @SECONDS after so many, with @-SECONDS before. Where none comes, the wait's"
    " time passes: here that takes no time."
)
_EVENT: Final = re.compile(r"([^=]+)=(.*?)(?:@(-?[0-9]+(?:\.[0-9]+)?))?", re.DOTALL)
_WORDS: Final[Mapping[str, Any]] = {"approve": True, "reject": REJECT}
FAIL_HELP: Final = (
    "What shall go wrong: STEP=KIND for every attempt, STEP=KIND,ok for the first one only."
    " STEP is a state: charge, 'undo charge', 'record the end'. KIND is one of: "
    + ", ".join(CALL_FAULTS)
    + f"; of 'record the end': {', '.join(RECORD_FAULTS)}; where a child is started or undone also:"
    f" {', '.join(CHILD_FAULTS)}; of an action of a service: {', '.join(SERVICE_FAULTS)}."
    " A child's states are 'ShipParcel:charge'."
)


def run(  # noqa: PLR0913  # a command's options
    saga: Annotated[str, typer.Argument(help="The saga's name.", show_default=False)],
    *,
    input_file: Annotated[
        str, typer.Option("--input", metavar="FILE", help="Its input, JSON; - is stdin.")
    ],
    fail: Annotated[
        list[str] | None, typer.Option(metavar="STEP=KIND", help=FAIL_HELP, show_default=False)
    ] = None,
    saga_id: Annotated[
        str | None,
        typer.Option("--id", help="The saga's id; by default one is made.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the pauses between retries.")] = 0,
    answer: Annotated[
        list[str] | None,
        typer.Option(metavar="STEP=ANSWER", help=ANSWER_HELP, show_default=False),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=DETAIL[@SECONDS]", help=EVENT_HELP, show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Run a saga on this machine: the compiled state machine, the real handlers, local tables.

    Tables are empty but for what tools/local.py puts there, and are gone afterwards; the events are
    kept in ./.stepsaga for `stepsaga show`. Exits with 0 when the saga completed, with 3 when it
    was compensated, with 4 when it is stuck.
    """
    root = Path.cwd()
    value, faults = read_input(input_file), parse_faults(fail or [])
    name = _checked_name(saga_id) if saga_id is not None else _new_name(input_file)
    make_importable(root)
    said = parse_answers(answer or [])
    with local_stack() as stack:
        found = find_sagas(root).named(saga)
        answers = answers_of(found, said)
        compiled = build(graph_of(found))
        family = [graph_of(found), *children_of(graph_of(found)).values()]
        events = [parse_event(text, family) for text in event or []]
        # stdout is for the timeline: what handlers print goes where logs go.
        with redirect_stdout(sys.stderr):
            done = run_once(
                compiled,
                value,
                saga_id=name,
                store=DynamoDBStore(
                    client=prepare(stack, root),
                    table=EVENT_TABLE,
                    s3=MemoryS3(),
                    bucket=EVENT_BUCKET,
                ),
                started=datetime.now(UTC),
                faults=faults,
                seed=seed,
                answers=answers,
                children=map(build, family[1:]),
                events=events,
            )
    timeline = told(done, compiled)
    if as_json:
        print_json(timeline_json(timeline, done.cost))
    else:
        console().print(view(timeline, done.cost))
    for state in done.idle:
        complain(f"the fault on {state!r} never struck: the saga did not get there")
    for step in done.unasked:
        complain(f"{step!r} never asked: the saga did not get there, its answer was of no use")
    _keep(root, compiled.graph, done)
    raise typer.Exit(ENDING_CODES[timeline.ending])


def told(done: Run, compiled: Compiled) -> Timeline:
    """The timeline of a run."""
    own = timeline_of(
        done.stream_id,
        done.run,
        done.commits,
        kept=compiled.graph,
        failure=failure_of(done.view, done.history),
    )
    known = {one.stream_id: one.commits for one in done.children}
    return with_family(own, done.commits, lambda stream: known.get(stream, ()))


def parse_answers(wanted: list[str]) -> dict[str, Any]:
    """``["review=approve", "pickup={...}"]`` as the runner takes it.

    Raises:
        UsageError: One is not of that form, or a step is named twice.
    """
    answers: dict[str, Any] = {}
    for text in wanted:
        step, sign, word = (part.strip() for part in text.partition("="))
        if not (step and sign and word):
            raise UsageError(f"--answer {text!r}: write STEP=ANSWER, as in 'review=approve'")
        if step in answers:
            raise UsageError(f"--answer names {step!r} twice")
        try:
            answers[step] = _WORDS[word] if word in _WORDS else json.loads(word)
        except ValueError as error:
            told = f"--answer {step}: {word!r} is neither approve nor reject, and no JSON"
            raise UsageError(f"{told}: {error}") from error
    return answers


def parse_event(text: str, graphs: Sequence[SagaGraph]) -> Arrival:
    """``'PaymentReceived={"order_id": "1"}@5'`` as the engine takes it.

    Raises:
        UsageError: It is not of that form, or no saga waits for such an event.
    """
    found = _EVENT.fullmatch(text)
    if found is None:
        raise UsageError(f"--event {text!r}: write NAME=DETAIL, as in 'PaymentReceived={{...}}'")
    name, detail, seconds = found[1].strip(), found[2], float(found[3] or 0)
    known = {one.event.name: one.event for graph in graphs for one in awaited_in(graph)}
    if name not in known:
        there = f"there are: {', '.join(sorted(known))}" if known else "this saga waits for none"
        hint = did_you_mean(name, known) or there
        raise UsageError(f"--event {name}: no saga waits for such an event; {hint}")
    try:
        return Arrival(known[name], json.loads(detail), timedelta(seconds=seconds))
    except ValueError as error:
        raise UsageError(f"--event {name}: its detail is no JSON: {error}") from error


def read_input(file: str) -> Any:
    """A file's JSON; ``-`` is stdin.

    Raises:
        UsageError: It cannot be read, or is no JSON: names line and column.
    """
    name = "stdin" if file == "-" else file
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"--input: there is no file {file}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"--input: {name} is no UTF-8 text: byte {error.start}") from error
    except OSError as error:
        raise UsageError(f"--input: {name} cannot be read: {error.strerror}") from error
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"--input: {name} is no JSON: {place}: {error.msg}") from error
    except ValueError as error:
        raise UsageError(f"--input: {name} is no JSON: {error}") from error
    except RecursionError as error:
        raise UsageError(f"--input: {name} is nested too deeply") from error


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")


def _checked_name(name: str) -> str:
    try:
        check_name("execution", name)
    except EngineError as error:
        raise UsageError(f"--id: {error}") from error
    return name


def _new_name(file: str) -> str:
    """An id that says where the input came from, and that nobody else has."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(file).stem).strip("-")[:60]
    return "-".join(part for part in (stem, secrets.token_hex(3)) if part)


def _keep(root: Path, kept: Mapping[str, Any], done: Run) -> None:
    entries = [
        Entry(
            stream_id=one.stream_id,
            run=one.run,
            kept=one.saga.graph,
            commits=one.commits,
            cost=None,
            failure=failure_of(one.view, one.history),
            parent=one.parent,
        )
        for one in done.children
    ]
    own = Entry(
        stream_id=done.stream_id,
        run=done.run,
        kept=kept,
        commits=done.commits,
        cost=done.cost,
        failure=failure_of(done.view, done.history),
    )
    try:
        for entry in (*entries, own):
            Journal(root).add(entry)
    except OSError as error:
        text = f"{error.filename} cannot be written, `stepsaga show` will not know this run"
        raise ProjectError(f"{text}: {error.strerror}") from error
