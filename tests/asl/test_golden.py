"""Golden files: the text of every shape of saga, and what is said of broken definitions.

``STEPSAGA_GOLDEN=write pytest tests/asl/test_golden.py`` writes them anew; read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stepsaga.asl import build
from stepsaga.asl.rules import lint_text
from tests.asl.checkers import VALUES
from tests.asl.golden_sagas import SAGAS
from tests.asl.mutations import MUTATIONS

FOLDER = Path(__file__).parent / "golden"
REFUSED = {
    mutation.name: mutation
    for mutation in MUTATIONS
    if mutation.name
    in {
        "unknown_target",
        "unreachable_state",
        "states_all_first",
        "no_timeout",
        "cause_of_the_failure",
        "first_keeps_the_input",
        "jsonata",
        "caught_compensation",
        "alias_for_a_step",
        "compensations_in_order",
        "pivot_undone_at_once",
        "probe_too_early",
    }
}


def compare(name: str, text: str) -> None:
    """Hold a text against its golden file, or write it where that is asked for."""
    file = FOLDER / name
    if os.environ.get("STEPSAGA_GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert file.exists(), f"{name} is missing: write it with STEPSAGA_GOLDEN=write"
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAGAS)
def test_success(name: str) -> None:
    """Each shape of saga compiles to the text that was read and committed."""
    compare(f"success_{name}.asl.json", build(SAGAS[name]).text)


@pytest.mark.parametrize("name", REFUSED)
def test_error(name: str) -> None:
    """Each broken definition is refused with the codes, texts and hints that were committed."""
    text = REFUSED[name].text()
    problems = [str(problem) for problem in lint_text(text, known=VALUES)]
    compare(f"error_{name}.asl.json", text)
    compare(f"error_{name}.problems.txt", "\n".join(problems) + "\n")


def test_nothing_is_left_over() -> None:
    """Every golden file belongs to a case."""
    expected = {f"success_{name}.asl.json" for name in SAGAS}
    expected |= {f"error_{name}.asl.json" for name in REFUSED}
    expected |= {f"error_{name}.problems.txt" for name in REFUSED}
    assert {file.name for file in FOLDER.iterdir()} == expected


@pytest.mark.parametrize("name", SAGAS)
def test_text_is_the_definition(name: str) -> None:
    """The text that is deployed says what the definition says, in the same order."""
    compiled = build(SAGAS[name])
    assert json.dumps(json.loads(compiled.text)) == json.dumps(compiled.definition)
