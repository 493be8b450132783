"""What ``sam build`` left, compared with what the project says now."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.preflight.findings import fine, problem
from stepsaga.errors import DeploymentError
from stepsaga.runtime.keep import FILE as DEFINITIONS
from stepsaga.sam.cfn import Tag, load
from stepsaga.sam.functions import LAYER
from stepsaga.sam.packaging import MACHINES
from stepsaga.sam.table import KEEP
from stepsaga.sam.template import FILE as TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from stepsaga.engines.preflight.findings import Finding
    from stepsaga.sam.application import Application

AGAIN: Final = "run `sam build`"
PATHS: Final = frozenset(
    {
        "Code",
        "CodeUri",
        "Content",
        "ContentUri",
        "DefinitionUri",
        "ImageUri",
        "Location",
        "TemplateURL",
    }
)
"""Properties in which ``sam build`` puts where things are now."""
SHOWN: Final = 4
_MODULE: Final = re.compile(r"\.cpython-3(\d+)-(\w+)-linux-gnu\.so")


def built(
    root: Path,
    application: Application,
    place: str,
    wanted: Mapping[str, Any],
    target: Mapping[str, str],
) -> Iterator[Finding]:
    """Compare a build with a project.

    Args:
        root: The project.
        application: What it deploys.
        place: Where the built template is, below it.
        wanted: The project's template.
        target: The Python and the architecture that it is to be built for.

    Raises:
        DeploymentError: The built template is none.
    """
    file = root / place
    if not file.is_file():
        yield problem("build", f"there is no {place}", AGAIN)
        return
    content = load(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or "Resources" not in content:
        raise DeploymentError(f"{place} is no template: {AGAIN}")
    found = [
        *_differing(place, content["Resources"], wanted.get("Resources", {})),
        *_definitions(application, file.parent, content["Resources"]),
        *_kept(application, file.parent),
        *_layer(file.parent / LAYER, target),
    ]
    yield from found or [fine("build", f"{place} is of this release")]


def _differing(
    place: str, resources: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Iterator[Finding]:
    there, now = _comparable(resources), _comparable(wanted)
    others = [name for name in {**there, **now} if there.get(name) != now.get(name)]
    if others:
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        text = f"{', '.join(others[:SHOWN])}{more} in {place} are not as in {TEMPLATE}"
        yield problem("build", text, AGAIN)


def _definitions(
    application: Application, folder: Path, resources: Mapping[str, Any]
) -> Iterator[Finding]:
    for machine in application.machines:
        properties = resources.get(machine.name, {}).get("Properties", {})
        place = properties.get("DefinitionUri")
        file = folder / place if isinstance(place, str) else None
        if file is None or not file.is_file() or file.read_text(encoding="utf-8") != machine.text:
            text = f"the definition of {machine.saga} that would be deployed is not its saga's"
            yield problem("build", text, f"run `stepsaga compile`, then {AGAIN[4:]}")


def _kept(application: Application, folder: Path) -> Iterator[Finding]:
    """The graphs that a deployment keeps beside the events (rule 9)."""
    file = folder / KEEP / DEFINITIONS
    try:
        kept = set(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        kept = set()
    if lacking := [one.saga for one in application.machines if one.fingerprint not in kept]:
        text = f"{KEEP} in the build does not have the graphs of {', '.join(lacking)}"
        yield problem("build", text, AGAIN)


def _layer(folder: Path, target: Mapping[str, str]) -> Iterator[Finding]:
    """The layer's compiled modules are for the Python and the machine that will load them."""
    files = sorted(folder.rglob("*.so"))
    if not files:
        yield problem("build", f"{LAYER} in the build has no compiled modules", AGAIN)
    wanted = f"{target['PythonVersion']} on {target['Architecture']}"
    names = {machine: name for name, machine in MACHINES.items()}
    for file in files:
        match = _MODULE.search(file.name)
        if match is None:
            continue
        own = f"python3.{match[1]} on {names.get(match[2], match[2])}"
        if own != wanted:
            text = f"{LAYER} was built for {own}, and {wanted} is deployed: {file.name}"
            yield problem("build", text, f"{AGAIN} without STEPSAGA_BUILD_FOR")
            return


def _comparable(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Resources in CloudFormation's long form, without what ``sam build`` changes."""
    return {
        name: _without_paths(_long(resource))
        for name, resource in resources.items()
        if not name.startswith("Fn::")  # loops, which it may unroll
    }


def _without_paths(resource: dict[str, Any]) -> dict[str, Any]:
    found = dict(resource)
    for section, dropped in (("Properties", PATHS), ("Metadata", {"SamResourceId"})):
        content = {k: v for k, v in (found.pop(section, None) or {}).items() if k not in dropped}
        if content:
            found[section] = content
    return found


def _long(value: Any) -> Any:
    if isinstance(value, Tag):
        name = value.name if value.name in ("Ref", "Condition") else f"Fn::{value.name}"
        split = value.name == "GetAtt" and isinstance(value.value, str)
        return {name: value.value.split(".", 1) if split else _long(value.value)}
    if isinstance(value, dict):
        return {key: _long(item) for key, item in value.items()}
    return [_long(item) for item in value] if isinstance(value, list) else value
