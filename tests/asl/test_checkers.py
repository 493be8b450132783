"""Three checkers on good definitions, and on definitions with one thing wrong."""

from __future__ import annotations

import pytest

from stepsaga.asl import build
from stepsaga.asl.rules import CODES
from tests.asl.checkers import cfn_lint_problems, rule_codes, schema_problems
from tests.asl.golden_sagas import SAGAS
from tests.asl.mutations import MUTATIONS, Mutation

TEXT_CODES = {"S620", "S627"}
"""What only a text can have; see test_rules."""


@pytest.fixture(scope="module")
def good() -> dict[str, list[str]]:
    """What cfn-lint says of the golden sagas."""
    return cfn_lint_problems({name: build(graph).text for name, graph in SAGAS.items()})


@pytest.fixture(scope="module")
def mutated() -> dict[str, list[str]]:
    """What cfn-lint says of the mutations."""
    return cfn_lint_problems({mutation.name: mutation.text() for mutation in MUTATIONS})


@pytest.mark.parametrize("name", SAGAS)
def test_good_definitions_pass_all(name: str, good: dict[str, list[str]]) -> None:
    """The schema, cfn-lint's E3601 and our own rules find nothing in a compiled saga."""
    text = build(SAGAS[name]).text
    assert schema_problems(text) == []
    assert good[name] == []
    assert rule_codes(text) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_mutation_is_refused(mutation: Mutation, mutated: dict[str, list[str]]) -> None:
    """Each mutation is refused by exactly the checkers and rules that the table names."""
    text = mutation.text()
    refused = set(rule_codes(text))
    refused |= {"schema"} if schema_problems(text) else set()
    refused |= {"E3601"} if mutated[mutation.name] else set()
    assert refused == set(mutation.refused)
    assert refused, "somebody has to refuse it"


def test_enough_mutations() -> None:
    """There are many, none twice, and each is refused by our own rules at least."""
    assert len(MUTATIONS) >= 25
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    assert all(mutation.refused & CODES.keys() for mutation in MUTATIONS)


def test_every_code_is_provoked() -> None:
    """No rule is there that nothing can break."""
    provoked = {code for mutation in MUTATIONS for code in mutation.refused} - {"schema", "E3601"}
    assert provoked | TEXT_CODES == CODES.keys()


def test_e3601_alone_is_not_enough(mutated: dict[str, list[str]]) -> None:
    """cfn-lint and the schema accept a transition to no state; our rules do not."""
    [mutation] = [m for m in MUTATIONS if m.name == "unknown_target"]
    assert mutated["unknown_target"] == []
    assert schema_problems(mutation.text()) == []
    assert "S603" in rule_codes(mutation.text())
