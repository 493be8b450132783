"""``stepsaga prune``: delete versions of functions that nothing names any more."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from stepsaga.cli.deployed import (  # typer reads the annotations
    EndpointOption,  # noqa: TC001  # as above
    StackOption,  # noqa: TC001  # as above
)
from stepsaga.cli.exits import PROBLEM
from stepsaga.cli.output import complain, console, print_json, say
from stepsaga.cli.values import one_line
from stepsaga.cli.words import for_people
from stepsaga.client.stack import VARIABLE, clients_of, read_stack
from stepsaga.engines.versions import KEEP, Clients, delete, read_plan
from stepsaga.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stepsaga.engines.machine_uses import Leftover
    from stepsaga.engines.versions import Deletion, Plan, Version


def prune(  # noqa: PLR0913  # a command's options
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only show.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
    keep: Annotated[
        int, typer.Option(min=0, help="How many of the newest to keep besides the live one.")
    ] = KEEP,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Delete the published versions of a stack's functions that nothing names any more.

    Kept are those that an alias, a machine's definition or an open execution names, the newest,
    and whatever is younger than an hour. An execution that failed less than 14 days ago is open:
    it can be redriven. Machines are never deleted; those that can be are named.
    """
    if not stack:
        raise UsageError(f"which stack? Name it with --stack, or set {VARIABLE}")
    asks = sys.stdin.isatty() and not yes
    if not (dry_run or yes or asks):
        raise UsageError("nobody is there to be asked: give --yes to delete, or -n only to show")
    client = clients_of(stack, endpoint_url)
    read_stack(client("cloudformation"), stack)
    session = Pruning(
        Clients(client("cloudformation"), client("lambda"), client("stepfunctions")),
        stack,
        keep=keep,
        dry_run=dry_run,
        as_json=as_json,
        ask=_ask if asks else None,
    )
    session.run()


def _ask(question: str) -> bool:
    return typer.confirm(question, err=True)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Pruning:
    """One run of the command.

    Attributes:
        clients: The services.
        stack: The stack's name.
        keep: How many of the newest versions stay.
        dry_run: Whether nothing is deleted.
        as_json: Whether a machine reads it.
        ask: Asks whether to delete; None where that is not asked.
        now: The time.
    """

    clients: Clients
    stack: str
    keep: int = KEEP
    dry_run: bool = False
    as_json: bool = False
    ask: Callable[[str], bool] | None = None
    now: Callable[[], datetime] = field(default=_now)

    def run(self) -> None:
        """Read, show, ask, and delete.

        Raises:
            typer.Exit: Something could not be deleted, or was not to be after all.
        """
        plan = self._read()
        if not self.as_json:
            self._show(plan)
        if not plan.unused or self.dry_run:
            self._end(plan, None)
            return
        if self.ask is not None:
            if not self.ask(f"delete {_counted(plan.unused)}?"):
                complain("nothing was deleted")
                raise typer.Exit(PROBLEM)
            # While the question stood there, somebody may have redriven or deployed something.
            plan = plan.agreed(self._read())
        done = list(self._progress(delete(self.clients.functions, plan)))
        self._end(plan, done)
        if any(one.error for one in done):
            raise typer.Exit(PROBLEM)

    def _read(self) -> Plan:
        return read_plan(self.clients, self.stack, now=self.now, keep=self.keep)

    def _progress(self, deletions: Iterable[Deletion]) -> Iterable[Deletion]:
        for one in deletions:
            if one.error:
                complain(f"{_name(one.version)} was not deleted: {one.error}")
            elif not self.as_json:
                say(f"deleted {_name(one.version)}")
            yield one

    def _show(self, plan: Plan) -> None:
        by_function: dict[str, list[Version]] = {}
        for one in plan.versions:
            by_function.setdefault(one.function, []).append(one)
        for function, versions in by_function.items():
            say(function, style="bold")
            console().print(self._table(versions))
        for leftover in plan.leftovers:
            say(f"can be deleted: {leftover.what}", f"    {leftover.command}")

    def _table(self, versions: Sequence[Version]) -> Table:
        table = Table("version", "age", "description", "", box=None, pad_edge=False)
        for one in versions:
            what = Text(", ".join(one.uses)) if one.uses else Text("delete", style="red")
            table.add_row(one.number, self._age(one), Text(one_line(one.description, 28)), what)
        return table

    def _age(self, version: Version) -> str:
        if version.published is None:
            return "?"
        return for_people(max(0, int((self.now() - version.published).total_seconds())))

    def _end(self, plan: Plan, done: Sequence[Deletion] | None) -> None:
        if self.as_json:
            print_json(_json(plan, done))
        elif not plan.unused:
            say("nothing to delete", style="green")
        elif done is None:
            say(f"would delete {_counted(plan.unused)}", style="dim")
        else:
            say(f"deleted {_counted([one for one in done if not one.error])}", style="green")


def _json(plan: Plan, done: Sequence[Deletion] | None) -> dict[str, Any]:
    became = {one.version.key: one.error for one in done or ()}
    return {
        "stack": plan.stack,
        "versions": [_version_json(one, became) for one in plan.versions],
        "leftovers": [_leftover_json(one) for one in plan.leftovers],
    }


def _version_json(one: Version, became: dict[tuple[str, str], str]) -> dict[str, Any]:
    return {
        "function": one.function,
        "version": one.number,
        "description": one.description,
        "published": None if one.published is None else one.published.astimezone(UTC).isoformat(),
        "uses": list(one.uses),
        "deleted": became.get(one.key) == "",
        "error": became.get(one.key) or None,
    }


def _leftover_json(one: Leftover) -> dict[str, Any]:
    return {"what": one.what, "command": one.command}


def _name(version: Version) -> str:
    return f"{version.function}:{version.number}"


def _counted(versions: Sequence[Any]) -> str:
    return "1 version" if len(versions) == 1 else f"{len(versions)} versions"
