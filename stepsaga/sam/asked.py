"""What a participant asks for, looked at before it stands in a template: variables and rights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from stepsaga.errors import DeploymentError

RESERVED: Final = ("STEPSAGA_", "AWS_", "LAMBDA_")
"""Beginnings of variables that are set by others.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
MOST_ENVIRONMENT: Final = 4096
"""Bytes of all variables together, with their names."""
STATEMENT: Final = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
"""What a statement of a role can have.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"""

_VARIABLE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")


def check_environment(module: str, environment: Mapping[str, str]) -> None:
    """Refuse variables that Lambda would.

    Raises:
        DeploymentError: Names the variable.
    """
    for name in environment:
        if name.startswith(RESERVED):
            raise DeploymentError(
                f"{module}: environment: {name} is Lambda's or stepsaga's own; name it otherwise"
            )
        if not _VARIABLE.fullmatch(name):
            raise DeploymentError(
                f"{module}: environment: {name!r} is no name for a variable: two or more letters,"
                " digits and underscores, a letter first"
            )
    size = sum(len(text.encode()) for pair in environment.items() for text in pair)
    if size > MOST_ENVIRONMENT:
        raise DeploymentError(
            f"{module}: environment: {size:,} bytes, Lambda allows {MOST_ENVIRONMENT:,}: put long"
            " values into a file (files=...), or where the handlers can read them"
        )


def check_statement(module: str, statement: Mapping[str, Any]) -> None:
    """Refuse what is no statement of an IAM policy.

    Raises:
        DeploymentError: Says what was given.
    """
    unknown = [str(key) for key in statement if key not in STATEMENT]
    whole = (
        statement.get("Effect") in ("Allow", "Deny")
        and ("Action" in statement) != ("NotAction" in statement)
        and ("Resource" in statement) != ("NotResource" in statement)
    )
    if unknown or not whole:
        given = ", ".join(map(str, statement)) or "nothing"
        raise DeploymentError(
            f"{module}: policies: a statement has Effect, Action and Resource, got: {given}. A SAM"
            " policy template would give more than is needed: write the actions that are used"
        )
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if name in statement and not _texts(statement[name]):
            raise DeploymentError(
                f"{module}: policies: {name} is a text or a list of texts, got: {statement[name]!r}"
            )
    _check_values(module, statement)


def _texts(value: Any) -> bool:
    listed = value if isinstance(value, list | tuple) else [value]
    return bool(listed) and all(isinstance(text, str) and text for text in listed)


def _check_values(module: str, value: Any) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            # CloudFormation replaces nothing in keys.
            if not isinstance(key, str) or "${" in key:
                raise DeploymentError(
                    f"{module}: policies: the key {key!r} must be a text without ${{...}}"
                )
            _check_values(module, item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_values(module, item)
    elif not isinstance(value, str | int | float):
        raise DeploymentError(
            f"{module}: policies: {value!r} is no value of a policy: write texts, numbers, true and"
            " false, lists and dicts"
        )
