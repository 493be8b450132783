"""`stepsaga new`: a project of one's own, with a saga that works."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution, version
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stepsaga.cli.output import say
from stepsaga.errors import EngineError, UsageError
from stepsaga.sam.template import SCAFFOLD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

SUFFIX: Final = ".tmpl"
HIDDEN: Final = {"gitignore": ".gitignore"}
"""Names that a package's data cannot have."""


def new(name: Annotated[str, typer.Argument(help="The new folder.")]) -> None:
    """Write a project: a saga, its handlers, its tests, its template, and a Makefile."""
    target = Path(name)
    if target.exists():
        raise UsageError(f"{name} is there already; give a name that is not")
    if not target.name.replace("-", "_").isidentifier():
        raise UsageError(f"{target.name!r} is no name for a project; use letters, digits, - and _")
    for path, text in project(target.name, requirement()):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text)
    for command in ("compile", "template"):
        _generate(target, command)
    say(f"written {target}", "", f"  cd {target}", "  make test", "  make run")


def requirement() -> str:
    """What a new project installs: this release, or the folder from which it was installed here."""
    origin = json.loads(distribution("stepsaga").read_text("direct_url.json") or "{}")
    if "dir_info" in origin:
        return f"stepsaga[test] @ {origin['url']}"
    return f"stepsaga[test]=={version('stepsaga')}"


def project(name: str, needs: str) -> Iterator[tuple[Path, str]]:
    """The files of a new project, by their path below its folder."""
    for path, entry in sorted(_walk(files("stepsaga.cli") / "project", Path())):
        text = Template(entry.read_text()).substitute(
            name=name, requirement=needs, scaffold=SCAFFOLD
        )
        plain = path.name.removesuffix(SUFFIX)
        yield path.with_name(HIDDEN.get(plain, plain)), text


def _walk(folder: Traversable, below: Path) -> Iterator[tuple[Path, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, below / entry.name)
        elif entry.name.endswith(SUFFIX):
            yield below / entry.name, entry


def _generate(target: Path, what: str) -> None:
    # In a process of its own: the project's packages are called as those of another one may be.
    command = [sys.executable, "-m", "stepsaga.cli", what]
    done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)  # noqa: S603  # our own command
    if done.returncode:
        raise EngineError(f"`stepsaga {what}` fails in the new project: {done.stderr.strip()}")
