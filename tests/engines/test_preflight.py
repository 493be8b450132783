"""`stepsaga preflight`, of the project: each problem is told with its text and the way out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.engines.preflight import project as checks
from stepsaga.engines.preflight.findings import Finding, State
from stepsaga.engines.preflight.project import check_project, project_of
from stepsaga.errors import DeploymentError
from tests.engines.projects import BUILT, Folder, application, project_in

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


def told(findings: list[Finding]) -> Finding:
    """The one problem among findings."""
    [found] = [one for one in findings if one.state is State.PROBLEM]
    return found


def problem_of(folder: Folder, **environment: Any) -> Finding:
    """The one problem that a project has."""
    return told(check_project(folder.project(**environment)))


def test_a_sound_project_has_no_problem(folder: Folder) -> None:
    """Every check says that it is fine, in the order in which they are made."""
    found = check_project(folder.project())
    assert {one.state for one in found} == {State.OK}, found
    assert [one.check for one in found] == [
        "generated files",
        "stage",
        "parameters",
        "target",
        "names",
        "deploy options",
        "build",
    ]


def test_an_environment_that_is_not_there(folder: Folder) -> None:
    """It says which environments there are."""
    with pytest.raises(DeploymentError, match="no environment 'prod'; there are: dev"):
        project_of(folder.root, application(), "prod")


def test_a_stale_definition(folder: Folder) -> None:
    """A definition that is not its saga's is named, with the command that writes it."""
    folder.change("statemachines/fulfil_order.asl.json", lambda text: text + "\n")
    found = list(checks.generated_files(folder.project()))
    assert told(found).text.startswith(
        "statemachines/fulfil_order.asl.json is stale: run `stepsaga compile`"
    )


def test_prod_gets_what_is_recorded(folder: Folder) -> None:
    """What is deployed to prod must be among the releases with which later ones are compared."""
    project = folder.project(parameters={"Stage": "prod"})
    found = told(list(checks.recorded(project)))
    assert found.text == "FulfilOrder as it is now is not in statemachines/released/"
    assert "run `stepsaga release`" in found.hint
    place = folder.root / "statemachines/released"
    place.mkdir()
    (place / "fulfil_order.0.json").write_text("[]")
    assert told(list(checks.recorded(project))) == found
    [machine] = application().machines
    (place / "fulfil_order.1.json").write_text(f'{{"fingerprint": "{machine.fingerprint}"}}')
    [fine] = checks.recorded(project)
    assert fine.state is State.OK
    assert list(checks.recorded(folder.project())) == []


def test_a_stale_template(folder: Folder) -> None:
    """A handler that changed makes the template stale."""
    folder.change("handlers/payments.py", lambda text: text + "\n# more\n")
    [found] = checks.generated_files(folder.project())
    assert (found.state, found.text[:48]) == (
        State.PROBLEM,
        "template.yaml is stale: run `stepsaga template`,",
    )


SECTION = "[dev.deploy.parameters] of samconfig.toml"


@pytest.mark.parametrize(
    ("given", "text", "hint"),
    [
        (
            {"Stage": "dev", "LogRetention": "7"},
            f"{SECTION} gives LogRetention, which template.yaml does not declare: sam would le",
            "did you mean LogRetentionDays?",
        ),
        (
            {"Stage": "dev", "Zone": "a"},
            f"{SECTION} gives Zone, which template.yaml does not declare: sam would leave it out",
            "declare it, or take it out",
        ),
        (
            {},
            f"{SECTION} gives no Stage, and template.yaml has no Default for it",
            "add Stage=... to parameter_overrides: one of local, dev, prod",
        ),
        (
            {"Stage": "staging"},
            f"{SECTION}: Stage=staging is none of the values that template.yaml allows",
            "one of local, dev, prod",
        ),
        (
            {"Stage": "dev", "LogRetentionDays": "a week"},
            f"{SECTION}: LogRetentionDays=a week is none of the values that template.yaml allows",
            "one of 1, 3, 5, 7, ",
        ),
    ],
)
def test_parameters_that_do_not_fit(
    folder: Folder, given: dict[str, str], text: str, hint: str
) -> None:
    """Unknown, missing and not allowed: each is named, with what there is."""
    found = problem_of(folder, parameters=given)
    assert found.check == "parameters"
    assert found.text.startswith(text)
    assert found.hint.startswith(hint)


