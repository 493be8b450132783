"""What AWS makes of a template: SAM's own translator, and CloudFormation's functions for one stack.

Only as much as the generated parts need; what is unknown is an error.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any, Self

from stepsaga.engines.ministack.deployment import tools
from stepsaga.sam.cfn import Tag, load
from tests.sam.projects import ROOT

DEFAULTS = {
    "PythonVersion": "python3.13",
    "Architecture": "arm64",
    "LogRetentionDays": "30",
    "KeyArn": "",
}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
STACK = "shop-prod"
PSEUDO = {
    "AWS::StackName": STACK,
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
}
TRANSLATOR = """
import json, sys
import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

for line in sys.stdin:
    template, parameters = json.loads(line)
    session = boto3.Session(region_name="eu-central-1")
    made = Translator({}, Parser(), boto_session=session).translate(template, parameters)
    print(json.dumps(made), flush=True)
"""
"""Runs in the environment of `sam`, whose translator is the one that deploys."""


class Sam:
    """SAM's translator in a process of its own, one line for another."""

    def __init__(self) -> None:
        _, sam = tools(ROOT)
        python = sam.with_name("python")
        assert python.exists(), f"{python} is not there: `make stack` makes it"
        self._process = subprocess.Popen(  # noqa: S603  # our own script
            [python, "-c", TRANSLATOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._process:  # closes its input, upon which it ends
            pass

    def translate(self, text: str, stage: str = "prod", **parameters: str) -> dict[str, Any]:
        """A template as CloudFormation gets it, by resource."""
        template = plain(load(text))
        for resource in template["Resources"].values():
            # `sam package` puts what was built into a bucket, and its address here.
            for name in ("CodeUri", "ContentUri", "DefinitionUri"):
                if name in resource.get("Properties", {}):
                    resource["Properties"][name] = "s3://bucket/key"
        request = [template, {**DEFAULTS, "Stage": stage, **parameters}]
        ask, answer = self._process.stdin, self._process.stdout
        assert ask
        assert answer
        ask.write(json.dumps(request) + "\n")
        ask.flush()
        found: dict[str, Any] = json.loads(answer.readline())["Resources"]
        return found


def plain(value: Any) -> Any:
    """A template without short forms, as JSON would have it."""
    if isinstance(value, Tag):
        inner = plain(value.value)
        if value.name == "GetAtt" and isinstance(inner, str):
            inner = inner.split(".", 1)
        return {"Ref" if value.name == "Ref" else f"Fn::{value.name}": inner}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def resolved(value: Any, *, prod: bool = True, local: bool = False, key: str = "") -> Any:
    """A part of a template as a stack has it: ``Ref`` of a resource is its logical id.

    ``GetAtt`` of ``Payments.Arn`` is ``<Payments.Arn>``, which is enough to compare.
    """
    conditions = {"IsProd": prod, "IsLocal": local, "HasKey": bool(key)}

    def of(part: Any) -> Any:
        if isinstance(part, Tag):
            return intrinsic(part.name, part.value)
        if isinstance(part, dict):
            pairs = ((name, of(item)) for name, item in part.items())
            return {name: item for name, item in pairs if item is not None}
        if isinstance(part, list):
            return [item for item in map(of, part) if item is not None]
        return part

    def intrinsic(name: str, given: Any) -> Any:
        if name == "Ref":
            return None if given == "AWS::NoValue" else {**PSEUDO, "KeyArn": key}.get(given, given)
        if name == "GetAtt":
            return f"<{given}>"
        if name == "Sub":
            return re.sub(r"\$\{([^}]*)\}", lambda m: PSEUDO.get(m[1], f"<{m[1]}>"), given)
        assert name == "If", name
        condition, then, otherwise = given
        return of(then if conditions[condition] else otherwise)

    return of(value)
