"""The built template for the local stage: functions under AWS's own runtime client.

MiniStack's own executor of Python functions loses the class name of an exception, by which Step
Functions decides where to go. As a custom runtime with ``awslambdaric`` a function reports what it
reports on AWS. MiniStack mounts no layers into custom runtimes, so the layer stays on disk, in a
folder named by its content, and each function's bootstrap names the folder: a published version
keeps the layer that it was published with, as on AWS. One condition that MiniStack does not know is
taken out of a role, and what is denied without TLS is not denied here, where there is none. The
template for AWS is left as it is.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.ministack import local_faults
from stepsaga.sam.cfn import Tag, dump, load
from stepsaga.sam.packaging import tree_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

FUNCTION: Final = "AWS::Serverless::Function"
LAYER: Final = "AWS::Serverless::LayerVersion"
MACHINE: Final = "AWS::Serverless::StateMachine"
ROLE: Final = "AWS::IAM::Role"
BUCKET_POLICY: Final = "AWS::S3::BucketPolicy"
NEEDS_TLS: Final = "aws:SecureTransport"
UNUSED_SECONDS: Final = 7 * 24 * 3600
"""A layer that no deployment has used for so long is removed."""
UNKNOWN_CONDITION: Final = "cloudwatch:namespace"
"""MiniStack has no value for this key, and so denies what it should allow."""

BOOTSTRAP: Final = """\
#!/bin/sh
export PYTHONPATH="$LAMBDA_TASK_ROOT:{layers}"
export PYTHONDONTWRITEBYTECODE=1
exec "{python}" -m awslambdaric "$_HANDLER"
"""
FAULTS: Final = Path(local_faults.__file__)
PARTICIPANT_ENTRIES: Final = frozenset(
    {"stepsaga.runtime.handler", "stepsaga.runtime.event_router_entry.handler"}
)


@dataclass(frozen=True, slots=True)
class _Stage:
    built: Path
    into: Path
    python: Path
    layers: Path
    faults: Path | None


def localise(
    built: Path, into: Path, *, python: Path, layers: Path, faults: Path | None = None
) -> Path:
    """Write a template, and its functions, that MiniStack runs as AWS would.

    Args:
        built: The template that ``sam build`` wrote.
        into: A folder for the result; what is there is replaced.
        python: The interpreter of MiniStack's environment: it has ``awslambdaric`` and, as Lambda's
            runtime, boto3.
        layers: Where layers are kept by their content, as long as functions run on them.
        faults: A file that says what shall go wrong in participants; see `local_faults`.

    Returns:
        The path of the new template.
    """
    stage = _Stage(built.parent, into, python.absolute(), layers.absolute(), faults)
    template = load(built.read_text(encoding="utf-8"))
    shutil.rmtree(into, ignore_errors=True)
    resources: dict[str, Any] = template["Resources"]
    kept = {
        name: _keep_layer(stage.built / resource["Properties"]["ContentUri"], stage.layers)
        for name, resource in resources.items()
        if resource["Type"] == LAYER
    }
    for name, folder in kept.items():
        marker = into / name
        marker.mkdir(parents=True)
        (marker / "layer.txt").write_text(f"{folder.name}\n", encoding="utf-8")
        resources[name]["Properties"]["ContentUri"] = name
    for name, resource in list(resources.items()):
        if resource["Type"] == FUNCTION:
            _function(stage, name, resource["Properties"], kept)
        elif resource["Type"] == MACHINE:
            definition = stage.built / resource["Properties"]["DefinitionUri"]
            resource["Properties"]["DefinitionUri"] = str(definition.resolve())
        elif resource["Type"] == ROLE:
            _role(resource["Properties"])
        elif resource["Type"] == BUCKET_POLICY and not _without_tls(resource["Properties"]):
            del resources[name]
    into.mkdir(parents=True, exist_ok=True)
    target = into / "template.yaml"
    target.write_text(dump(template), encoding="utf-8")
    return target


def _keep_layer(content: Path, layers: Path) -> Path:
    folder = layers / tree_digest(content)[:20]
    if not folder.is_dir():
        # Complete before it has its name: a run that was interrupted leaves no half of a layer.
        draft = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(content, draft)
        draft.rename(folder)
    os.utime(folder)
    for old in layers.iterdir():
        if old.stat().st_mtime < time.time() - UNUSED_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def _function(
    stage: _Stage, name: str, properties: dict[str, Any], kept: Mapping[str, Path]
) -> None:
    folder = stage.into / name
    shutil.copytree(stage.built / properties["CodeUri"], folder)
    attached = [_named(layer) for layer in properties.get("Layers", ())]
    places = ":".join(str(kept[layer] / "python") for layer in attached if layer in kept)
    bootstrap = folder / "bootstrap"
    bootstrap.write_text(BOOTSTRAP.format(layers=places, python=stage.python), encoding="utf-8")
    bootstrap.chmod(0o755)
    properties["CodeUri"] = name
    properties["Runtime"] = "provided.al2023"
    if stage.faults is not None and properties["Handler"] in PARTICIPANT_ENTRIES:
        shutil.copyfile(FAULTS, folder / FAULTS.name)
        properties["Handler"] = f"{FAULTS.stem}.handler"
        properties["Environment"]["Variables"][local_faults.FILE] = str(stage.faults.absolute())


def _role(properties: Mapping[str, Any]) -> None:
    for policy in properties.get("Policies", ()):
        for statement in policy["PolicyDocument"]["Statement"]:
            if UNKNOWN_CONDITION in str(statement.get("Condition", "")):
                del statement["Condition"]


def _without_tls(properties: Mapping[str, Any]) -> bool:
    """Take out what is denied without TLS; whether the policy has any other statement."""
    document = properties["PolicyDocument"]
    statements = [one for one in document["Statement"] if NEEDS_TLS not in str(one)]
    document["Statement"] = statements
    return bool(statements)


def _named(reference: Any) -> str:
    """What ``!Ref`` names, in the short form or the long one, which ``sam build`` writes."""
    return str(reference.value if isinstance(reference, Tag) else reference.get("Ref", ""))