def test_a_secret_is_not_shown(folder: Folder) -> None:
    """Neither the value of a parameter with ``NoEcho`` is told, nor which are allowed."""
    declaration = (
        "Parameters:\n  Token:\n    Type: String\n    NoEcho: true\n    AllowedValues: [ab]\n"
    )
    folder.change("template.yaml", lambda text: text.replace("Parameters:\n", declaration, 1))
    given = {"Stage": "dev", "Token": "hunter2"}
    [found] = checks.parameters(folder.project(parameters=given))
    assert found.text == f"{SECTION}: Token=*** is none of the values that template.yaml allows"
    assert found.hint == "see Token in template.yaml"


@pytest.mark.parametrize(
    ("where", "verb"), [("parameters", "deploys with"), ("built", "builds with")]
)
def test_another_target_than_is_built_for(folder: Folder, where: str, verb: str) -> None:
    """What is built for the template's defaults cannot be deployed, or asked, otherwise."""
    given = {"Stage": "dev", "PythonVersion": "python3.12"}
    [found] = checks.target(folder.project(**{where: given}))
    assert f"samconfig.toml: [dev] {verb} PythonVersion=python3.12, and functions" in found.text
    assert found.hint == "change the Default of PythonVersion in template.yaml instead"


def test_a_machines_name_that_is_too_long(folder: Folder) -> None:
    """It names the saga, the name and the limit."""
    found = problem_of(folder, stack="s" * 70)
    assert found.check == "names"
    assert f"FulfilOrder would be called {'s' * 70}-FulfilOrder, which has 82" in found.text


@pytest.mark.parametrize("stack", ["", "1st", "my_shop", "s" * 129])
def test_a_stack_that_cannot_be_called_so(folder: Folder, stack: str) -> None:
    """A missing name, a wrong one and one that is too long."""
    found = problem_of(folder, stack=stack)
    assert found.text == f"{SECTION}: stack_name {stack!r} is no name for a stack"
    assert found.hint.startswith("write a letter, then letters")


def test_a_functions_name_that_is_too_long(folder: Folder) -> None:
    """A function of the user's own that is named by the stack is measured with the stack's name."""
    own = (
        "Resources:\n  Report:\n    Type: AWS::Serverless::Function\n    Properties:\n"
        "      FunctionName: !Sub '${AWS::StackName}-${Stage}-report'\n"
        "  Plain:\n    Type: AWS::Lambda::Function\n    Properties:\n      FunctionName: plain\n"
    )
    folder.change("template.yaml", lambda text: text.replace("Resources:\n", own, 1))
    [found] = checks.names(folder.project(stack="s" * 60))
    assert found.text == (
        f"template.yaml: the function Report would be called {'s' * 60}-dev-report, which has 71"
        " characters; Lambda allows 64"
    )


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        (["CAPABILITY_AUTO_EXPAND"], "CAPABILITY_IAM"),
        ("", "CAPABILITY_IAM and CAPABILITY_AUTO_EXPAND"),
    ],
)
def test_capabilities_that_are_lacking(folder: Folder, given: Any, lacking: str) -> None:
    """It names what lacks, and the line to write."""
    project = folder.project()
    options = {**project.options, "capabilities": given}
    found = told(list(checks.deploy_options(replace(project, options=options))))
    assert found.text == f"{SECTION}: capabilities lack {lacking}: CloudFormation refuses"
    assert found.hint == 'write capabilities = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"'


def test_named_roles_include_others(folder: Folder) -> None:
    """CAPABILITY_NAMED_IAM says all that CAPABILITY_IAM says."""
    folder.configure("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM")
    assert all(one.state is State.OK for one in checks.deploy_options(folder.project()))


def test_no_place_for_the_code(folder: Folder) -> None:
    """Neither of the two options that give sam a bucket is set."""
    folder.configure("resolve_s3 = true", "")
    found = problem_of(folder)
    assert found.text == (
        f"{SECTION}: neither resolve_s3 nor s3_bucket is set: sam has no place for code"
    )
    assert found.hint == "write resolve_s3 = true"


def test_the_local_stage_in_an_account(folder: Folder) -> None:
    """Stage=local goes to the emulator's profile only."""
    [found] = checks.local_stage(folder.project(parameters={"Stage": "local"}, profile="work"))
    assert found.text == (
        f"{SECTION}: Stage=local would be deployed with the profile 'work': into an account, where"
        " its code cannot run"
    )
    assert found.hint == 'write profile = "stepsaga-local", or Stage=dev'


def test_another_stage_on_this_machine(folder: Folder) -> None:
    """The emulator's profile is for Stage=local only."""
    found = problem_of(folder, profile="stepsaga-local")
    assert "the profile stepsaga-local is for Stage=local" in found.text


