"""``stepsaga verify``: everything that can go wrong in a saga, tried on this machine."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stepsaga.cli.counterexample import command, counterexample
from stepsaga.cli.discovery import find_sagas, make_importable
from stepsaga.cli.exits import FINE, PROBLEM
from stepsaga.cli.output import complain, console, print_json, say
from stepsaga.cli.run import read_input
from stepsaga.cli.verify_view import as_json as report_json
from stepsaga.cli.verify_view import in_all, summary, table
from stepsaga.errors import UsageError
from stepsaga.testing.cases import parse_case
from stepsaga.testing.junit import write_junit
from stepsaga.testing.matrix import Processes, Project, court_of, explore
from stepsaga.testing.samples import NoSampleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stepsaga.authoring import Saga
    from stepsaga.testing.cases import Case
    from stepsaga.testing.matrix import Court, Report
    from stepsaga.testing.trial import Trial
    from stepsaga.testing.ways import Way

EXAMPLES: Final = "examples"
"""The project's folder of inputs."""
SHOWN: Final = 3
"""Runs that are told in full."""
ONLY_HELP: Final = (
    "Run one case alone, and show it: STATE=KIND as `stepsaga run --fail` has it, or STEP=MANNER"
    " for a question ('review=not answered'). What a counterexample names is written like this."
)
INPUT_HELP: Final = (
    "An input, JSON; several can be given. By default inputs are made up from the model so that"
    " every way of a choice is taken; for real handlers they are those in ./examples that fit."
)


class Handlers(StrEnum):
    """Whose handlers are called."""

    STUB = "stub"
    REAL = "real"


