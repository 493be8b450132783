"""The commands put together, and what becomes of errors.

Exit codes:

    0  done; of `run`: the saga completed
    1  a problem was found: in a definition, a stale file, a table, the project's own code; of
       `verify`: a law was broken
    2  the command was used wrongly
    3  of `run`, `wait` and `start --wait`: the saga was compensated, all that was done is undone
    4  of the same: the saga is stuck
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stepsaga.cli.answer import answer
from stepsaga.cli.build import build
from stepsaga.cli.cancel import cancel
from stepsaga.cli.check import check
from stepsaga.cli.compile import compile_sagas
from stepsaga.cli.diff import diff
from stepsaga.cli.exits import PROBLEM, USAGE
from stepsaga.cli.forward import forward
from stepsaga.cli.graph import graph
from stepsaga.cli.list import list_sagas
from stepsaga.cli.new import new
from stepsaga.cli.output import complain, say
from stepsaga.cli.preflight import preflight
from stepsaga.cli.prune import prune
from stepsaga.cli.redrive import redrive
from stepsaga.cli.release import release
from stepsaga.cli.replay_dead_letters import replay_dead_letters
from stepsaga.cli.resolve import resolve
from stepsaga.cli.run import run
from stepsaga.cli.show import show
from stepsaga.cli.start import start
from stepsaga.cli.status import status
from stepsaga.cli.stuck import stuck
from stepsaga.cli.template import template
from stepsaga.cli.undo import undo
from stepsaga.cli.verify import verify
from stepsaga.cli.wait import wait
from stepsaga.errors import AnswerInvalid, IdInvalid, InputInvalid, StepsagaError, UsageError


class Commands(TyperGroup):
    """The commands; what stepsaga raises on purpose is told in words, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command.

        Raises:
            typer.Exit: With the code of what went wrong.
        """
        try:
            return super().invoke(ctx)
        except (UsageError, IdInvalid, InputInvalid, AnswerInvalid) as error:
            complain(str(error))
            raise typer.Exit(USAGE) from error
        except StepsagaError as error:
            complain(str(error))
            raise typer.Exit(PROBLEM) from error


app = typer.Typer(
    cls=Commands,
    name="stepsaga",
    help="Sagas on AWS Step Functions: check, compile, run, start and explain them.",
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
app.command("template")(template)
app.command("diff")(diff)
app.command("release")(release)
app.command("build")(build)
app.command("graph")(graph)
app.command("run")(run)
app.command("verify")(verify)
app.command("show")(show)
app.command("preflight")(preflight)
app.command("prune")(prune)
app.command("start")(start)
app.command("answer")(answer)
app.command("cancel")(cancel)
app.command("status")(status)
app.command("wait")(wait)
app.command("list")(list_sagas)
app.command("stuck")(stuck)
app.command("redrive")(redrive)
app.command("replay-dead-letters")(replay_dead_letters)
app.command("resolve")(resolve)
app.command("undo")(undo)
app.command("forward")(forward)
app.command("new")(new)