def test_the_local_stage_is_built_elsewhere(folder: Folder) -> None:
    """Of the local stage nobody claims to know the build."""
    project = folder.project(parameters={"Stage": "local"}, profile="stepsaga-local")
    found = {one.check: one.state for one in check_project(project)}
    assert found.pop("build") is State.UNKNOWN
    assert set(found.values()) == {State.OK}


# The build


def test_no_build(folder: Folder) -> None:
    """Where there is none, it says how to make one."""
    shutil.rmtree(folder.root / BUILT)
    found = problem_of(folder)
    assert (found.text, found.hint) == (f"there is no {BUILT}/template.yaml", "run `sam build`")


def test_a_build_of_another_place(folder: Folder) -> None:
    """An environment that deploys another template is looked at there."""
    folder.configure("resolve_s3 = true", 'resolve_s3 = true\ntemplate_file = "out/template.yaml"')
    assert problem_of(folder).text == "there is no out/template.yaml"
    (folder.root / BUILT).rename(folder.root / "out")
    definition = "statemachines/fulfil_order.asl.json"
    folder.change(
        "out/template.yaml", lambda text: text.replace(f"../../{definition}", f"../{definition}")
    )
    assert all(one.state is State.OK for one in check_project(folder.project()))


def test_a_build_of_another_release(folder: Folder) -> None:
    """A digest, a role, a parameter of a resource: what is not as in the template is named."""
    [digest] = [
        line.split()[-1]
        for line in (folder.root / "template.yaml")
        .read_text()
        .partition("\n  Payments:")[2]
        .splitlines()[:40]
        if "AutoPublishCodeSha256" in line
    ]
    folder.change(f"{BUILT}/template.yaml", lambda text: text.replace(digest, "0" * 64))
    found = problem_of(folder)
    assert found.text == f"Payments in {BUILT}/template.yaml are not as in template.yaml"
    folder.change(
        f"{BUILT}/template.yaml", lambda text: text.replace("dynamodb:PutItem", "dynamodb:*")
    )
    assert " and " in problem_of(folder).text
    assert " more in " in problem_of(folder).text


def test_a_build_without_a_resource(folder: Folder) -> None:
    """What has been added to the template since is named."""
    own = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n"
    folder.change("template.yaml", lambda text: text.replace("Resources:\n", own, 1))
    assert problem_of(folder).text.startswith("Topic in ")


def test_a_definition_that_would_not_be_the_sagas(folder: Folder) -> None:
    """The definition that the built template points to is read."""
    folder.change(
        f"{BUILT}/template.yaml", lambda text: text.replace("fulfil_order.asl.json", "other.json")
    )
    found = problem_of(folder)
    assert found.text == ("the definition of FulfilOrder that would be deployed is not its saga's")
    assert found.hint == "run `stepsaga compile`, then `sam build`"


@pytest.mark.parametrize("content", ["{}", "no JSON", None])
def test_graphs_that_would_not_be_kept(folder: Folder, content: str | None) -> None:
    """A build without this release's graphs could not be undone from its events (rule 9)."""
    file = folder.root / BUILT / "Keep" / "definitions.json"
    file.unlink() if content is None else file.write_text(content)
    assert problem_of(folder).text == "Keep in the build does not have the graphs of FulfilOrder"


def test_a_layer_for_another_machine(folder: Folder) -> None:
    """A layer that was built for this interpreter would not be loaded on AWS."""
    layer = folder.root / BUILT / "StepsagaLayer" / "python"
    shutil.rmtree(layer)
    layer.mkdir()
    (layer / "_core.cpython-39-x86_64-linux-gnu.so").touch()
    found = problem_of(folder)
    assert found.text.startswith("StepsagaLayer was built for python3.9 on x86_64, and python3.")
    assert found.hint == "run `sam build` without STEPSAGA_BUILD_FOR"


def test_a_layer_that_is_empty(folder: Folder) -> None:
    """A layer without one compiled module is not the one that functions need."""
    shutil.rmtree(folder.root / BUILT / "StepsagaLayer")
    assert problem_of(folder).text == "StepsagaLayer in the build has no compiled modules"


def test_a_built_template_that_is_none(folder: Folder) -> None:
    """What is there instead of a template is told."""
    (folder.root / BUILT / "template.yaml").write_text("nothing\n")
    assert problem_of(folder).text == f"{BUILT}/template.yaml is no template: run `sam build`"
