"""``stepsaga preflight``: what ``sam deploy`` would fail on, before it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import boto3
import typer
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from rich.text import Text

from stepsaga.cli.exits import PROBLEM
from stepsaga.cli.output import console, print_json, say
from stepsaga.cli.template import application_here
from stepsaga.engines.preflight.account import Account, check_account, refused
from stepsaga.engines.preflight.findings import State, problem, unknown
from stepsaga.engines.preflight.project import check_project, project_of
from stepsaga.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.engines.preflight.findings import Finding
    from stepsaga.engines.preflight.project import Project

STYLES: Final = {State.OK: "green", State.PROBLEM: "bold red", State.UNKNOWN: "yellow"}


def preflight(
    *,
    config_env: Annotated[
        str, typer.Option(metavar="NAME", help="The environment of samconfig.toml.")
    ] = "default",
    offline: Annotated[bool, typer.Option("--offline", help="Ask no account.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Say what `sam deploy` would fail on, naming the resource and the way out. Changes nothing.

    Looks at the project's files and the build, then at the account: at the stack, and at tables
    and machines that are there already. What it cannot look at is told as not known.
    """
    root = Path.cwd()
    found = _findings(root, config_env, offline=offline)
    bad = sum(one.state is State.PROBLEM for one in found)
    if as_json:
        print_json({"environment": config_env, "checks": [_json(one) for one in found]})
    else:
        _show(found)
        _sum_up(found, bad)
    if bad:
        raise typer.Exit(PROBLEM)


def _findings(root: Path, config_env: str, *, offline: bool) -> list[Finding]:
    application = application_here(root)
    try:
        project = project_of(root, application, config_env)
    except DeploymentError as error:
        return [problem("environment", str(error))]
    found = check_project(project)
    if project.is_local:
        text = "no account is asked: the local stage is deployed to an emulator"
        return [*found, unknown("account", text)]
    return found if offline else [*found, *_of_account(project)]


def _of_account(project: Project) -> list[Finding]:
    """What the account says that the environment's profile and Region, or the shell's, mean."""
    given = project.environment
    config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3})
    try:
        session = boto3.Session(
            profile_name=given.profile or None, region_name=given.region or None
        )
        region = session.region_name or ""
    except BotoCoreError as error:
        return [refused(project, error)]
    return check_account(
        Account(project, lambda service: session.client(service, config=config), region)
    )


def _show(found: Sequence[Finding]) -> None:
    """A line a check; where there is something to do, another one."""
    wide = max(len(one.check) for one in found)
    out = console()
    for one in found:
        line = Text.assemble(
            (f"{one.check:<{wide}}  ", "bold"),
            (f"{one.state.value:<9}", STYLES[one.state]),
            f"  {one.text}",
        )
        out.print(line, soft_wrap=True)
        if one.hint:
            out.print(Text.assemble(("    hint: ", "green"), one.hint), soft_wrap=True)


def _sum_up(found: Sequence[Finding], bad: int) -> None:
    open_questions = sum(one.state is State.UNKNOWN for one in found)
    count = "no problems" if not bad else "1 problem" if bad == 1 else f"{bad} problems"
    rest = f", {open_questions} not known" if open_questions else ""
    say(f"{count}{rest}", style="red" if bad else "green")


def _json(one: Finding) -> dict[str, Any]:
    return {"check": one.check, "state": one.state.value, "text": one.text, "hint": one.hint}
