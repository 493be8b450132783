"""`stepsaga graph`: a saga drawn, with its compensations."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stepsaga.authoring import graph_of
from stepsaga.cli.discovery import find_sagas
from stepsaga.cli.output import say
from stepsaga.drawing.layout import layout
from stepsaga.drawing.mermaid import mermaid
from stepsaga.drawing.png import png
from stepsaga.drawing.svg import svg
from stepsaga.errors import UsageError

if TYPE_CHECKING:
    from stepsaga.graph import SagaGraph


class Format(StrEnum):
    """What a saga can be drawn as."""

    MERMAID = "mermaid"
    SVG = "svg"
    PNG = "png"


ENDINGS: Final = {
    ".mmd": Format.MERMAID,
    ".mermaid": Format.MERMAID,
    ".svg": Format.SVG,
    ".png": Format.PNG,
}


def graph(
    saga: Annotated[str, typer.Argument(help="The saga's name.")],
    *,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="What to draw; else what the file's name ends in, or mermaid.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default=False)
    ] = None,
) -> None:
    """Draw a saga, the way back too: as a Mermaid flowchart, or as a picture."""
    wanted = format_ or _format_of(output)
    refuse_terminal(wanted, output, terminal=sys.stdout.isatty())
    drawn = draw(graph_of(find_sagas(Path.cwd()).named(saga)), wanted)
    if output is not None:
        _write(output, drawn)
    elif wanted is Format.PNG:
        sys.stdout.buffer.write(drawn)
    else:
        say(drawn.decode().rstrip())


def refuse_terminal(wanted: Format, output: Path | None, *, terminal: bool) -> None:
    """Write no picture where it would be shown as characters.

    Raises:
        UsageError: That was asked for.
    """
    if wanted is Format.PNG and output is None and terminal:
        raise UsageError("a PNG is nothing for a terminal: write --output FILE, or pipe it")


def draw(saga: SagaGraph, wanted: Format) -> bytes:
    """The content of a file with a saga's drawing."""
    match wanted:
        case Format.MERMAID:
            return mermaid(saga).encode()
        case Format.SVG:
            return svg(layout(saga)).encode()
        case Format.PNG:
            return png(layout(saga))


def _format_of(output: Path | None) -> Format:
    if output is None:
        return Format.MERMAID
    found = ENDINGS.get(output.suffix.lower())
    if found is None:
        raise UsageError(
            f"what is {output} to be? let its name end in {', '.join(ENDINGS)}, or write --format"
        )
    return found


def _write(output: Path, drawn: bytes) -> None:
    try:
        output.write_bytes(drawn)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    say(f"{'written':<10}{output}")