def verify(  # noqa: PLR0913  # a command's options
    saga: Annotated[
        str | None, typer.Argument(help="One saga; all of them where none is named.")
    ] = None,
    *,
    handlers: Annotated[
        Handlers,
        typer.Option(help="Stubs that keep a ledger, or the project's own, on local tables."),
    ] = Handlers.STUB,
    input_files: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="FILE", help=INPUT_HELP, show_default=False),
    ] = None,
    pairs: Annotated[
        bool | None,
        typer.Option(
            "--pairs/--no-pairs",
            help="Every pair of faults, too; by default with stubs, of sagas of up to 5 steps.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="STATE=KIND", help=ONLY_HELP, show_default=False)
    ] = None,
    way: Annotated[
        str | None,
        typer.Option(help="One way through the saga alone, by its name.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the pauses between retries.")] = 0,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write JUnit XML there.", show_default=False),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Processes; by default one a core."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Try everything that can go wrong in a saga, without a line of test code.

    Every fault of every Task, once and for good, with compensations that work, fail once, or fail
    for good, and every pair of faults of short sagas. After each run the laws are looked at: the
    saga has one of its three endings, what was undone has left nothing, the log tells what has
    happened. What was stuck is mended and redriven, and then has to end.

    Exits with 0 when every law held, with 1 when one was broken.
    """
    project = Project(Path.cwd(), own=handlers is Handlers.REAL, seed=seed)
    given = {Path(file).stem: read_input(file) for file in input_files or []}
    if only and saga is None:
        raise UsageError("--only runs one case of one saga: name the saga, too")
    make_importable(project.root)
    with court_of(project) as court:
        found = find_sagas(project.root)
        sagas = [found.named(saga)] if saga is not None else list(found.sound())
        ways = {one: _chosen(_ways(court, one, given, project.root), way) for one in sagas}
        again = partial(_again, project, input_files or [])
        if only:
            one = sagas[0]
            raise typer.Exit(_one(court, one, ways[one], only, partial(again, one.__name__)))
        reports = _all(court, ways, project, pairs=pairs, jobs=jobs or os.cpu_count() or 1)
        for one, report in zip([] if as_json else sagas, reports, strict=False):
            _tell(court, one, ways[one], report, partial(again, report.saga))
    if as_json:
        print_json([report_json(r, partial(again, r.saga)) for r in reports])
    elif len(reports) > 1:
        say(f"  {in_all(reports)}")
    if junit is not None:
        _write(reports, junit, again)
    raise typer.Exit(PROBLEM if any(report.broken for report in reports) else FINE)


def _all(
    court: Court,
    ways: Mapping[type[Saga], Sequence[Way]],
    project: Project,
    *,
    pairs: bool | None,
    jobs: int,
) -> list[Report]:
    with Processes(project, jobs) if jobs > 1 else nullcontext() as processes:
        run_many = processes.run_many if processes is not None else court.run_many
        reports = []
        for saga, some in ways.items():
            with _progress(saga.__name__) as told:
                reports.append(explore(court, saga, some, run_many=run_many, both=pairs, told=told))
        return reports


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, where somebody looks at it."""
    columns = (TextColumn(f"{name:>20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    out = console(sys.stderr)
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task(name, total=None)

        def told(done: int, known: int) -> None:
            progress.update(task, completed=done, total=known)

        yield told


def _tell(
    court: Court,
    saga: type[Saga],
    ways: Sequence[Way],
    report: Report,
    again: Callable[[Case], str],
) -> None:
    console().print(table(report))
    say("", *(f"  {line}" for line in summary(report)))
    if court.own is not None and court.own.stands is None:
        say("  effects were not looked at: tools/local.py has no function stands(dynamodb)")
    say("")
    by_name = {way.name: way for way in ways}
    for verdict in report.broken[:SHOWN]:
        _show(court, saga, court.run(saga, verdict.case, by_name[verdict.case.way]), again)
    if len(report.broken) > SHOWN:
        more = len(report.broken) - SHOWN
        say(f"  and {more:,} more runs break a law: --junit FILE or --json lists them")


def _write(reports: Sequence[Report], path: Path, again: Callable[[str, Case], str]) -> None:
    try:
        write_junit(reports, path, again)
    except OSError as error:
        raise UsageError(f"--junit: {path} cannot be written: {error.strerror}") from error


def _one(
    court: Court,
    saga: type[Saga],
    ways: Sequence[Way],
    only: Sequence[str],
    again: Callable[[Case], str],
) -> int:
    """Run one case, and show what happened."""
    trial = court.run(saga, parse_case(ways[0].name, only, "--only"), ways[0])
    _show(court, saga, trial, again)
    for state in trial.verdict.idle:
        complain(f"the fault on {state!r} never struck: the saga did not get there")
    if not trial.verdict.broken:
        say("  every law holds")
    return PROBLEM if trial.verdict.broken else FINE


def _show(court: Court, saga: type[Saga], trial: Trial, again: Callable[[Case], str]) -> None:
    console().print(counterexample(court.bench(saga).compiled, trial))
    say("", f"  {again(trial.verdict.case)}", "")


def _ways(court: Court, saga: type[Saga], given: Mapping[str, Any], root: Path) -> list[Way]:
    """The ways to try: stubs do not look at an input, so it may be made up as it is needed.

    Raises:
        UsageError: No input that is given fits the saga, or none can be made up.
    """
    if given:
        ways = court.ways(saga, given)
        if ways[0].name not in given:
            raise UsageError(
                f"--input: {', '.join(given)} does not fit the input of {saga.__name__}"
            )
        return ways
    if court.own is None:
        try:
            return court.ways(saga, {})
        except NoSampleError:
            pass  # an example may do
    return court.ways(saga, _examples(root))


def _chosen(ways: Sequence[Way], name: str | None) -> list[Way]:
    if name is None:
        return list(ways)
    found = [way for way in ways if way.name == name]
    if not found:
        known = ", ".join(repr(way.name) for way in ways)
        raise UsageError(f"--way {name!r} is no way through the saga; there are: {known}")
    return found


def _examples(root: Path) -> dict[str, Any]:
    """What stands in the project's examples as JSON, by the files' names."""
    found = {}
    for file in sorted((root / EXAMPLES).glob("*.json")):
        try:
            found[file.stem] = json.loads(file.read_text(encoding="utf-8-sig"))
        except ValueError:
            continue  # an example of something else: whoever names it with --input hears of it
    return found


def _again(project: Project, inputs: Sequence[str], saga: str, case: Case) -> str:
    """What runs a case of a saga again."""
    options = [word for file in inputs for word in ("--input", file)]
    if project.own:
        options += ["--handlers", Handlers.REAL.value]
    return command(saga, case, [*options, "--seed", str(project.seed)])
