"""Old releases beside what is deployed now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stepsaga.compat.rules import RULES, Pair

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stepsaga.compat.code import Deployment
    from stepsaga.compat.findings import Finding
    from stepsaga.compat.releases import Release


def compare(old: Iterable[Release], new: Deployment) -> list[Finding]:
    """What the new release means for what the old ones have left: breaks first, by subject.

    What is found in several releases is one finding.
    """
    found: dict[Finding, list[str]] = {}
    for release in old:
        for rule in RULES:
            for finding in rule(Pair(release, new)):
                found.setdefault(replace(finding, releases=()), []).extend(finding.releases)
    merged = [replace(one, releases=tuple(sorted(set(marks)))) for one, marks in found.items()]
    return sorted(merged, key=lambda one: (one.weight, one.subject, one.code, one.text))
