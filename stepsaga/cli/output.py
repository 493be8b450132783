"""What people read: colours on a terminal, plain ASCII layout in a pipe, complaints to stderr."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from typing import TextIO

WIDTH: Final = 100
"""Of what goes into a pipe, unless ``COLUMNS`` says otherwise."""


def console(stream: TextIO | None = None) -> Console:
    """A console for a stream, by default stdout. Texts go out as they are: no markup, no emoji.

    rich itself leaves colours out where nobody would see them, and with ``NO_COLOR``.
    """
    stream = stream or sys.stdout
    # A character that the stream cannot take must not end a report.
    if reconfigure := getattr(stream, "reconfigure", None):
        reconfigure(errors="backslashreplace")
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def say(*lines: str, style: str = "") -> None:
    """Lines for whoever reads stdout. They are never broken: a pipe may want them whole."""
    out = console()
    for line in lines:
        out.print(Text(line, style=style), soft_wrap=True)


def complain(text: str) -> None:
    """Say on stderr what is wrong."""
    out = console(sys.stderr)
    out.print(Text.assemble(("error: ", "bold red"), text), soft_wrap=True)


def print_json(value: Any) -> None:
    """A value for a machine, on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
