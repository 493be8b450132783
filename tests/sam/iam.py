"""Whether a role allows a call, as IAM decides it: one denial is enough, else one permission."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

Statement = dict[str, Any]


def statements(role: dict[str, Any]) -> list[Statement]:
    """All statements of a role's inline policies."""
    policies = role["Properties"]["Policies"]
    return [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]


def allowed(given: list[Statement], action: str, resource: str) -> bool:
    """Whether these statements allow an action on a resource; conditions are taken as met."""
    effects = {one["Effect"] for one in given if applies(one, action, resource)}
    return "Deny" not in effects and "Allow" in effects


def applies(statement: Statement, action: str, resource: str) -> bool:
    """Whether a statement speaks of an action on a resource."""
    if "NotAction" in statement:
        named = not _any(statement["NotAction"], action.lower(), lower=True)
    else:
        named = _any(statement["Action"], action.lower(), lower=True)
    return named and _any(statement["Resource"], resource, lower=False)


def listed(value: Any) -> list[str]:
    """One text or many."""
    return [value] if isinstance(value, str) else value


def _any(patterns: Any, value: str, *, lower: bool) -> bool:
    return any(fnmatchcase(value, one.lower() if lower else one) for one in listed(patterns))
