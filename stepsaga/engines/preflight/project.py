"""What the project's files say of a deployment: generated files, parameters, names, the build."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.names import DEFINITIONS, RELEASED
from stepsaga.engines.ministack.server import PROFILE as LOCAL_PROFILE
from stepsaga.engines.preflight.built import built
from stepsaga.engines.preflight.findings import fine, problem, unknown
from stepsaga.errors import DeploymentError
from stepsaga.sam.cfn import Tag, load
from stepsaga.sam.config import FILE as CONFIG
from stepsaga.sam.config import Environment, check_names, environment
from stepsaga.sam.template import FILE as TEMPLATE
from stepsaga.sam.template import build_target, check_fresh, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from stepsaga.engines.preflight.findings import Finding
    from stepsaga.sam.application import Application

LOCAL: Final = "local"
"""The stage on this machine."""
CAPABILITIES: Final = {
    "CAPABILITY_IAM": ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"),
    "CAPABILITY_AUTO_EXPAND": ("CAPABILITY_AUTO_EXPAND",),
}
"""What CloudFormation wants to be told for roles and for macros, and what says it."""
PROD: Final = "prod"
"""The stage whose sagas somebody counts on."""
BUCKETS: Final = ("resolve_s3", "s3_bucket")
LONGEST_FUNCTION: Final = 64
"""Characters of a function's name.
https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
_STACK: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"""


@dataclass(frozen=True, slots=True)
class Project:
    """What is to be deployed.

    Attributes:
        root: The project's folder.
        application: Its functions and machines.
        environment: One of its ``samconfig.toml``.
        options: What that says to ``sam deploy``.
    """

    root: Path
    application: Application
    environment: Environment
    options: Mapping[str, Any]

    @property
    def section(self) -> str:
        """Where the options stand: ``[dev.deploy.parameters] of samconfig.toml``."""
        return f"[{self.environment.name}.deploy.parameters] of {CONFIG}"

    @property
    def is_local(self) -> bool:
        """Whether it is the stage on this machine."""
        stage: str = self.environment.parameters.get("Stage", "")
        return stage == LOCAL


def project_of(root: Path, application: Application, config_env: str) -> Project:
    """A project with one of its environments.

    Raises:
        DeploymentError: There is no such environment, or ``samconfig.toml`` is no TOML.
    """
    found = environment(root, config_env)
    content = tomllib.loads((root / CONFIG).read_text(encoding="utf-8"))[config_env]
    options: dict[str, Any] = {}
    for command in ("global", "deploy"):
        options |= content.get(command, {}).get("parameters", {})
    return Project(root, application, found, options)


def check_project(project: Project) -> list[Finding]:
    """All that can be known without asking anybody."""
    return [finding for check in CHECKS for finding in check(project)]


def generated_files(project: Project) -> Iterator[Finding]:
    """The template and the definitions are what the sagas and handlers say."""
    try:
        check_fresh(project.root, project.application)
    except DeploymentError as error:
        yield problem("generated files", str(error))
    else:
        yield fine("generated files", f"{TEMPLATE} and {DEFINITIONS}/ are up to date")


def recorded(project: Project) -> Iterator[Finding]:
    """What goes to prod is recorded, so that later releases are compared with it."""
    if project.environment.parameters.get("Stage") != PROD:
        return
    known = {_fingerprint(path) for path in (project.root / RELEASED).glob("*.json")}
    lost = [one.saga for one in project.application.machines if one.fingerprint not in known]
    if lost:
        text = f"{', '.join(lost)} as it is now is not in {RELEASED}/"
        hint = "run `stepsaga release`, and commit: `stepsaga diff` compares with what is there"
        yield problem("releases", text, hint)
    else:
        yield fine("releases", f"what is deployed is in {RELEASED}/")


def _fingerprint(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("fingerprint")
    except (ValueError, AttributeError):
        return None  # `stepsaga diff` says what is wrong with it


def parameters(project: Project) -> Iterator[Finding]:
    """What the environment gives the template is what the template takes."""
    try:
        declared = parameters_of(project.root)
    except DeploymentError as error:
        yield problem("parameters", str(error))
        return
    given = project.environment.parameters
    found = [
        *(_undeclared(project, name, declared) for name in given if name not in declared),
        *(
            _absent(project, name, declaration)
            for name, declaration in declared.items()
            if name not in given and "Default" not in declaration
        ),
        *(
            _wrong(project, name, declared[name])
            for name, value in given.items()
            if name in declared and not _fits(value, declared[name])
        ),
    ]
    yield from found or [fine("parameters", f"{len(given)} of {len(declared)} are given")]


def target(project: Project) -> Iterator[Finding]:
    """Functions run on the Python and the architecture that they are built for."""
    if project.is_local:
        yield fine("target", "the local stage runs on this interpreter")
        return
    try:
        wanted = build_target(parameters_of(project.root))
    except DeploymentError as error:
        yield problem("target", str(error))
        return
    given = project.environment
    others = [
        (verb, name, asked)
        for verb, values in (("builds", given.built or {}), ("deploys", given.parameters))
        for name, default in wanted.items()
        if (asked := values.get(name, default)) != default
    ]
    for verb, name, asked in others:
        yield problem(
            "target",
            f"{CONFIG}: [{given.name}] {verb} with {name}={asked}, and functions are built for"
            f" {wanted[name]}",
            f"change the Default of {name} in {TEMPLATE} instead",
        )
    if not others:
        yield fine("target", f"{wanted['PythonVersion']} on {wanted['Architecture']}")


def names(project: Project) -> Iterator[Finding]:
    """No name is longer than AWS allows."""
    stack = project.environment.stack
    if not _STACK.fullmatch(stack):
        yield problem(
            "names",
            f"{project.section}: stack_name {stack!r} is no name for a stack",
            "write a letter, then letters, digits and hyphens, 128 characters at most",
        )
        return
    found = []
    try:
        check_names(project.environment, project.application)
    except DeploymentError as error:
        found.append(problem("names", str(error)))
    found += [
        problem(
            "names",
            f"{TEMPLATE}: the function {logical} would be called {name}, which has {len(name)}"
            f" characters; Lambda allows {LONGEST_FUNCTION}",
            "shorten stack_name or its FunctionName, or leave FunctionName out",
        )
        for logical, name in _function_names(project)
        if len(name) > LONGEST_FUNCTION
    ]
    yield from found or [fine("names", f"all fit, with the stack called {stack}")]


def build(project: Project) -> Iterator[Finding]:
    """What ``sam build`` made is what would be built now."""
    if project.is_local:
        yield unknown("build", "not looked at: the local stage is built when it is deployed")
        return
    place = str(project.options.get("template_file", ".aws-sam/build/template.yaml"))
    try:
        wanted = build_target(parameters_of(project.root))
        text = (project.root / TEMPLATE).read_text(encoding="utf-8")
        yield from built(project.root, project.application, place, load(text), wanted)
    except DeploymentError as error:
        yield problem("build", str(error))


def deploy_options(project: Project) -> Iterator[Finding]:
    """``sam deploy`` has a bucket, and says that it may make roles and expand macros."""
    given = project.options.get("capabilities", ())
    listed = given.split() if isinstance(given, str) else list(given)
    lacking = [name for name, any_of in CAPABILITIES.items() if not {*any_of} & {*listed}]
    if lacking:
        yield problem(
            "deploy options",
            f"{project.section}: capabilities lack {' and '.join(lacking)}: CloudFormation refuses",
            f'write capabilities = "{" ".join(CAPABILITIES)}"',
        )
    bucket = any(project.options.get(name) for name in BUCKETS)
    if not bucket:
        yield problem(
            "deploy options",
            f"{project.section}: neither {' nor '.join(BUCKETS)} is set: sam has no place for code",
            "write resolve_s3 = true",
        )
    if bucket and not lacking:
        yield fine("deploy options", "capabilities and a bucket for the code are set")


def local_stage(project: Project) -> Iterator[Finding]:
    """The local stage goes to no account, and no other stage goes to this machine."""
    profile = project.environment.profile
    if project.is_local and profile != LOCAL_PROFILE:
        yield problem(
            "stage",
            f"{project.section}: Stage=local would be deployed with the profile {profile!r}: into"
            " an account, where its code cannot run",
            f'write profile = "{LOCAL_PROFILE}", or Stage=dev',
        )
    elif profile == LOCAL_PROFILE and not project.is_local:
        yield problem(
            "stage",
            f"{project.section}: the profile {LOCAL_PROFILE} is for Stage=local, and exists only"
            " while an emulator runs",
            "take profile out, or name one of yours",
        )
    else:
        yield fine("stage", project.environment.parameters.get("Stage", "the template's default"))


CHECKS: Final[tuple[Callable[[Project], Iterator[Finding]], ...]] = (
    generated_files,
    recorded,
    local_stage,
    parameters,
    target,
    names,
    deploy_options,
    build,
)


def _undeclared(project: Project, name: str, declared: Mapping[str, Any]) -> Finding:
    close = get_close_matches(name, declared, n=1)
    return problem(
        "parameters",
        f"{project.section} gives {name}, which {TEMPLATE} does not declare: sam would leave it out"
        " without a word",
        f"did you mean {close[0]}?" if close else "declare it, or take it out",
    )


def _absent(project: Project, name: str, declaration: Mapping[str, Any]) -> Finding:
    allowed = _listed(declaration)
    return problem(
        "parameters",
        f"{project.section} gives no {name}, and {TEMPLATE} has no Default for it",
        f"add {name}=... to parameter_overrides" + (f": one of {allowed}" if allowed else ""),
    )


def _wrong(project: Project, name: str, declaration: Mapping[str, Any]) -> Finding:
    hidden = str(declaration.get("NoEcho", "")).lower() == "true"
    value = "***" if hidden else project.environment.parameters[name]
    allowed = "" if hidden else _listed(declaration)
    return problem(
        "parameters",
        f"{project.section}: {name}={value} is none of the values that {TEMPLATE} allows",
        f"one of {allowed}" if allowed else f"see {name} in {TEMPLATE}",
    )


def _fits(value: str, declaration: Mapping[str, Any]) -> bool:
    if declaration.get("Type") == "Number" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        return False
    allowed = declaration.get("AllowedValues")
    return not allowed or value in {str(one) for one in allowed}


def _listed(declaration: Mapping[str, Any]) -> str:
    return ", ".join(str(one) for one in declaration.get("AllowedValues") or ())


def _function_names(project: Project) -> Iterator[tuple[str, str]]:
    """The functions that are given a name, as far as it can be known before deploying."""
    file = project.root / TEMPLATE
    content = load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    known = {**project.environment.parameters, "AWS::StackName": project.environment.stack}
    for logical, resource in (content.get("Resources") or {}).items():
        if resource["Type"] not in ("AWS::Lambda::Function", "AWS::Serverless::Function"):
            continue
        name = (resource.get("Properties") or {}).get("FunctionName")
        if isinstance(name, Tag) and name.name == "Sub" and isinstance(name.value, str):
            name = re.sub(r"\$\{([^}]*)\}", lambda m: known.get(m[1], ""), name.value)
        if isinstance(name, str):
            yield logical, name
