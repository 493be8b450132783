"""What came of fault matrices as JUnit XML, which every CI shows: a test case a run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, ElementTree, SubElement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from stepsaga.testing.cases import Case
    from stepsaga.testing.matrix import Report
    from stepsaga.testing.trial import Verdict

_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold. https://www.w3.org/TR/xml/#charsets"""


def write_junit(reports: Sequence[Report], path: Path, command: Callable[[str, Case], str]) -> None:
    """Write a file of test suites, one a saga.

    Args:
        reports: What came of each saga's matrix.
        path: The file.
        command: What runs a case of a saga again.

    Raises:
        OSError: The file cannot be written.
    """
    root = Element("testsuites", name="stepsaga verify")
    for report in reports:
        suite = SubElement(
            root,
            "testsuite",
            name=report.saga,
            tests=str(len(report.verdicts)),
            failures=str(len(report.broken)),
            skipped=str(sum(bool(one.idle and not one.broken) for one in report.verdicts)),
            errors="0",
            time=f"{report.seconds:.3f}",
        )
        for verdict in report.verdicts:
            _case(suite, report.saga, verdict, command)
    ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _case(suite: Element, saga: str, verdict: Verdict, command: Callable[[str, Case], str]) -> None:
    case = verdict.case
    one = SubElement(suite, "testcase", classname=f"{saga}.{case.way}", name=_plain(str(case)))
    if verdict.broken:
        laws = "\n".join(f"{broken.law}: {broken.text}" for broken in verdict.broken)
        failure = SubElement(one, "failure", message=_plain(verdict.broken[0].law))
        failure.text = _plain(f"{laws}\n\n{command(saga, case)}")
    elif verdict.idle:
        where = ", ".join(verdict.idle)
        SubElement(one, "skipped", message=_plain(f"the saga did not come to {where}"))


def _plain(text: str) -> str:
    return _NOT_XML.sub("?", text)
