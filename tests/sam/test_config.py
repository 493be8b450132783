"""What ``samconfig.toml`` asks for, in all forms that ``sam`` reads, and what is refused."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stepsaga.errors import DeploymentError
from stepsaga.sam.config import (
    FILE,
    SCAFFOLD,
    check_environments,
    environment,
    environments,
    scaffold,
)
from tests.sam.conftest import TARGET
from tests.sam.projects import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from stepsaga.sam.application import Application


def configured(root: Path, text: str) -> Path:
    """A project with this configuration."""
    (root / FILE).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"Stage=prod"', {"Stage": "prod"}),
        ('"Stage=prod LogRetentionDays=7"', {"Stage": "prod", "LogRetentionDays": "7"}),
        ("'Stage=prod Text=\"a b\"'", {"Stage": "prod", "Text": "a b"}),
        ("'Stage=\"prod\"'", {"Stage": "prod"}),
        ('"Text=a=b"', {"Text": "a=b"}),
        ('"Text="', {"Text": ""}),
        ('""', {}),
        ('["Stage=prod", "Text=a b"]', {"Stage": "prod", "Text": "a b"}),
        ("['Text=\"a b\"']", {"Text": "a b"}),
        ('[{Stage = "prod"}, "Days=1"]', {"Stage": "prod", "Days": "1"}),
        ('{Stage = "prod", Days = 7}', {"Stage": "prod", "Days": "7"}),
        ("{Flag = true, Many = [1, 2]}", {"Flag": "true", "Many": "1,2"}),
        (
            '"ParameterKey=Stage,ParameterValue=prod ParameterKey=Text,ParameterValue=a,b"',
            {"Stage": "prod", "Text": "a,b"},
        ),
    ],
)
def test_all_forms_of_parameters(tmp_path: Path, written: str, read: dict[str, str]) -> None:
    """Parameters are a text, a list or a table, as sam takes them."""
    text = f"version = 0.1\n[prod.deploy.parameters]\nparameter_overrides = {written}\n"
    [found] = environments(configured(tmp_path, text))
    assert (found.name, dict(found.parameters)) == ("prod", read)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[prod", "samconfig.toml: it is no TOML: "),
        ("\udcff", "samconfig.toml: it is no TOML: "),
        ('[prod.deploy.parameters]\nparameter_overrides = "Stage"', "'Stage' is no Key=Value"),
        ("[prod.deploy.parameters]\nparameter_overrides = '\"'", "No closing quotation"),
        ("[prod]\ndeploy = 1", r"\[prod\]: deploy must be a table: \[prod.deploy.parameters\]"),
        ("[prod.global]\nparameters = 1", r"parameters must be a table: \[prod.global"),
    ],
)
def test_what_sam_could_not_read(tmp_path: Path, text: str, words: str) -> None:
    """What is no configuration is refused with its place."""
    (tmp_path / FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DeploymentError, match=words):
        environments(tmp_path)


def test_an_environment_by_name(tmp_path: Path) -> None:
    """One environment with what is given for all commands; of an unknown one, which there are."""
    assert environments(tmp_path) == ()
    with pytest.raises(DeploymentError, match="no environment 'prod'; there are: none"):
        environment(tmp_path, "prod")
    prod = environment(ROOT, "prod")
    assert (prod.stack, prod.parameters["Stage"]) == ("stepsaga-prod", "prod")
    local = environment(ROOT, "default")
    assert (local.profile, local.region) == ("stepsaga-local", "eu-central-1")
    with pytest.raises(DeploymentError, match="no environment 'live'; there are: default, dev"):
        environment(ROOT, "live")


def test_a_command_s_own_options_win(tmp_path: Path) -> None:
    """What is said of the deployment stands before what is said of all commands."""
    text = (
        '[x.global.parameters]\nstack_name = "all"\nregion = "a"\n'
        '[x.deploy.parameters]\nstack_name = "one"\n'
    )
    found = environment(configured(tmp_path, text), "x")
    assert (found.stack, found.region) == ("one", "a")


def test_this_project_s_configuration(application: Application) -> None:
    """It is the scaffold's, and every environment can be deployed as it is built."""
    ours, theirs = ((ROOT / FILE).read_text("utf-8"), SCAFFOLD.replace("$name", "stepsaga"))
    # But for what it says of `make demo`, which other projects do not have.
    assert tomllib.loads(ours) == tomllib.loads(theirs)
    check_environments(ROOT, TARGET, application)


@pytest.mark.parametrize("command", ["build", "deploy", "global"])
@pytest.mark.parametrize("given", ["PythonVersion=python3.12", "Architecture=x86_64"])
def test_another_target_than_is_built_for(
    tmp_path: Path, application: Application, command: str, given: str
) -> None:
    """A mismatch of the deployment with what is built is refused: the functions would not start."""
    name, _, value = given.partition("=")
    text = f'[prod.{command}.parameters]\nparameter_overrides = "Stage=prod {given}"\n'
    with pytest.raises(DeploymentError, match=rf"\[prod\] \w+ with {name}={value}, and functions"):
        check_environments(configured(tmp_path, text), TARGET, application)
    same = {**TARGET, name: value}
    check_environments(tmp_path, same, application)


def test_names_over_the_limit(tmp_path: Path, application: Application) -> None:
    """Stack and saga together are a machine's name, which has 80 characters at most."""
    stack = "s" * (80 - len("-FulfilOrder"))
    text = f'[prod.global.parameters]\nstack_name = "{stack}"\n'
    check_environments(configured(tmp_path, text), TARGET, application)
    configured(tmp_path, text.replace(stack, f"{stack}s"))
    with pytest.raises(DeploymentError, match=r"\[prod\]: .* FulfilOrder .* 81 characters"):
        check_environments(tmp_path, TARGET, application)
    check_environments(tmp_path, TARGET, replace(application, machines=()))


@pytest.mark.parametrize(
    ("folder", "stack"),
    [
        ("shop", "shop"),
        ("My Shop_2", "My-Shop-2"),
        ("--shop--", "shop"),
        ("2shop", "sagas-2shop"),
        ("größe", "gr-e"),
        ("店", "sagas"),
        ("", "sagas"),
        ("x" * 100, "x" * 40),
        ("x" * 39 + "-yyy", "x" * 39),
    ],
)
def test_a_scaffold_has_names_for_stacks(folder: str, stack: str) -> None:
    """A folder's name becomes one that CloudFormation takes, with room for the saga's."""
    content = tomllib.loads(scaffold(folder))
    names = [content[one]["global"]["parameters"]["stack_name"] for one in ("default", "dev")]
    assert names == [f"{stack}-local", f"{stack}-dev"]
    assert all(
        content[one]["build"]["parameters"]["build_in_source"]
        for one in content
        if one != "version"
    )
