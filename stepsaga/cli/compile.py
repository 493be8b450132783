"""`stepsaga compile`: the sagas as state machines, in ``statemachines/``, each with its release."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from stepsaga.asl import build
from stepsaga.asl.names import DEFINITIONS, ENDING, definition_file
from stepsaga.asl.text import render
from stepsaga.asl.undo import NAME, undo_definition
from stepsaga.authoring import graph_of
from stepsaga.cli.discovery import find_sagas
from stepsaga.cli.exits import PROBLEM
from stepsaga.cli.output import complain, console, say
from stepsaga.compat.places import ENDING as RELEASE
from stepsaga.compat.places import release_file
from stepsaga.compat.releases import release_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK: Final = '"fingerprint":"'
SHOWN: Final = 6


def compile_sagas(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; complain where a file is stale.")
    ] = False,
) -> None:
    """Compile every saga to Amazon States Language, and what undoes them all.

    Beside each its release, for `diff`.
    """
    folder = Path.cwd() / DEFINITIONS
    texts: dict[Path, str] = {}
    for saga in find_sagas(Path.cwd()).sound():
        graph = graph_of(saga)
        texts[Path.cwd() / definition_file(graph.name)] = build(graph).text
        texts[Path.cwd() / release_file(graph.name)] = text_of(release_of(graph))
    if texts:
        texts[Path.cwd() / definition_file(NAME)] = render(undo_definition())
    there = {*folder.glob(f"*{ENDING}"), *folder.glob(f"*{RELEASE}")}
    others = sorted(there - texts.keys())
    # Machines that were written by hand stay: only what we wrote carries a fingerprint.
    orphans = [path for path in others if MARK in (_read(path) or "")]
    if check:
        _compare(texts, orphans)
        return
    folder.mkdir(exist_ok=True)
    for path, text in texts.items():
        old = _read(path)
        if old != text:
            path.write_text(text, encoding="utf-8", newline="\n")
        word = "unchanged" if old == text else "written" if old is None else "updated"
        say(f"{word:<10}{_short(path)}")
    for path in orphans:
        path.unlink()
        say(f"removed   {_short(path)}: no saga has that name")


def _compare(texts: Mapping[Path, str], orphans: Sequence[Path]) -> None:
    stale = {path: old for path, text in texts.items() if (old := _read(path)) != text}
    for path, old in stale.items():
        complain(f"{_short(path)} is {'missing' if old is None else 'stale'}")
        if old is not None and path.name.endswith(ENDING):
            _show(differences(old, texts[path]))
    for path in orphans:
        complain(f"{_short(path)} belongs to no saga")
    if stale or orphans:
        complain("run `stepsaga compile`, and commit what it writes")
        raise typer.Exit(PROBLEM)
    say(f"{len(texts)} up to date", style="green")


def _show(lines: Sequence[str]) -> None:
    rest = len(lines) - SHOWN
    shown = [*lines[:SHOWN], *([f"and {rest} more"] if rest > 0 else [])]
    for line in shown:
        console(sys.stderr).print(Text(f"    {line}", style="dim"), soft_wrap=True)


def differences(old: str, new: str) -> list[str]:
    """What a generated file should have otherwise, a line for each state that differs."""
    try:
        before = json.loads(old)
        states = dict(before["States"])
    except (ValueError, LookupError, TypeError):
        return ["it is no state machine"]
    after = json.loads(new)
    lines = [f"{name}: is to go" for name in states if name not in after["States"]]
    for name, state in after["States"].items():
        if name not in states:
            lines.append(f"{name}: is new")
        elif _bare(states[name]) != _bare(state):
            lines.append(f"{name}: is another")
    lines += [f"{key}: is another" for key in after if _differs(key, before, after)]
    if lines:
        return lines
    # The fingerprint stands in every call, and takes in what no state shows.
    return ["only the layout" if before == after else "only the fingerprint: a model, a wiring"]


def _differs(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return key != "States" and (key not in before or before[key] != after[key])


def _bare(state: Any) -> Any:
    """A state without the fingerprint, which differs in all of them when anything does."""
    if isinstance(state, dict):
        return {key: None if key == "fingerprint" else _bare(value) for key, value in state.items()}
    if isinstance(state, list):
        return [_bare(value) for value in state]
    return state


def _read(path: Path) -> str | None:
    # Bytes, so that an editor's line ends are seen, and a file that is no text is merely stale.
    return path.read_bytes().decode("utf-8", "replace") if path.exists() else None


def _short(path: Path) -> str:
    return f"{DEFINITIONS}/{path.name}"
