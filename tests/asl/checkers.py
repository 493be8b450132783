"""The three checkers that every definition has to pass, behind one form."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from cfnlint.api import lint as lint_template
from cfnlint.config import ManualArgs
from jsonschema import ValidationError, validators

from stepsaga.asl.rules import lint_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema.protocols import Validator

SUBSTITUTIONS = ("Payments", "Inventory", "Shipping", "Notifications")
VALUES = {
    "EventTable": "events",
    "Parcels": "https://sqs.eu-west-1.amazonaws.com/123456789012/parcels",
    "Billing": "arn:aws:states:eu-west-1:123456789012:stateMachine:billing",
    **{
        f"{name}{alias}": f"arn:aws:lambda:eu-west-1:123456789012:function:{name}:{alias or 7}"
        for name in SUBSTITUTIONS
        for alias in ("", "Live")
    },
}
"""A value for each substitution of the golden sagas."""


def schema_problems(text: str) -> list[str]:
    """What the states language schema that cfn-lint packages says, through jsonschema."""
    return [error.message for error in _schema().iter_errors(json.loads(text))]


def cfn_lint_problems(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """What cfn-lint's rule E3601 says of each text, on plain state machine resources.

    One template holds them all: cfn-lint takes long to start.
    """
    keys = {f"Machine{number}": name for number, name in enumerate(texts)}
    resources = {
        key: {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": "arn:aws:iam::123456789012:role/saga",
                "DefinitionString": texts[name],
                "DefinitionSubstitutions": VALUES,
            },
        }
        for key, name in keys.items()
    }
    only = ManualArgs(mandatory_checks=["E3601"], ignore_checks=["E", "W", "I"])
    template = json.dumps({"Resources": resources})
    found: dict[str, list[str]] = {name: [] for name in texts}
    for match in lint_template(template, None, ["eu-west-1"], only):
        found[keys[str(match.path[1])]].append(match.message)
    return found


def rule_codes(text: str) -> list[str]:
    """The codes of our own rules that a text breaks, each once."""
    return sorted({problem.code for problem in lint_text(text, known=VALUES)})


@cache
def _schema() -> Validator:
    packaged = files("cfnlint.data.schemas.other.step_functions").joinpath("statemachine.json")
    # A branch refers to "#/", which is no pointer to the whole schema; "#" is.
    schema = json.loads(packaged.read_text().replace('"#/"', '"#"'))
    plain = validators.validator_for(schema)
    # `requiredXor` is cfn-lint's own keyword; without it a state with Next and End would pass.
    extended = validators.extend(plain, {"requiredXor": _required_xor})  # type: ignore[no-untyped-call]  # so published
    validator: Validator = extended(schema)
    return validator


def _required_xor(
    _validator: Any, fields: list[str], instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if isinstance(instance, dict) and sum(field in instance for field in fields) != 1:
        yield ValidationError(f"only one of {fields} is a required property")
