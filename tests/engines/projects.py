"""A project that could be deployed, in a folder of its own: this one's sagas, and a build."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagas.orders import FulfilOrder
from stepsaga.asl.names import definition_file
from stepsaga.asl.text import render as definition_text
from stepsaga.asl.undo import FUNCTION as RECOVERY
from stepsaga.asl.undo import NAME, undo_definition
from stepsaga.authoring import graph_of
from stepsaga.engines.preflight.project import Project, project_of
from stepsaga.sam.application import Application, application_of
from stepsaga.sam.cfn import Tag, dump, load
from stepsaga.sam.functions import LAYER
from stepsaga.sam.packaging import build
from stepsaga.sam.table import KEEP, WATCH
from stepsaga.sam.template import build_target, parameters_of, render

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
CONFIG = """\
version = 0.1
[dev.global.parameters]
stack_name = "shop"
[dev.deploy.parameters]
resolve_s3 = true
capabilities = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
parameter_overrides = "Stage=dev LogRetentionDays=7"
"""
BUILT = ".aws-sam/build"
OTHERS = ("customers.py", "transfers.py", "trips.py")
"""Modules of this project's other sagas: one saga is enough to look at."""


@cache
def application() -> Application:
    """What this project deploys."""
    return application_of(ROOT, [graph_of(FulfilOrder)])


@dataclass(frozen=True)
class Folder:
    """A project in a folder."""

    root: Path

    def project(self, **environment: Any) -> Project:
        """The project, with another environment than its file says."""
        found = project_of(self.root, application(), "dev")
        return replace(found, environment=replace(found.environment, **environment))

    def configure(self, old: str, new: str) -> None:
        """Change ``samconfig.toml``."""
        self.change("samconfig.toml", lambda text: text.replace(old, new))

    def change(self, name: str, how: Callable[[str], str]) -> None:
        """Change a file; it must be another one then."""
        file = self.root / name
        before = file.read_text(encoding="utf-8")
        after = how(before)
        assert after != before
        file.write_text(after, encoding="utf-8")


def project_in(folder: Path) -> Folder:
    """Put a project into a folder: fresh, configured and built."""
    without = shutil.ignore_patterns("__pycache__", *OTHERS)
    for name in ("handlers", "sagas"):
        shutil.copytree(ROOT / name, folder / name, ignore=without)
    for name in ("requirements/layer.lock", "template.yaml"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "samconfig.toml").write_text(CONFIG)
    (folder / "template.yaml").write_text(render(folder, application()))
    for machine in application().machines:
        (folder / machine.file).parent.mkdir(exist_ok=True)
        (folder / machine.file).write_text(machine.text)
    (folder / definition_file(NAME)).write_text(definition_text(undo_definition()))
    _build(folder)
    return Folder(folder)


def _build(root: Path) -> None:
    """What ``sam build`` leaves; the layer has one module of each kind."""
    target = build_target(parameters_of(root))
    folder = root / BUILT
    for name in (KEEP, WATCH, RECOVERY, *(one.name for one in application().functions)):
        build(root, application(), name, folder / name, target)
    layer = folder / LAYER / "python" / "pydantic_core"
    layer.mkdir(parents=True)
    digits = target["PythonVersion"].removeprefix("python").replace(".", "")
    machine = {"arm64": "aarch64"}.get(target["Architecture"], target["Architecture"])
    (layer / f"_core.cpython-{digits}-{machine}-linux-gnu.so").touch()
    (layer / "_any.abi3.so").touch()
    content = load((root / "template.yaml").read_text(encoding="utf-8"))
    for name, resource in content["Resources"].items():
        properties = resource.get("Properties", {})
        if "CodeUri" in properties:
            properties["CodeUri"] = name
        if "ContentUri" in properties:
            properties["ContentUri"] = name
        if "DefinitionUri" in properties:
            properties["DefinitionUri"] = f"../../{properties['DefinitionUri']}"
        if "Metadata" in resource:
            resource["Metadata"]["SamResourceId"] = name
    (folder / "template.yaml").write_text(dump(_long(content)))


def _long(value: Any) -> Any:
    """The long form of CloudFormation's tags, in which ``sam build`` writes them."""
    if isinstance(value, Tag):
        name = "Ref" if value.name == "Ref" else f"Fn::{value.name}"
        inner = value.value.split(".", 1) if value.name == "GetAtt" else _long(value.value)
        return {name: inner}
    if isinstance(value, dict):
        return {key: _long(item) for key, item in value.items()}
    return (
        [_long(item) for item in value]
        if isinstance(value, list)
        else json.loads(json.dumps(value))
    )
