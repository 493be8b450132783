"""`stepsaga template` and `stepsaga build`, as a shell and a Makefile call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.cli.exits import FINE, PROBLEM
from tests.cli.shell import stepsaga
from tests.sam.projects import ROOT

if TYPE_CHECKING:
    from pathlib import Path

HERE = {"STEPSAGA_BUILD_FOR": "local"}


def test_the_committed_template_is_up_to_date() -> None:
    """What `make check` asks for: this project's template is what its sagas say."""
    said = stepsaga("template", "--check", cwd=ROOT)
    assert (said.code, said.out, said.err) == (FINE, "template.yaml is up to date\n", "")


def test_a_stale_template_is_told_shortly(reference: Path) -> None:
    """Exit code 1, what differs in a few lines, and the way out; nothing is written."""
    file = reference / "template.yaml"
    stale = file.read_text().replace("MemorySize: 256", "MemorySize: 1024")
    file.write_text(stale)
    said = stepsaga("template", "--check", cwd=reference)
    assert (said.code, said.out) == (PROBLEM, "")
    lines = said.err.splitlines()
    assert lines[0] == "error: template.yaml is stale"
    assert lines[1:3] == ["    -      MemorySize: 1024", "    +      MemorySize: 256"]
    assert lines[-1] == "error: run `stepsaga template`, and commit what it writes"
    assert len(lines) <= 15
    assert file.read_text() == stale


def test_a_long_difference_is_cut(reference: Path) -> None:
    """Of a template without its generated parts a few lines are shown, and how many more."""
    file = reference / "template.yaml"
    file.write_text(file.read_text().partition("\nConditions:\n")[0] + OWN_TABLES)
    said = stepsaga("template", "--check", cwd=reference)
    assert said.code == PROBLEM
    assert " lines more\n" in said.err
    assert len(said.err.splitlines()) <= 15


OWN_TABLES = "\nResources:\n" + "".join(
    f"  {name}: {{Type: 'AWS::SNS::Topic'}}\n"
    for name in ("StockTable", "AccountsTable", "ParcelsTable", "OutboxTable", "TransfersTable")
)


def test_a_template_is_completed_and_then_left_alone(reference: Path) -> None:
    """It is written once; the second call changes nothing; neither file of somebody's goes."""
    file = reference / "template.yaml"
    complete = file.read_text()
    file.write_text(complete.replace("MemorySize: 256", "MemorySize: 1024"))
    assert stepsaga("template", cwd=reference).out == "updated   template.yaml\n"
    before = file.read_bytes()
    assert stepsaga("template", cwd=reference).out == "unchanged template.yaml\n"
    assert file.read_bytes() == before == complete.encode()


def test_a_project_without_either_file(reference: Path) -> None:
    """Both are written; what the participants speak of is to be added to the one by hand."""
    own = reference / "template.yaml"
    content = own.read_text()
    for name in ("template.yaml", "samconfig.toml"):
        (reference / name).unlink()
    said = stepsaga("template", "--check", cwd=reference)
    assert (said.code, own.exists()) == (PROBLEM, False)
    said = stepsaga("template", cwd=reference)
    assert said.code == PROBLEM
    assert "handlers.inventory refers to ${StockTable}" in said.err
    assert "declare the resource there" in said.err
    tables = content[
        content.index("\nResources:\n") : content.index("\n  # stepsaga: generated", 2000)
    ]
    own.write_text(own.read_text() + tables)
    said = stepsaga("template", cwd=reference)
    assert (said.code, said.err) == (FINE, "")
    assert said.out == "updated   template.yaml\nwritten   samconfig.toml\n"
    assert stepsaga("template", "--check", cwd=reference).code == FINE


@pytest.mark.parametrize("name", ["Payments", "Keep"])
def test_build(reference: Path, name: str) -> None:
    """What `sam build` calls by the Makefile fills the folder, and says nothing."""
    said = stepsaga("build", name, "--into", "into", cwd=reference)
    assert (said.code, said.out, said.err) == (FINE, "", "")
    assert any((reference / "into").rglob("*"))


def test_a_build_for_this_machine(reference: Path) -> None:
    """The local stage asks for this interpreter's wheels, whatever the template's defaults are."""
    (reference / "requirements" / "layer.lock").write_text("")
    assert stepsaga("template", cwd=reference).code == FINE
    said = stepsaga("build", "StepsagaLayer", "--into", "into", cwd=reference, env=HERE)
    assert (said.code, said.err) == (FINE, "")
    assert (reference / "into" / "python" / "stepsaga" / "runtime").is_dir()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("template.yaml", "MemorySize: 256", "MemorySize: 1"), "template.yaml is stale"),
        (("statemachines/fulfil_order.asl.json", "45", "46"), "fulfil_order.asl.json is stale"),
        (("samconfig.toml", "=prod", "=prod PythonVersion=python3.12"), "[prod] deploys with"),
        (("samconfig.toml", "stepsaga-dev", "s" * 80), "[dev]: the state machine of FulfilOrder"),
        (("handlers/payments.py", "cover", "pay"), "template.yaml is stale"),
    ],
)
@pytest.mark.parametrize("env", [{}, HERE], ids=["aws", "here"])
def test_a_build_of_what_the_files_do_not_say(
    reference: Path, change: tuple[str, str, str], words: str, env: dict[str, str]
) -> None:
    """Stale files and a configuration that does not fit are refused before a layer is built."""
    file, old, new = change
    path = reference / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    said = stepsaga("build", "StepsagaLayer", "--into", "into", cwd=reference, env=env)
    assert (said.code, said.out) == (PROBLEM, "")
    assert words in said.err
    assert "Traceback" not in said.err
    assert not (reference / "into").exists()
