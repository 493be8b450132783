"""The generated parts of ``template.yaml``, from an application and what stands beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.names import definition_file
from stepsaga.asl.text import render as definition_text
from stepsaga.asl.undo import NAME, undo_definition
from stepsaga.errors import DeploymentError
from stepsaga.sam import (
    alarms,
    approval_api,
    bucket,
    dead_letters,
    events,
    fit,
    following,
    functions,
    machines,
    recovery,
    starter,
    table,
)
from stepsaga.sam.around import around
from stepsaga.sam.cfn import Tag, ref
from stepsaga.sam.destinations import check_destinations
from stepsaga.sam.merge import Page
from stepsaga.sam.services import check_services

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stepsaga.sam.application import Application

FILE: Final = "template.yaml"
CONDITIONS: Final = {
    "IsProd": Tag("Equals", [ref("Stage"), "prod"]),
    "IsLocal": Tag("Equals", [ref("Stage"), "local"]),
    "HasKey": Tag("Not", [Tag("Equals", [ref("KeyArn"), ""])]),
}
"""What the generated resources depend on; somebody's own may, too."""

SCAFFOLD: Final = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Description: Sagas, their participants, and their events.

# This file is yours, but for what stands between the marks `stepsaga: generated`:
# `stepsaga template` rewrites that from sagas/ and handlers/, and leaves everything else as it is.

Parameters:
  Stage:
    Type: String
    AllowedValues: [local, dev, prod]
    Description: Where it runs. In prod the events and the machines outlive the stack.
  PythonVersion:
    # Functions are built for these two defaults: change them here, not when deploying.
    Type: String
    Default: python3.13
    AllowedValues: [python3.11, python3.12, python3.13, python3.14]
  Architecture:
    Type: String
    Default: arm64
    AllowedValues: [arm64, x86_64]
  LogRetentionDays:
    Type: Number
    Default: 30
    AllowedValues: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653]
  KeyArn:
    Type: String
    Default: ""
    Description: A KMS key for what events hold; without one AWS's own keys encrypt it.
"""


def render(root: Path, application: Application) -> str:
    """The whole text of ``template.yaml``: what is there, with its generated parts made anew.

    Its line ends are those of the file: write it as it is.

    Raises:
        DeploymentError: The file is not one that can be completed, lacks a parameter, or uses a
            name that a generated resource has; a participant speaks of a resource that is not
            there; there would be more resources than a stack can have.
    """
    page = Page(text_of(root) or SCAFFOLD, FILE)
    own = page.own()
    fit.check_parameters(FILE, own)
    generated = sections(root, application, own)
    fit.check_names(FILE, own, generated, application)
    check_destinations(FILE, own, application)
    events.check_buses(FILE, own, application)
    if application.starting:
        starter.check_triggers(FILE, own, application.starting)
    check_services(FILE, own, generated, application)
    fit.check_references(FILE, own, generated, application)
    fit.check_count(FILE, own, generated)
    return page.with_generated(generated)


def text_of(root: Path) -> str | None:
    """The project's template with its line ends as they are; None where it has none.

    Raises:
        DeploymentError: It cannot be read, or is no text.
    """
    file = root / FILE
    try:
        return file.read_bytes().decode("utf-8") if file.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{FILE} cannot be read: {error}") from error


def parameters_of(root: Path) -> dict[str, Any]:
    """The parameters that the project's template declares.

    Raises:
        DeploymentError: There is no template, or it is none.
    """
    text = text_of(root)
    if text is None:
        raise DeploymentError(f"there is no {FILE} here: `stepsaga template` writes one")
    parameters: dict[str, Any] = Page(text, FILE).own()["Parameters"]
    return parameters


def check_fresh(root: Path, application: Application) -> None:
    """Refuse to build what the files do not say: the template and the definitions are generated.

    Raises:
        DeploymentError: One is missing or stale.
    """
    wanted = [(one.file, "stepsaga compile", one.text) for one in application.machines]
    wanted.append((definition_file(NAME), "stepsaga compile", definition_text(undo_definition())))
    for name, command, text in [*wanted, (FILE, "stepsaga template", "")]:
        file = root / name
        if not file.is_file():
            raise DeploymentError(f"{name} is missing: run `{command}`, and build again")
        if file.read_bytes() != (text or render(root, application)).encode():
            raise DeploymentError(f"{name} is stale: run `{command}`, and build again")


def sections(
    root: Path, application: Application, own: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The generated content of each section, by logical id, beside what a template has already."""
    target = build_target(own["Parameters"])
    mark = functions.layer_digest(root, target)
    known = {**own, "Conditions": {**CONDITIONS, **own["Conditions"]}}
    resources: dict[str, Any] = {
        "EventTable": table.event_table(),
        functions.LAYER: functions.layer(target["Architecture"]),
    }
    parts = [
        bucket.event_bucket(),
        *(
            functions.participant(root, one, mark, around(root, one, known), events.more_of(one))
            for one in application.functions
        ),
        *(machines.saga(one) for one in application.machines),
        table.keep(application.machines),
        table.watch(application.machines),
        recovery.recovery(application),
        following.following(application),
        approval_api.approval_api(application.functions),
        alarms.alarms(application),
        events.events(application),
    ]
    if application.starting:
        parts.append(starter.starter(application.starting))
    if _has_dead_letters(application):
        parts.append(dead_letters.dead_letters())
    for part in parts:
        for name, resource in part.items():
            if name in resources:
                raise DeploymentError(
                    f"two generated resources would be called {name}: rename the saga, or the"
                    " module of handlers, that one of them is named after"
                )
            resources[name] = resource
    return {
        "Conditions": CONDITIONS,
        "Resources": resources,
        "Outputs": _outputs(application),
    }


def build_target(parameters: Mapping[str, Any]) -> dict[str, str]:
    """What functions are built for: the defaults of two parameters.

    Returns:
        ``{"PythonVersion": "python3.13", "Architecture": "arm64"}``

    Raises:
        DeploymentError: A default is missing.
    """
    target = {}
    for name in ("PythonVersion", "Architecture"):
        declared = parameters.get(name)
        default = declared.get("Default") if isinstance(declared, dict) else None
        if not isinstance(default, str) or not default:
            raise DeploymentError(
                f"{FILE}: the parameter {name} needs a Default: functions are built for it"
            )
        target[name] = default
    return target


def _outputs(application: Application) -> dict[str, Any]:
    found = {
        "EventTable": {
            "Description": "The events of all sagas: stepsaga show ID --table",
            "Value": ref("EventTable"),
        },
        "EventBucket": {
            "Description": "Results too large for a saga's document; part of the events",
            "Value": ref(bucket.BUCKET),
        },
        "OpenSagas": {
            "Description": "Which sagas are open: stepsaga list, stepsaga stuck",
            "Value": ref(recovery.TABLE),
        },
        "AlarmTopic": {
            "Description": "Subscribe to it: alarms are sent here",
            "Value": ref(alarms.TOPIC),
        },
    }
    found[recovery.MACHINE] = {
        "Description": "What undoes a saga from its log: stepsaga undo, stepsaga cancel",
        "Value": ref(recovery.MACHINE),
    }
    for machine in application.machines:
        found[machine.name] = {
            "Description": f"What starts a {machine.saga}",
            "Value": machines.started_as(machine.name),
        }
    if _has_dead_letters(application):
        found |= dead_letters.outputs()
    return found | starter.outputs(application.starting)


def _has_dead_letters(application: Application) -> bool:
    return bool(application.starting or events.routers(application))
