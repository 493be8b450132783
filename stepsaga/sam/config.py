"""``samconfig.toml``: what the environments ask for, compared with what is built and deployed."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stepsaga.sam.application import Application

FILE: Final = "samconfig.toml"
LONGEST_NAME: Final = 80
"""Characters of a state machine's name.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
LONGEST_STACK: Final = 40
"""Characters of the stacks that we name: it leaves as many for the saga."""
SCAFFOLD: Final = """\
# How `sam` builds and deploys. https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
version = 0.1

# For nobody's account: a `sam deploy` without --config-env finds no such profile, and ends. Sagas
# run on this machine without being deployed, on the simulator; where an emulator is to be deployed
# to, give it this profile.
[default.global.parameters]
stack_name = "$name-local"
[default.build.parameters]
build_in_source = true
[default.deploy.parameters]
profile = "stepsaga-local"
region = "eu-central-1"
resolve_s3 = true
capabilities = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
confirm_changeset = false
fail_on_empty_changeset = false
parameter_overrides = "Stage=local"

[dev.global.parameters]
stack_name = "$name-dev"
[dev.build.parameters]
build_in_source = true
[dev.deploy.parameters]
resolve_s3 = true
capabilities = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
confirm_changeset = false
fail_on_empty_changeset = false
parameter_overrides = "Stage=dev LogRetentionDays=7"

[prod.global.parameters]
stack_name = "$name-prod"
[prod.build.parameters]
build_in_source = true
[prod.deploy.parameters]
resolve_s3 = true
capabilities = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
confirm_changeset = true
fail_on_empty_changeset = false
parameter_overrides = "Stage=prod LogRetentionDays=90"
"""

# ParameterKey=Stage,ParameterValue=prod, as CloudFormation writes it; SAM takes both forms.
_LONG: Final = re.compile(r"ParameterKey=([^,]+),ParameterValue=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment: its stack, and the parameters that it gives the template.

    ``built`` are the parameters that ``sam build`` gets, ``parameters`` those of ``sam deploy``.
    """

    name: str
    stack: str
    parameters: Mapping[str, str]
    region: str = ""
    profile: str = ""
    built: Mapping[str, str] | None = None


def scaffold(folder: str) -> str:
    """A ``samconfig.toml`` for a project in a folder of that name, which names its stacks."""
    name = re.sub(r"[^a-zA-Z0-9]+", "-", folder).strip("-")[:LONGEST_STACK].strip("-")
    if not name[:1].isalpha():
        name = f"sagas-{name}".strip("-")
    return Template(SCAFFOLD).substitute(name=name)


def environments(root: Path) -> tuple[Environment, ...]:
    """The environments of the project's ``samconfig.toml``; none where it has no such file.

    Raises:
        DeploymentError: It is no TOML, or not of the form that ``sam`` reads.
    """
    file = root / FILE
    if not file.is_file():
        return ()
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{FILE}: it is no TOML: {error}") from error
    return tuple(
        _environment(name, table) for name, table in content.items() if isinstance(table, dict)
    )


def environment(root: Path, name: str) -> Environment:
    """One environment.

    Raises:
        DeploymentError: There is none of that name; says which there are.
    """
    found = environments(root)
    for one in found:
        if one.name == name:
            return one
    there = ", ".join(one.name for one in found) or "none"
    raise DeploymentError(f"{FILE} has no environment {name!r}; there are: {there}")


def check_environments(root: Path, target: Mapping[str, str], application: Application) -> None:
    """Refuse what no environment could deploy as it is built.

    Args:
        root: The project.
        target: The defaults of the template's parameters that say what is built for.
        application: What is deployed.

    Raises:
        DeploymentError: An environment's parameters say another Python or architecture; a name
            would be too long.
    """
    for one in environments(root):
        for given, verb in ((one.built or {}, "builds"), (one.parameters, "deploys")):
            for name, default in target.items():
                asked = given.get(name, default)
                if asked != default:
                    raise DeploymentError(
                        f"{FILE}: [{one.name}] {verb} with {name}={asked}, and functions are built"
                        f" for {default}: change the Default of {name} in template.yaml instead"
                    )
        check_names(one, application)


def check_names(one: Environment, application: Application) -> None:
    """Refuse names that AWS would.

    Raises:
        DeploymentError: Names the saga, the stack and the limit.
    """
    for machine in application.machines:
        name = f"{one.stack}-{machine.saga}"
        if one.stack and len(name) > LONGEST_NAME:
            raise DeploymentError(
                f"{FILE}: [{one.name}]: the state machine of {machine.saga} would be called {name},"
                f" which has {len(name)} characters; Step Functions allows {LONGEST_NAME}: shorten"
                " stack_name or the saga's name"
            )


def _environment(name: str, table: Mapping[str, Any]) -> Environment:
    def option(key: str, command: str = "deploy") -> Any:
        found: Any = ""
        for part in ("global", command):
            found = _parameters(name, table, part).get(key, found)
        return found

    return Environment(
        name,
        str(option("stack_name")),
        _overrides(name, option("parameter_overrides")),
        str(option("region")),
        str(option("profile")),
        _overrides(name, option("parameter_overrides", "build")),
    )


def _parameters(name: str, table: Mapping[str, Any], command: str) -> Mapping[str, Any]:
    found = dict(table)
    for key in (command, "parameters"):
        inner = found.get(key, {})
        if not isinstance(inner, dict):
            raise DeploymentError(
                f"{FILE}: [{name}]: {key} must be a table: [{name}.{command}.parameters]"
            )
        found = inner
    return found


def _overrides(name: str, given: Any) -> dict[str, str]:
    """``"Stage=prod Key=x"``, a list of such, or a table, as SAM takes them."""
    if isinstance(given, dict):
        return {key: _text(value) for key, value in given.items()}
    found: dict[str, str] = {}
    for part in given if isinstance(given, list) else _words(name, str(given)):
        if isinstance(part, dict):
            found |= _overrides(name, part)
            continue
        long = _LONG.fullmatch(str(part))
        key, sign, value = (long[1], "=", long[2]) if long else str(part).partition("=")
        if not sign:
            raise DeploymentError(
                f"{FILE}: [{name}]: parameter_overrides: {part!r} is no Key=Value"
            )
        found[key] = _text(value)
    return found


def _words(name: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise DeploymentError(
            f"{FILE}: [{name}]: parameter_overrides: {text!r}: {error}"
        ) from error


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(_text, value))
    text = str(value)
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1] if quoted else text
