"""`stepsaga graph`: a saga drawn, with its compensations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.cli.discovery import find_sagas
from stepsaga.cli.mermaid import mermaid
from stepsaga.cli.output import say


def graph(saga: Annotated[str, typer.Argument(help="The saga's name.")]) -> None:
    """Draw a saga as a Mermaid flowchart: forward steps, doubt, and the way back."""
    compiled = build(graph_of(find_sagas(Path.cwd()).named(saga)))
    say(mermaid(compiled.definition).rstrip())
