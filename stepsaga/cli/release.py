"""`stepsaga release`: what is deployed now, put where later releases are compared with it."""

from __future__ import annotations

from pathlib import Path

from stepsaga.asl.names import RELEASED
from stepsaga.authoring import graph_of
from stepsaga.cli.discovery import find_sagas
from stepsaga.cli.output import say
from stepsaga.compat.places import released_file
from stepsaga.compat.releases import release_of, text_of


def release() -> None:
    """Record every saga as it is: run it when you deploy for good, and commit what it writes.

    `stepsaga diff` compares the source with every release that is recorded. Nothing here is ever
    changed or removed by a command: delete a file when no saga of that release is open, and none
    will have to be undone.
    """
    root = Path.cwd()
    found = [release_of(graph_of(saga)) for saga in find_sagas(root).sound()]
    (root / RELEASED).mkdir(parents=True, exist_ok=True)
    for one in found:
        name = released_file(one)
        path = root / name
        word = "there" if path.exists() else "recorded"
        if not path.exists():
            path.write_text(text_of(one), encoding="utf-8", newline="\n")
        say(f"{word:<10}{name}")
