"""Whether what is generated fits into a template: parameters, names, references, and how many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.undo import FUNCTION as RECOVERY
from stepsaga.errors import DeploymentError
from stepsaga.sam import approval_api, starter
from stepsaga.sam.approval_links import linked
from stepsaga.sam.following import COMMITS, FOLLOWING
from stepsaga.sam.functions import LIVE, asked_texts
from stepsaga.sam.recovery import ENDED, SWEPT
from stepsaga.sam.references import PSEUDO, in_template, in_text
from stepsaga.sam.table import CHANGES, ENDS, WATCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.sam.application import Application, Function

    Parts = Mapping[str, Mapping[str, Any]]

PARAMETERS: Final = ("Stage", "PythonVersion", "Architecture", "LogRetentionDays", "KeyArn")
"""What the generated parts refer to, and the template's own text declares."""
STAGES: Final = ("local", "prod")
"""What the generated parts know of stages: the emulators lack things, and prod loses nothing."""
TRANSFORMS: Final = ("AWS::LanguageExtensions", "AWS::Serverless-2016-10-31")
"""The first lets policies of deletion depend on the stage, and has to stand before the second.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html"""
API: Final = "AWS::Serverless::Api"
MOST_RESOURCES: Final = 500
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


def check_parameters(file: str, own: Mapping[str, Any]) -> None:
    """Refuse a template that lacks what the generated parts refer to.

    Raises:
        DeploymentError: Says what is missing, and how it is written.
    """
    declared = own["Parameters"]
    if missing := [name for name in PARAMETERS if not isinstance(declared.get(name), dict)]:
        raise DeploymentError(
            f"{file} lacks the parameters {', '.join(missing)}, to which its generated parts refer:"
            " add them under Parameters, as `stepsaga template` writes them where there is no file"
        )
    allowed = declared["Stage"].get("AllowedValues")
    if not isinstance(allowed, list) or not set(STAGES) <= set(allowed):
        raise DeploymentError(
            f"{file}: the parameter Stage needs AllowedValues, {' and '.join(STAGES)} among them:"
            " under any other name than prod a stack loses its events when it is deleted"
        )
    transforms = own.get("Transform") or []
    listed = [transforms] if isinstance(transforms, str) else list(transforms)
    if [one for one in listed if one in TRANSFORMS] != list(TRANSFORMS):
        raise DeploymentError(f"{file} needs the line: Transform: [{', '.join(TRANSFORMS)}]")


def check_names(
    file: str, own: Mapping[str, Any], generated: Parts, application: Application
) -> None:
    """Refuse names that stand for two things.

    Raises:
        DeploymentError: Names them, and says whose to change.
    """
    for section, content in generated.items():
        if twice := sorted(content.keys() & own[section].keys()):
            raise DeploymentError(
                f"{file}: {section}: {', '.join(twice)} stands beside the generated part and in it:"
                " give yours another name"
            )
    # CloudFormation has one space of names for parameters and resources.
    if taken := sorted(generated["Resources"].keys() & own["Parameters"].keys()):
        raise DeploymentError(
            f"{file}: {', '.join(taken)} is a parameter, and a generated resource would be called"
            " so: rename the saga, or the module of handlers, that it is named after"
        )
    made = {*generated["Resources"], *own["Resources"], *own["Parameters"]}
    if hidden := sorted(made & set(_made_by_sam(application))):
        raise DeploymentError(
            f"{file}: {', '.join(hidden)} is what SAM calls a resource that it makes of another:"
            " rename yours, or the saga or module of handlers that it is named after"
        )


def check_references(
    file: str, own: Mapping[str, Any], generated: Parts, application: Application
) -> None:
    """Refuse participants that speak of what is not there, or of what depends on themselves.

    Raises:
        DeploymentError: Names the participant and what it speaks of.
    """
    resources = {**own["Resources"], **generated["Resources"]}
    known = {*resources, *own["Parameters"], *PSEUDO}
    needs = {name: set(in_template(resource)) for name, resource in resources.items()}
    for function in application.functions:
        itself = {function.name, f"{function.name}Role"}
        for text in asked_texts(function):
            for name in in_text(text):
                if name not in known:
                    raise DeploymentError(_unknown(file, function, name, text))
                if itself & _reached(name, needs):
                    raise DeploymentError(_circle(function, name))


def check_count(file: str, own: Mapping[str, Any], generated: Parts) -> None:
    """Refuse more resources than a stack can have.

    Raises:
        DeploymentError: Says how many there are, and what to do.
    """
    made = [*own["Resources"].values(), *generated["Resources"].values()]
    published = sum("AutoPublishAlias" in _properties(one) for one in made)
    events = sum(len(_properties(one).get("Events", ())) for one in made)
    # An API is deployed to a stage, which SAM makes two resources of.
    served = sum(one.get("Type") == API for one in made if isinstance(one, dict))
    count = len(made) + 2 * published + 2 * events + 2 * served
    if count > MOST_RESOURCES:
        raise DeploymentError(
            f"{file} would have about {count} resources, CloudFormation allows {MOST_RESOURCES}:"
            " split the sagas into two projects, each with its own stack and event table"
        )


def _made_by_sam(application: Application) -> list[str]:
    """https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html."""
    events = [f"{WATCH}{CHANGES}", f"{WATCH}{ENDS}", f"{WATCH}{ENDS}Permission"]
    events.append(f"{FOLLOWING}{COMMITS}")
    for event in (ENDED, SWEPT):
        events += [f"{RECOVERY}{event}", f"{RECOVERY}{event}Permission"]
    events += starter.made_by_sam(application.starting)
    events += approval_api.made_by_sam() if linked(application.functions) else []
    return [*events, *(f"{one.name}Alias{LIVE}" for one in application.functions)]


def _reached(name: str, needs: Mapping[str, set[str]]) -> set[str]:
    """What must be made before a resource, itself included."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += needs.get(one, ())
    return found


def _properties(resource: Any) -> dict[str, Any]:
    found = resource.get("Properties") if isinstance(resource, dict) else None
    return found if isinstance(found, dict) else {}


def _unknown(file: str, function: Function, name: str, text: str) -> str:
    shown = name if name.startswith("${") else f"${{{name}}}"
    return (
        f"{function.module} refers to {shown} (in {text!r}), which {file} does not have: declare"
        " the resource there, or mend the name in its Participant(...); where none is meant,"
        " write ${!...}"
    )


def _circle(function: Function, name: str) -> str:
    return (
        f"{function.module} refers to ${{{name}}}, which cannot be made before its own function"
        f" {function.name}: write what it is called instead, such as"
        " arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:"
        "${AWS::StackName}-FulfilOrder"
    )
