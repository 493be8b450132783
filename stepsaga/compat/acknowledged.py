"""Breaks that are meant: ``statemachines/acknowledged.toml``, reviewed like any other source.

::

    [[acknowledged]]
    code = "S703"
    subject = "FulfilOrder.charge"
    releases = ["9f3c2d1e0a4b"]
    why = "drained on 2026-11-20: stepsaga list shows no open order"
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.names import DEFINITIONS
from stepsaga.compat.codes import CODES
from stepsaga.compat.findings import Weight
from stepsaga.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from stepsaga.compat.findings import Finding

FILE: Final = f"{DEFINITIONS}/acknowledged.toml"
_TABLE: Final = "acknowledged"
_KEYS: Final = ("code", "subject", "releases", "why")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A break that is meant.

    Attributes:
        code: The finding's.
        subject: The finding's: saga and step.
        releases: The marks of the old releases that it is meant for. A release that is recorded
            later needs a word of its own.
        why: Why nobody is hurt.
    """

    code: str
    subject: str
    releases: tuple[str, ...]
    why: str

    def covers(self, finding: Finding, release: str) -> bool:
        """Whether it speaks of a break in a release."""
        return (
            (self.code, self.subject) == (finding.code, finding.subject)
            and finding.weight is Weight.BREAK
            and release in finding.releases
            and release in self.releases
        )


def acknowledgements(root: Path) -> list[Acknowledgement]:
    """Those of a project; none where it has no such file.

    Raises:
        UsageError: The file is not as it should be; says what is wrong.
    """
    file = root / FILE
    if not file.exists():
        return []
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{FILE} is no TOML: {error}") from error
    if odd := sorted(content.keys() - {_TABLE}):
        raise UsageError(f"{FILE} has {', '.join(odd)}; it holds [[{_TABLE}]] only")
    entries = content.get(_TABLE, [])
    if not isinstance(entries, list):
        raise UsageError(f"{FILE}: write [[{_TABLE}]], with two brackets")
    return [_read(number, entry) for number, entry in enumerate(entries, start=1)]


def _read(number: int, entry: Any) -> Acknowledgement:
    place = f"{FILE}, entry {number}"
    if not isinstance(entry, dict) or sorted(entry) != sorted(_KEYS):
        raise UsageError(f"{place}: give {', '.join(_KEYS)}, and nothing else")
    if entry["code"] not in CODES:
        raise UsageError(f"{place}: {entry['code']!r} is no code of `stepsaga diff`")
    releases = entry["releases"]
    if not (
        isinstance(releases, list) and releases and all(isinstance(one, str) for one in releases)
    ):
        raise UsageError(f"{place}: releases is a list of the marks that `stepsaga diff` shows")
    for key in ("subject", "why"):
        if not (isinstance(entry[key], str) and entry[key].strip()):
            raise UsageError(f"{place}: {key} is empty; a reviewer wants to know")
    return Acknowledgement(entry["code"], entry["subject"], tuple(releases), entry["why"].strip())


def reasons(finding: Finding, known: Iterable[Acknowledgement]) -> list[str]:
    """Why a break is meant: none, unless it is acknowledged in all releases that it is in."""
    known = list(known)
    found = {
        release: one.why
        for release in finding.releases
        for one in known
        if one.covers(finding, release)
    }
    return list(dict.fromkeys(found.values())) if found.keys() == set(finding.releases) else []


def stale(
    known: Iterable[Acknowledgement], findings: Sequence[Finding]
) -> list[tuple[Acknowledgement, str]]:
    """What is acknowledged and not there: each with the release in which it is not."""
    return [
        (one, release)
        for one in known
        for release in one.releases
        if not any(one.covers(finding, release) for finding in findings)
    ]


def suggestion(finding: Finding) -> str:
    """What would acknowledge a break, but for the reason."""
    marks = ", ".join(f'"{one}"' for one in finding.releases)
    return (
        f'[[{_TABLE}]]\ncode = "{finding.code}"\nsubject = "{finding.subject}"\n'
        f'releases = [{marks}]\nwhy = ""\n'
    )
