"""The README, followed by the letter, as a newcomer would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stepsaga.cli.app import COMMANDS, app
from stepsaga.engines.faults import CALL_FAULTS
from tests.docs.blocks import Block, blocks_of

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TUTORIAL = "## Your own, in ten minutes"


def tutorial() -> list[Block]:
    """The blocks of the tutorial, in order."""
    start = README.read_text().split(TUTORIAL)[0].count("\n")
    return [block for block in blocks_of(README) if block.line > start]


def run(block: Block, folder: Path) -> Path:
    """Run a shell block in a folder; return the folder in which it ends."""
    where = folder / ".where"
    script = f"set -e\n{block.text}\npwd > {where}\n"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603  # the README's own words
        ["bash", "-c", script],  # noqa: S607  # whichever bash a reader has
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    shown = f"README.md:{block.line}\n{block.text}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == block.exits, shown
    assert "Traceback" not in done.stderr, shown
    return Path(where.read_text().strip()) if where.exists() else folder


def test_the_tutorial_works_to_the_letter(tmp_path: Path) -> None:
    """Every command of the tutorial ends as announced; every file of it is used by a later one."""
    folder = tmp_path
    written = []
    for block in tutorial():
        if block.language == "bash":
            folder = run(block, folder)
        elif block.language == "python":
            assert block.path, f"README.md:{block.line}: the block does not say which file it is"
            (folder / block.path).write_text(block.text)
            written.append(block.path)
    assert written == ["handlers/parking.py", "sagas/stays.py", "tests/test_stays.py"]
    assert (folder / "statemachines" / "book_stay.asl.json").exists()


def test_the_first_example_is_the_reference_saga() -> None:
    """The saga that the README shows is the one that the demo runs."""
    [block] = [block for block in blocks_of(README) if block.path == "sagas/orders.py"]
    shown = block.text.partition("class ")[2].strip()
    assert shown in (ROOT / block.path).read_text()


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_two_commands_exist(target: str) -> None:
    """`make demo` and `make test` are targets of the Makefile, and run in its environment."""
    done = subprocess.run(  # noqa: S603  # our own Makefile
        ["make", "--dry-run", target],  # noqa: S607  # whichever make a reader has
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ".venv" in done.stdout


def test_every_block_is_run_or_compared() -> None:
    """No block of the README is of a kind that nothing looks at."""
    blocks = blocks_of(README)
    assert {block.language for block in blocks} == {"", "python", "bash", "console"}
    [commands] = [block for block in blocks if not block.language]
    assert [line.split()[:2] for line in commands.text.splitlines()] == [
        ["make", "demo"],
        ["make", "test"],
    ]


def test_commands_for_an_account_are_as_they_are_called() -> None:
    """What the README types into an account has commands and options that there are."""
    lines = [
        line
        for block in blocks_of(README)
        if block.language == "console"
        for line in block.text.splitlines()
    ]
    assert {line.split()[0] for line in lines} == {"sam", "stepsaga", "aws"}
    for line in lines:
        program, *words = line.split()
        command = words[0]
        options = {word for word in words if word.startswith("--")}
        if program == "stepsaga":
            told = CliRunner().invoke(app, [command, "--help"])
            assert told.exit_code == 0, line
            assert options <= set(re.findall(r"--[a-z-]+", told.stdout)), line
        elif program == "sam":
            assert (command, options) in [
                ("build", set()),
                ("deploy", {"--config-env"}),
                ("delete", {"--config-env"}),
            ]


def test_the_faults_are_those_that_there_are() -> None:
    """The README names every kind of fault, and no other."""
    page = README.read_text()
    listed = page.partition("The kinds of faults: ")[2].partition(". They can strike")[0]
    assert set(re.findall(r"`([^`]+)`", listed)) == set(CALL_FAULTS)


def test_the_commands_are_those_that_there_are() -> None:
    """The README's table names every command, and no other."""
    named = re.findall(r"^\| `stepsaga ([\w-]+)", README.read_text(), re.MULTILINE)
    assert named == list(COMMANDS)
