"""The commands put together, and what becomes of errors.

Exit codes:

    0  done; of `run`: the saga completed
    1  a problem was found: in a definition, a stale file, a table, the project's own code
    2  the command was used wrongly
    3  of `run`: the saga was compensated, all that was done is undone
    4  of `run`: the saga is stuck
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stepsaga.cli.check import check
from stepsaga.cli.compile import compile_sagas
from stepsaga.cli.exits import PROBLEM, USAGE
from stepsaga.cli.graph import graph
from stepsaga.cli.new import new
from stepsaga.cli.output import complain, say
from stepsaga.cli.run import run
from stepsaga.cli.show import show
from stepsaga.errors import StepsagaError, UsageError


class Commands(TyperGroup):
    """The commands; what stepsaga raises on purpose is told in words, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command.

        Raises:
            typer.Exit: With the code of what went wrong.
        """
        try:
            return super().invoke(ctx)
        except UsageError as error:
            complain(str(error))
            raise typer.Exit(USAGE) from error
        except StepsagaError as error:
            complain(str(error))
            raise typer.Exit(PROBLEM) from error


app = typer.Typer(
    cls=Commands,
    name="stepsaga",
    help="Sagas on AWS Step Functions: check, compile, look at, run and explain them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain text, which can be piped and read aloud
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"stepsaga {version('stepsaga')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which it is.")
    ] = False,
) -> None:
    pass


app.command("check")(check)
app.command("compile")(compile_sagas)
app.command("graph")(graph)
app.command("run")(run)
app.command("show")(show)
app.command("new")(new)
