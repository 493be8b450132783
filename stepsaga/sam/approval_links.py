"""Approval links as a project has them: who makes them, with which variables and rights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.runtime.approval_keys import KEYS
from stepsaga.runtime.approval_links import URL
from stepsaga.sam import rights
from stepsaga.sam.cfn import att, either, sub

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stepsaga.sam.application import Function

FUNCTION: Final = "ApprovalLinks"
API: Final = "ApprovalApi"
SECRET: Final = "ApprovalLinkKeys"  # noqa: S105  # its name
STAGE: Final = "approvals"
"""Of the API, and so what stands before a token in a link."""
KEYS_ARN: Final = att(f"{SECRET}.Id")
"""To MiniStack its reference is its name; on AWS both are the ARN."""


def linked(functions: Iterable[Function]) -> list[str]:
    """The sagas that have approval links."""
    return sorted({saga for one in functions for saga in one.links})


def environment() -> dict[str, Any]:
    """The variables of a participant that makes links."""
    here = f"/restapis/${{{API}}}/{STAGE}/_user_request_"
    there = f"https://${{{API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}"
    return {KEYS: KEYS_ARN, URL: either("IsLocal", sub(here), sub(there))}


def statements() -> list[Any]:
    """The right of a participant that makes links."""
    return [rights.allow(["secretsmanager:GetSecretValue"], KEYS_ARN)]
