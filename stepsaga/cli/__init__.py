"""The command line: ``stepsaga``. One thin module a command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command; end the process with its exit code."""
    try:
        from stepsaga.cli.app import app  # noqa: PLC0415  # typer is an extra
    except ModuleNotFoundError as error:
        if error.name in {"typer", "rich"}:
            sys.exit('error: the command line needs more: pip install "stepsaga[cli]"')
        raise
    app()
