"""`stepsaga diff`: what a new release means for sagas that are running, and for stored events."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from stepsaga.asl.names import RELEASED
from stepsaga.authoring import graph_of
from stepsaga.cli.discovery import find_sagas
from stepsaga.cli.exits import PROBLEM
from stepsaga.cli.output import complain, console, print_json, say
from stepsaga.compat.acknowledged import FILE, acknowledgements, reasons, stale, suggestion
from stepsaga.compat.code import Deployment, ReleasedCode, SourceCode
from stepsaga.compat.compare import compare
from stepsaga.compat.findings import Weight
from stepsaga.compat.places import committed, released
from stepsaga.compat.releases import release_of
from stepsaga.graph import walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.compat.acknowledged import Acknowledgement
    from stepsaga.compat.findings import Finding
    from stepsaga.compat.releases import Release
    from stepsaga.errors import Source
    from stepsaga.graph import SagaGraph

ACKNOWLEDGED: Final = "acknowledged"
MEANT: Final = (
    "mend it; or, once no saga of that release is open (`stepsaga list`) nor will have to be"
    " undone, say so in"
)
STYLES: Final = {"break": "bold red", "note": "yellow", ACKNOWLEDGED: "green"}


@dataclass(frozen=True)
class Told:
    """A finding, and what is known of it here.

    Attributes:
        finding: What was found.
        why: Why it is acknowledged; empty where it is not.
        source: Where its step stands, if it still does.
    """

    finding: Finding
    why: str
    source: Source | None

    @property
    def word(self) -> str:
        """What it is to whoever has to decide."""
        return ACKNOWLEDGED if self.why else self.finding.weight.value


def diff(
    old: Annotated[
        str | None,
        typer.Argument(help=f"A folder, or a revision of git; else all of {RELEASED}/."),
    ] = None,
    new: Annotated[
        str | None, typer.Argument(help="The same; else the source as it is here and now.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,  # noqa: FBT002  # typer's form
) -> None:
    """Say what a release means for running sagas and for stored events.

    A break is what would leave a saga stuck, or an event without a reader: mend it, or acknowledge
    it in statemachines/acknowledged.toml. The exit code is 1 while there is one that is not.
    """
    root = Path.cwd()
    deployment, graphs = _deployment(new, root)
    before = released(root) if old is None else committed(old, root)
    findings = compare(before, deployment)
    known = acknowledgements(root)
    told = [
        Told(one, "; ".join(reasons(one, known)), _source(one.subject, graphs)) for one in findings
    ]
    # What is acknowledged is so for what was released, whatever else is compared here.
    unfounded = stale(known, findings) if old is None else []
    if as_json:
        print_json(_json(before, told, unfounded))
    else:
        _show(before, told, unfounded)
    if unfounded or any(one.word == Weight.BREAK for one in told):
        raise typer.Exit(PROBLEM)


def _deployment(place: str | None, root: Path) -> tuple[Deployment, dict[str, SagaGraph]]:
    """The new side, and the graphs of its source if it is that."""
    if place is not None:
        releases = {one.saga: one for one in committed(place, root)}
        return Deployment(releases, ReleasedCode(releases.values())), {}
    graphs = {saga.__name__: graph_of(saga) for saga in find_sagas(root).sound()}
    releases = {name: release_of(graph) for name, graph in graphs.items()}
    return Deployment(releases, SourceCode()), graphs


def _source(subject: str, graphs: dict[str, SagaGraph]) -> Source | None:
    saga, _, name = subject.partition(".")
    if saga not in graphs:
        return None
    found = [node.source for node in walk(graphs[saga].nodes) if node.name == name]
    return found[0] if found else graphs[saga].source


def _show(
    before: Sequence[Release],
    told: Sequence[Told],
    unfounded: Sequence[tuple[Acknowledgement, str]],
) -> None:
    if not before:
        say(f"nothing is recorded in {RELEASED}/ yet: run `stepsaga release` when you deploy")
    for one in told:
        _show_one(one)
    for acknowledged, mark in unfounded:
        complain(
            f"{FILE} acknowledges {acknowledged.code} {acknowledged.subject} in {mark}, where it is"
            " not found: take it out"
        )
    breaks = [one.finding for one in told if one.word == Weight.BREAK]
    if breaks:
        say("", f"{MEANT} {FILE}, with the reason:", "")
        say(*"\n".join(map(suggestion, breaks)).splitlines(), style="dim")
    counts = [(word, sum(one.word == word for one in told)) for word in STYLES]
    counted = ", ".join(f"{number} {_plural(word, number)}" for word, number in counts if number)
    if before:
        summary = counted + "; docs/errors.md explains each code" if counted else "no difference"
        style = "red" if breaks else "green"
        say(f"compared with {_releases(before)}: {summary}", style=style)


def _show_one(told: Told) -> None:
    finding, out = told.finding, console()
    place = f"{told.source}: " if told.source else ""
    out.print(
        Text.assemble(
            (f"{told.word} ", STYLES[told.word]),
            (place, "dim"),
            (f"{finding.code} ", STYLES[told.word]),
            (f"{finding.subject}: ", "bold"),
            finding.text,
        ),
        soft_wrap=True,
    )
    out.print(
        Text(f"    for {finding.whom.value}, since {', '.join(finding.releases)}", style="dim"),
        soft_wrap=True,
    )
    label, text = ("why: ", told.why) if told.why else ("hint: ", finding.hint)
    if text:
        out.print(Text.assemble((f"    {label}", "green"), text), soft_wrap=True)


def _plural(word: str, number: int) -> str:
    return word if number == 1 or word == ACKNOWLEDGED else f"{word}s"


def _releases(before: Sequence[Release]) -> str:
    return "1 release" if len(before) == 1 else f"{len(before)} releases"


def _json(
    before: Sequence[Release],
    told: Sequence[Told],
    unfounded: Sequence[tuple[Acknowledgement, str]],
) -> dict[str, Any]:
    return {
        "releases": [
            {"saga": one.saga, "release": one.mark, "fingerprint": one.form["fingerprint"]}
            for one in before
        ],
        "findings": [
            {
                **asdict(one.finding),
                "acknowledged": one.why or None,
                "file": one.source.file if one.source else None,
                "line": one.source.line if one.source else None,
            }
            for one in told
        ],
        "stale": [
            {"code": one.code, "subject": one.subject, "release": mark} for one, mark in unfounded
        ],
    }
