"""`stepsaga template`: the generated parts of ``template.yaml``, and what is not there yet."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from stepsaga.authoring import graph_of
from stepsaga.cli.discovery import find_sagas
from stepsaga.cli.exits import PROBLEM
from stepsaga.cli.output import complain, console, say
from stepsaga.sam import config
from stepsaga.sam.application import Application, application_of
from stepsaga.sam.template import FILE, SCAFFOLD, render, text_of

SHOWN: Final = 12


def template(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; complain where the file is stale.")
    ] = False,
) -> None:
    """Generate functions, machines, rights and alarms in template.yaml; the rest stays as it is.

    Where there is no samconfig.toml, one is written too; after that it is yours.
    """
    root = Path.cwd()
    application = application_here(root)
    old = text_of(root)
    if check:
        _compare(old, render(root, application))
        return
    if old is None:
        # Written before anything can be wrong with it: what is missing is to be added there.
        (root / FILE).write_bytes(SCAFFOLD.encode())
    text = render(root, application)
    if old != text:
        (root / FILE).write_bytes(text.encode())
    word = "unchanged" if old == text else "written" if old is None else "updated"
    say(f"{word:<10}{FILE}")
    _configure(root)


def application_here(root: Path) -> Application:
    """What the project deploys."""
    return application_of(root, [graph_of(saga) for saga in find_sagas(root).sound()])


def _configure(root: Path) -> None:
    file = root / config.FILE
    if not file.exists():
        file.write_text(config.scaffold(root.name), encoding="utf-8", newline="\n")
        say(f"{'written':<10}{config.FILE}")


def _compare(old: str | None, text: str) -> None:
    if old == text:
        say(f"{FILE} is up to date", style="green")
        return
    complain(f"{FILE} is {'missing' if old is None else 'stale'}")
    lines = difflib.unified_diff((old or "").splitlines(), text.splitlines(), lineterm="", n=0)
    changed = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    rest = len(changed) - SHOWN
    shown = [*changed[:SHOWN], *([f"and {rest} lines more"] if rest > 0 else [])]
    for line in shown if old is not None else ():
        console(sys.stderr).print(Text(f"    {line}", style="dim"), soft_wrap=True)
    complain("run `stepsaga template`, and commit what it writes")
    raise typer.Exit(PROBLEM)
