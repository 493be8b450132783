"""`stepsaga check`: are the sagas sound?"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from stepsaga.asl import build
from stepsaga.asl.compiler import execution_seconds
from stepsaga.authoring import Saga, graph_of
from stepsaga.checks.payloads import Place, estimate
from stepsaga.cli.discovery import find_sagas
from stepsaga.cli.exits import PROBLEM
from stepsaga.cli.output import complain, console, print_json, say
from stepsaga.cli.words import for_people
from stepsaga.graph import steps_of
from stepsaga.limits import DOCUMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.checks.payloads import Estimate
    from stepsaga.cli.discovery import Broken
    from stepsaga.errors import Problem


def check(
    saga: Annotated[str | None, typer.Argument(help="One saga; all where none is named.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,  # noqa: FBT002  # typer's form
) -> None:
    """Check the sagas: every problem with its place and the way out."""
    found = find_sagas(Path.cwd())
    sagas, problems, broken = list(found.sagas), found.problems, found.broken
    if saga is not None:
        sagas = [one for one in sagas if one.__name__ == saga]
        problems = tuple(p for p in problems if p.subject.partition(".")[0] == saga)
        broken = () if sagas or problems else broken
        if not (sagas or problems or broken):
            found.named(saga)  # says which there are
    rows = [_row(one) for one in sagas]
    if as_json:
        print_json(
            {
                "sagas": rows,
                "problems": [_problem(p) for p in problems],
                "broken": [str(one) for one in broken],
            }
        )
    else:
        _show(rows)
        if saga is not None:
            for row in rows:
                _show_payloads(row["payloads"])
        _complain(problems, broken)
    if problems or broken:
        raise typer.Exit(PROBLEM)
    if not as_json:
        say("no problems", style="green")


def _row(saga: type[Saga]) -> dict[str, Any]:
    graph = graph_of(saga)
    compiled = build(graph)
    return {
        "saga": graph.name,
        "reference": graph.reference,
        "steps": sum(1 for _ in steps_of(graph.nodes)),
        "compensations": sum(1 for node in steps_of(graph.nodes) if node.compensation),
        "execution_seconds": execution_seconds(graph),
        "characters": len(compiled.text),
        "fingerprint": compiled.fingerprint,
        "payloads": _payloads(estimate(graph)),
    }


def _payloads(found: Estimate) -> dict[str, Any]:
    return {
        "limit": DOCUMENT_BYTES,
        "input": asdict(found.input),
        "document": found.document,
        "roomy_input": found.roomy_input,
        "results": [
            {
                "step": one.step,
                **asdict(one.size),
                "times": one.times,
                "place": one.place.value,
                "threshold": one.threshold,
            }
            for one in found.results
        ],
    }


def _show(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    table = Table(
        "saga", "steps", "undoable", "lasts at most", "definition", box=None, pad_edge=False
    )
    for row in rows:
        table.add_row(
            Text(row["saga"], style="bold"),
            str(row["steps"]),
            str(row["compensations"]),
            for_people(row["execution_seconds"]),
            f"{row['characters']:,} characters",
        )
    console().print(table)


def _show_payloads(found: dict[str, Any]) -> None:
    """What the models say about sizes, where the functions have a bucket."""
    table = Table("", "least bytes", "most", "how many", "goes to", box=None, pad_edge=False)
    table.add_row("input", *_sizes(found["input"]), "1", f"refused over {found['limit']:,}")
    for one in found["results"]:
        place = one["place"]
        if place == Place.EITHER:
            place = f"document; bucket over {one['threshold']:,}"
        table.add_row(Text(one["step"]), *_sizes(one), f"{one['times']:,}", place)
    console().print()
    console().print(table)
    worst = "no bound can be told" if found["document"] is None else f"{found['document']:,} bytes"
    say(f"input and results at worst: {worst}; more than {found['limit']:,} is refused")
    if found["roomy_input"] < found["input"]["least"]:
        say("maps have so many items that no input leaves room for all: lower most=", style="red")
    elif found["input"]["most"] is None or found["roomy_input"] < found["input"]["most"]:
        say(f"an input of up to {found['roomy_input']:,} bytes leaves room for all results")


def _sizes(size: dict[str, Any]) -> tuple[str, str]:
    return f"{size['least']:,}", "unbounded" if size["most"] is None else f"{size['most']:,}"


def _complain(problems: Sequence[Problem], broken: Sequence[Broken]) -> None:
    out = console(sys.stderr)
    for problem in problems:
        place = f"{problem.source}: " if problem.source else ""
        out.print(
            Text.assemble(
                (place, "dim"),
                (f"{problem.code} ", "bold red"),
                (f"{problem.subject}: ", "bold"),
                problem.text,
            ),
            soft_wrap=True,
        )
        out.print(Text.assemble(("    hint: ", "green"), problem.hint), soft_wrap=True)
    for one in broken:
        complain(str(one))
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        out.print(Text(f"{count}; docs/errors.md explains each code", style="dim"))


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "subject": problem.subject,
        "text": problem.text,
        "hint": problem.hint,
        "file": problem.source.file if problem.source else None,
        "line": problem.source.line if problem.source else None,
    }
