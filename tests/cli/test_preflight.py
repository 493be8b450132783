"""`stepsaga preflight`: what it shows, and what it exits with."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from stepsaga.cli.exits import FINE, PROBLEM
from stepsaga.testing.stack import local_stack
from tests.cli.shell import stepsaga
from tests.engines.projects import Folder, project_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which nothing is wrong."""
    return project_in(tmp_path_factory.mktemp("made")).root


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Folder:
    """A copy of it, to break."""
    return Folder(shutil.copytree(made, tmp_path / "project"))


def test_a_line_a_check(folder: Folder) -> None:
    """In a pipe it is plain text: the check, its state, what was found; and a sum."""
    said = stepsaga("preflight", "--config-env", "dev", "--offline", cwd=folder.root)
    assert (said.code, said.err) == (FINE, "")
    assert said.out.splitlines() == [
        "generated files  ok         template.yaml and statemachines/ are up to date",
        "stage            ok         dev",
        "parameters       ok         2 of 5 are given",
        said.out.splitlines()[3],
        "names            ok         all fit, with the stack called shop",
        "deploy options   ok         capabilities and a bucket for the code are set",
        "build            ok         .aws-sam/build/template.yaml is of this release",
        "no problems",
    ]


def test_a_problem_has_a_way_out(folder: Folder) -> None:
    """A problem's hint stands below it, and the exit code is 1."""
    shutil.rmtree(folder.root / ".aws-sam")
    said = stepsaga("preflight", "--config-env", "dev", "--offline", cwd=folder.root)
    assert said.code == PROBLEM
    assert said.out.splitlines()[-3:] == [
        "build            problem    there is no .aws-sam/build/template.yaml",
        "    hint: run `sam build`",
        "1 problem",
    ]


def test_for_a_machine(folder: Folder) -> None:
    """JSON has each check with its state."""
    said = stepsaga("preflight", "--config-env", "dev", "--offline", "--json", cwd=folder.root)
    told = json.loads(said.out)
    assert told["environment"] == "dev"
    assert told["checks"][1] == {"check": "stage", "state": "ok", "text": "dev", "hint": ""}


def test_an_environment_that_is_not_there(folder: Folder) -> None:
    """It is a problem like others, and says which there are."""
    said = stepsaga("preflight", cwd=folder.root)
    assert said.code == PROBLEM
    assert "samconfig.toml has no environment 'default'; there are: dev" in said.out


def test_a_configuration_that_is_none(folder: Folder) -> None:
    """What cannot be read is told without a traceback."""
    (folder.root / "samconfig.toml").write_text("[dev\n")
    said = stepsaga("preflight", "--config-env", "dev", cwd=folder.root)
    assert said.code == PROBLEM
    assert said.out.startswith("environment  problem    samconfig.toml: it is no TOML")


def test_without_credentials(folder: Folder) -> None:
    """The account is asked after the files; without credentials it says how to give some."""
    env = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_CONFIG_FILE": "none"}
    env |= {"AWS_SHARED_CREDENTIALS_FILE": "none"}
    said = stepsaga("preflight", "--config-env", "dev", cwd=folder.root, env=env)
    assert said.code == PROBLEM
    assert "credentials      problem    no AWS credentials" in said.out


def test_a_profile_that_is_not_there(folder: Folder) -> None:
    """A profile of samconfig.toml that this machine does not have is named."""
    folder.configure("resolve_s3 = true", 'resolve_s3 = true\nprofile = "nobody"')
    said = stepsaga("preflight", "--config-env", "dev", cwd=folder.root)
    assert said.code == PROBLEM
    assert "credentials      problem    The config profile (nobody) could not be found" in said.out


def test_the_local_stage_asks_no_account(folder: Folder) -> None:
    """What is deployed to an emulator has no account: that is not known, and no problem."""
    folder.configure("Stage=dev", "Stage=local")
    folder.configure("resolve_s3 = true", 'resolve_s3 = true\nprofile = "stepsaga-local"')
    said = stepsaga("preflight", "--config-env", "dev", cwd=folder.root)
    assert said.code == FINE
    assert said.out.splitlines()[-1] == "no problems, 2 not known"


def test_an_account_that_is_ready(folder: Folder) -> None:
    """The account is asked with the Region of samconfig.toml; what is not known is no problem."""
    folder.configure("resolve_s3 = true", 'resolve_s3 = true\nregion = "eu-west-1"')
    with local_stack() as local:
        env = {
            "AWS_ENDPOINT_URL": local.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        said = stepsaga("preflight", "--config-env", "dev", cwd=folder.root, env=env)
    assert said.code == FINE
    assert "region           ok         eu-west-1\n" in said.out
    assert "stack            ok         shop will be created\n" in said.out
    assert said.out.splitlines()[-1] == "no problems, 1 not known"
