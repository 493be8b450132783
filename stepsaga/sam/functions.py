"""The layer, and the participants' functions, with the digest that decides on a new version."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import stepsaga
from stepsaga.asl.fingerprint import canonical
from stepsaga.errors import DeploymentError
from stepsaga.sam import approval_links, children, rights
from stepsaga.sam.bucket import BUCKET
from stepsaga.sam.cfn import KEPT_ONCE_DEPLOYED, att, dump, ref, sub
from stepsaga.sam.lock import requirements_of
from stepsaga.sam.references import resolved, texts
from stepsaga.sam.sources import digest_of, shipped_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stepsaga.sam.application import Function

LAYER: Final = "StepsagaLayer"
HANDLER: Final = "stepsaga.runtime.handler"
LIVE: Final = "live"
"""The alias that a deployment moves (rule 12)."""
LAYER_LOCK: Final = "requirements/layer.lock"
"""What the layer installs besides stepsaga, pinned."""
PACKAGE: Final = Path(stepsaga.__file__).parent


def layer(architecture: str) -> dict[str, Any]:
    """The one layer: stepsaga, and what it needs at run time, built for an architecture."""
    return {
        "Type": "AWS::Serverless::LayerVersion",
        # `sam build` takes x86_64 for granted, and warns where the layer says otherwise.
        "Metadata": {"BuildMethod": "makefile", "BuildArchitecture": architecture},
        "Properties": {
            "LayerName": sub("${AWS::StackName}-stepsaga"),
            "ContentUri": ".",
            "CompatibleRuntimes": [ref("PythonVersion")],
            "CompatibleArchitectures": [ref("Architecture")],
            # A published function keeps the layer that it was published with, also a deleted one:
            # https://docs.aws.amazon.com/lambda/latest/dg/deleting-layers.html
            "RetentionPolicy": "Delete",
        },
    }


def layer_digest(root: Path, target: Mapping[str, str]) -> str:
    """What makes the layer what it is: the lock file, stepsaga, the Python and its architecture.

    Raises:
        DeploymentError: There is no lock file.
    """
    lock = root / LAYER_LOCK
    if not lock.is_file():
        raise DeploymentError(
            f"{LAYER_LOCK} is not there: it pins what the layer installs; `make lock` writes it"
        )
    content = {
        "lock": requirements_of(lock.read_text(encoding="utf-8", errors="replace")),
        "stepsaga": digest_of(PACKAGE, shipped_files(PACKAGE)),
        "target": dict(target),
    }
    return hashlib.sha256(canonical(content).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class More:
    """What a function of the framework's own has besides what participants have.

    Attributes:
        handler: Its entry point.
        environment: Variables.
        statements: Of its role.
    """

    handler: str = HANDLER
    environment: Mapping[str, Any] = field(default_factory=dict)
    statements: Sequence[Any] = ()


def participant(
    root: Path,
    function: Function,
    layer_mark: str,
    around: Mapping[str, Any],
    more: More | None = None,
) -> dict[str, Any]:
    """A participant's resources: the function, its role, its log group.

    Args:
        root: The project.
        function: What it is.
        layer_mark: The layer's digest.
        around: What else decides on its settings, and stands in somebody's own text.
        more: What it has besides.
    """
    more = more or More()
    environment = {
        "STEPSAGA_PARTICIPANT": function.module,
        "STEPSAGA_EVENT_TABLE": ref("EventTable"),
        "STEPSAGA_EVENT_BUCKET": ref(BUCKET),
        **{name: resolved(value) for name, value in sorted(function.environment.items())},
    }
    if function.starts:
        environment |= children.environment(function.sagas)
    environment |= more.environment
    if function.links:
        environment |= approval_links.environment()
    resource = lambda_function(
        function.name,
        function.module,
        function.seconds,
        function.memory,
        children.HANDLER if function.starts else more.handler,
    )
    resource["Properties"]["Environment"] = {"Variables": environment}
    # AutoPublishAlias alone sees neither a changed layer nor all settings. With a digest given, SAM
    # publishes where its first ten characters change, and nowhere else.
    content = {
        "code": digest_of(root, function.files),
        "layer": layer_mark,
        "settings": dump(resource),
        "around": dump(around),
    }
    mark = hashlib.sha256(canonical(content).encode()).hexdigest()
    # It may change by what does not reach the function. Lambda would refuse to publish what it has
    # published, but SAM writes the digest into the function's description, too.
    resource["Properties"] |= {"AutoPublishAlias": LIVE, "AutoPublishCodeSha256": mark}
    # A participant that is renamed or not needed any more may have sagas on its versions, forward
    # and backward; deleting the function deletes them all. SAM gives versions the same policy.
    kept = {"DeletionPolicy": KEPT_ONCE_DEPLOYED, "UpdateReplacePolicy": "Retain"}
    statements = [
        *rights.events("PutItem", "GetItem", "Query"),
        *rights.objects(),
        *(_of_children(function) if function.starts else rights.answers(function.answers)),
        *(resolved(statement) for statement in function.policies),
        *more.statements,
        *(approval_links.statements() if function.links else []),
        *rights.function_basics(function.name, rights.USE_KEY, via=_kept_by(function)),
    ]
    return {
        function.name: resource | kept,
        f"{function.name}Role": rights.role("lambda", statements) | kept,
        f"{function.name}Logs": function_logs(function.name),
    }


def _kept_by(function: Function) -> tuple[str, ...]:
    """The services through which a participant uses the stack's key."""
    return ("dynamodb", "s3", *(("secretsmanager",) if function.links else ()))


def _of_children(function: Function) -> list[Any]:
    return [*children.answers(function.answers), *children.statements(function.starts)]


def lambda_function(
    name: str, what: str, seconds: int, memory: int, handler: str = HANDLER
) -> dict[str, Any]:
    """A function that our Makefile builds, on the layer, with a role and a log group of its own."""
    return {
        "Type": "AWS::Serverless::Function",
        "Metadata": {"BuildMethod": "makefile"},
        "Properties": {
            "Description": what,
            "CodeUri": ".",
            "Handler": handler,
            "Runtime": ref("PythonVersion"),
            "Architectures": [ref("Architecture")],
            "MemorySize": memory,
            "Timeout": seconds,
            "Role": att(f"{name}Role.Arn"),
            "Layers": [ref(LAYER)],
            "LoggingConfig": {"LogGroup": ref(f"{name}Logs")},
            "Tracing": "Active",
        },
    }


def function_logs(name: str) -> dict[str, Any]:
    """A function's log group."""
    return {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {
            "LogGroupName": sub(f"/aws/lambda/${{AWS::StackName}}-{name}"),
            "RetentionInDays": ref("LogRetentionDays"),
        },
    }


def asked_texts(function: Function) -> Iterator[str]:
    """The texts in which a participant can speak of the template's resources."""
    return texts([dict(function.environment), list(function.policies)])
