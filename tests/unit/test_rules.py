"""Every rule of docs/rules.md that is built has a test that names it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
RULES = TESTS.parent / "docs" / "rules.md"
LATER: set[int] = set()
"""Rules of which nothing exists yet."""


def rules() -> dict[int, str]:
    """The rules of the page by number."""
    found = re.findall(r"^(\d+)\. (.*(?:\n   .*)*)", RULES.read_text(), re.MULTILINE)
    return {int(number): " ".join(text.split()) for number, text in found}


def named_by_tests() -> set[int]:
    """The numbers that docstrings of tests name: "(rule 7)", "(rules 4, 5)", "Rule 33: ..."."""
    named: set[int] = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                text = ast.get_docstring(node) or ""
                for numbers in re.findall(r"\b[Rr]ules? (\d[\d, and]*)", text):
                    named |= {int(number) for number in re.findall(r"\d+", numbers)}
    return named


@pytest.mark.parametrize("number", sorted(set(rules()) - LATER))
def test_each_built_rule_is_pinned(number: int) -> None:
    """A rule without a test that names it could be broken unseen."""
    assert number in named_by_tests(), rules()[number]


def test_what_is_later_says_so() -> None:
    """The page and this table agree on what is not built yet."""
    assert {number for number, text in rules().items() if re.search(r"\*Later", text)} == LATER


def test_no_test_names_a_rule_that_is_none() -> None:
    """A number that is not on the page is a slip."""
    assert named_by_tests() <= set(rules())
