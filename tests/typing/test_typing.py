"""What mypy --strict says of sagas."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

from stepsaga.authoring import graph_of
from tests.typing import accepted

ROOT = Path(__file__).parents[2]
ACCEPTED = Path(__file__).with_name("accepted.py")
REFUSED = Path(__file__).with_name("refused.py.txt")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What mypy says of both samples, with the project's own settings."""
    refused = tmp_path_factory.mktemp("typing") / "refused.py"
    refused.write_text(REFUSED.read_text("utf-8"), "utf-8")
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--no-error-summary"]
    shown, errors, _ = api.run([*options, str(ACCEPTED), str(refused)])
    assert errors == ""
    return shown


def _found(report: str, name: str) -> list[tuple[int, str]]:
    pattern = re.compile(rf"{re.escape(name)}:(\d+): error: .*\[([\w-]+)\]$", re.MULTILINE)
    return sorted({(int(line), code) for line, code in pattern.findall(report)})


def test_what_mypy_accepts(report: str) -> None:
    """Input is typed as its model, a step's result as its handler's, every option as documented."""
    assert _found(report, "accepted.py") == []


def test_what_mypy_accepts_is_a_saga() -> None:
    """The accepted sample is one that the checks accept as well."""
    steps = [node.name for node in graph_of(accepted.FulfilOrder).nodes]
    assert steps == ["charge", "again", "invoice", "total", "whole"]


def test_what_mypy_refuses(report: str) -> None:
    """Unknown fields, bare numbers, positional options are errors, on those lines and no other."""
    lines = REFUSED.read_text("utf-8").splitlines()
    pinned = [
        (number, code)
        for number, line in enumerate(lines, start=1)
        if (match := re.search(r"# E: ([\w-]+(, [\w-]+)*)$", line))
        for code in match[1].split(", ")
    ]
    assert _found(report, "refused.py") == pinned
