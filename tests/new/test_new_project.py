"""`stepsaga new`: what a user gets works, is sound, and leaves nothing behind when it cannot."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


def command(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, as a user would."""
    return subprocess.run(  # noqa: S603  # what a user would type
        words,
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project."""
    folder = tmp_path_factory.mktemp("new")
    done = command(str(BIN / "stepsaga"), "new", "rooms", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder / "rooms"


def test_make_test_is_green(project: Path) -> None:
    """`make test` of a new project checks, compiles and passes its tests."""
    done = command("make", "test", f"BIN={BIN}", folder=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_make_run_runs_the_saga(project: Path) -> None:
    """`make run` of a new project runs its saga to completion."""
    done = command("make", "run", f"BIN={BIN}", folder=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "completed" in done.stdout


@pytest.mark.parametrize(
    "tool",
    [
        ("ruff", "check", "--no-cache", "."),
        ("ruff", "format", "--no-cache", "--check", "."),
        ("mypy",),
    ],
    ids=["ruff check", "ruff format", "mypy --strict"],
)
def test_the_new_project_is_clean(project: Path, tool: tuple[str, ...]) -> None:
    """A linter and a strict type checker find nothing in a new project."""
    done = command(str(BIN / tool[0]), *tool[1:], folder=project)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_has_the_folders_of_the_reference_application(project: Path) -> None:
    """A new project has the same folders as this repository."""
    folders = {path.name for path in project.iterdir() if path.is_dir()}
    wanted = {"sagas", "handlers", "statemachines", "tools", "tests", "examples"}
    assert wanted <= folders
    assert (project / ".gitignore").exists()


def test_it_speaks_of_what_it_has(project: Path) -> None:
    """Each `make` target that its files name is one of its Makefile; each environment is told."""
    makefile = (project / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for file in ("README.md", "samconfig.toml", "template.yaml", ".gitignore", "Makefile"):
        text = (project / file).read_text()
        assert {*re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)} <= targets, file
    readme = (project / "README.md").read_text()
    stacks = re.findall(r'stack_name = "([\w-]+)"', (project / "samconfig.toml").read_text())
    assert len(stacks) == 3
    assert [stack for stack in stacks if f"`{stack}`" not in readme] == []


def test_what_it_installs_can_be_installed(project: Path) -> None:
    """The requirement of a new project leads to the stepsaga that wrote it."""
    options = ("--dry-run", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    python = str(BIN / "python")
    done = command(
        python, "-m", "pip", "install", *options, "-r", "requirements.txt", folder=project
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stepsaga" in done.stdout


def test_an_old_python_is_refused_in_words(project: Path, tmp_path: Path) -> None:
    """With a Python that is too old `make test` says which one it needs, and makes nothing."""
    old = tmp_path / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = command("make", "test", f"PYTHON={old}", folder=project)
    assert done.returncode != 0
    assert "this needs Python 3.11 or later" in done.stderr
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("name", ["9 lives", "a b", "x/../!"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    """A name that cannot be a project's is refused, and nothing is written."""
    done = command(str(BIN / "stepsaga"), "new", name, folder=tmp_path)
    assert done.returncode == 2
    assert "is no name for a project" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """An existing folder is not written into."""
    (tmp_path / "rooms").mkdir()
    done = command(str(BIN / "stepsaga"), "new", "rooms", folder=tmp_path)
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert list((tmp_path / "rooms").iterdir()) == []
