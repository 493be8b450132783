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

from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from stepsaga.cli.exits import PROBLEM, USAGE
from stepsaga.cli.output import complain, say
from stepsaga.errors import AnswerInvalid, IdInvalid, InputInvalid, StepsagaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Final[Mapping[str, str]] = {
    "check": "check:check",
    "compile": "compile:compile_sagas",
    "template": "template:template",
    "diff": "diff:diff",
    "release": "release:release",
    "build": "build:build",
    "graph": "graph:graph",
    "run": "run:run",
    "verify": "verify:verify",
    "show": "show:show",
    "event": "event:event",
    "preflight": "preflight:preflight",
    "prune": "prune:prune",
    "start": "start:start",
    "answer": "answer:answer",
    "cancel": "cancel:cancel",
    "status": "status:status",
    "wait": "wait:wait",
    "list": "list:list_sagas",
    "stuck": "stuck:stuck",
    "redrive": "redrive:redrive",
    "replay-dead-letters": "replay_dead_letters:replay_dead_letters",
    "resolve": "resolve:resolve",
    "undo": "undo:undo",
    "forward": "forward:forward",
    "new": "new:new",
}
"""Each command's module and function, by its name. One is imported when it is asked for: to import
what all of them need takes longer than most of them do."""


class Commands(TyperGroup):
    """The commands; what stepsaga raises on purpose is told in words, without a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order in which they are told."""
        del ctx
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is meant; what is nearly a command's name is answered with that."""
        if args[0] not in COMMANDS and (near := get_close_matches(args[0], COMMANDS)):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name; None where there is none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cmd_name)(getattr(import_module(f"stepsaga.cli.{module}"), function))
        return get_command(alone)

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
