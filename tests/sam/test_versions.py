"""When a function is published anew: as SAM decides it, by the name that it gives a version."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.sam.application import Application, application_of
from stepsaga.sam.functions import LAYER_LOCK, layer_digest
from stepsaga.sam.sources import digest_of, shipped_files
from stepsaga.sam.template import render
from tests.sam.projects import FULFIL_ORDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sam.cloud import Sam

    Versions = Callable[..., set[str]]

PARTICIPANTS = {"Inventory", "Notifications", "Payments", "Shipping"}
TARGET = {"PythonVersion": "python3.13", "Architecture": "arm64"}


@pytest.fixture
def versions(sam: Sam) -> Versions:
    """The names of all versions that a deployment of a project publishes, perhaps changed."""

    def of(
        root: Path, change: Callable[[Application], Application] = lambda same: same
    ) -> set[str]:
        application = change(application_of(root, [FULFIL_ORDER]))
        resources = sam.translate(render(root, application))
        kinds = {name: resource["Type"] for name, resource in resources.items()}
        return {name for name, kind in kinds.items() if kind == "AWS::Lambda::Version"}

    return of


def published(before: set[str], after: set[str]) -> set[str]:
    """The participants of which one deployment has another version than the other."""
    return {re.sub(r"Version[0-9a-f]{10}$", "", name) for name in after - before}


def edit(file: Path, old: str, new: str) -> None:
    """Change a file in one place."""
    text = file.read_text()
    assert text.count(old) >= 1
    file.write_text(text.replace(old, new, 1))


def with_function(application: Application, name: str, **changes: Any) -> Application:
    """The application with one function changed."""
    functions = tuple(
        replace(one, **changes) if one.name == name else one for one in application.functions
    )
    assert functions != application.functions
    return replace(application, functions=functions)


def test_every_participant_has_a_version_that_stays(reference: Path, sam: Sam) -> None:
    """A version is kept when the next one is published: sagas are running on it (rule 12).

    One that a rolled-back deployment has published goes: Lambda would refuse to publish its equal.
    """
    resources = sam.translate(render(reference, application_of(reference, [FULFIL_ORDER])))
    found = [one for one in resources.values() if one["Type"] == "AWS::Lambda::Version"]
    assert len(found) == len(PARTICIPANTS)
    assert {one["DeletionPolicy"] for one in found} == {"RetainExceptOnCreate"}
    assert {one["UpdateReplacePolicy"] for one in found} == {"Retain"}
    for name in PARTICIPANTS:
        assert resources[f"{name}Aliaslive"]["Properties"]["Name"] == "live"


def test_the_name_is_the_digest(reference: Path, versions: Versions) -> None:
    """SAM names a version by the first ten characters of the digest, and nothing else."""
    text = render(reference, application_of(reference, [FULFIL_ORDER]))
    digests = re.findall(r"AutoPublishCodeSha256: ([0-9a-f]{64})", text)
    assert {name[-10:] for name in versions(reference)} == {digest[:10] for digest in digests}


def test_the_digest_is_in_the_function(reference: Path, sam: Sam) -> None:
    """Where a version's name changes its function does too: SAM writes the digest into it.

    Else what changes the digest and not the function could not be deployed: Lambda refuses to
    publish what equals the last version, "A version for this Lambda function exists".
    """
    resources = sam.translate(render(reference, application_of(reference, [FULFIL_ORDER])))
    versions = {
        name: one for name, one in resources.items() if one["Type"] == "AWS::Lambda::Version"
    }
    assert {re.sub(r"Version[0-9a-f]{10}$", "", name) for name in versions} == PARTICIPANTS
    for name, version in versions.items():
        function = resources[version["Properties"]["FunctionName"]["Ref"]]
        text = function["Properties"]["Description"]
        assert re.fullmatch(rf"handlers\.\w+ {name[-10:]}[0-9a-f]{{54}}", text)


def test_nothing_changed(
    reference: Path, versions: Versions, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same project gives the same versions, in whatever folder, and however often."""
    before = versions(reference)
    assert versions(reference) == before
    other = tmp_path_factory.mktemp("other") / "place"
    reference.rename(other)
    assert versions(other) == before


def test_code_of_one_participant(reference: Path, versions: Versions) -> None:
    """A changed handler publishes its own function, and no other one."""
    before = versions(reference)
    edit(reference / "handlers" / "payments.py", "does not cover", "cannot cover")
    assert published(before, versions(reference)) == {"Payments"}


def test_code_that_participants_share(reference: Path, versions: Versions) -> None:
    """A changed module that all of them import publishes all of them."""
    before = versions(reference)
    edit(reference / "handlers" / "table.py", "Busy", "Busy_")
    assert published(before, versions(reference)) == PARTICIPANTS


@pytest.mark.parametrize("what", ["a saga's text", "a file that nobody imports", "a comment"])
def test_what_no_function_carries(reference: Path, versions: Versions, what: str) -> None:
    """What no function carries publishes nothing."""
    before = versions(reference)
    if what == "a saga's text":
        edit(reference / "sagas" / "orders.py", "from basket to doorstep", "to the door")
    elif what == "a file that nobody imports":
        (reference / "handlers" / "draft.py").write_text("x = 1\n")
    else:
        edit(reference / "template.yaml", "Parameters:\n", "# A comment.\n\nParameters:  # all\n")
    assert published(before, versions(reference)) == set()


def test_the_layer_alone(reference: Path, versions: Versions) -> None:
    """Another lock file is another layer, and publishes all functions: SAM alone would not."""
    before = versions(reference)
    edit(reference / LAYER_LOCK, "pydantic==2", "pydantic==3")
    assert published(before, versions(reference)) == PARTICIPANTS


@pytest.mark.parametrize("new", ["# why\npydantic==", "# x\n\npydantic=="], ids=["one", "two"])
def test_what_a_lock_file_says_beside_its_pins(
    reference: Path, versions: Versions, new: str
) -> None:
    """A comment in the lock file makes no other layer, and publishes nothing."""
    before = versions(reference)
    edit(reference / LAYER_LOCK, "pydantic==", new)
    assert published(before, versions(reference)) == set()


def test_stepsaga_itself_is_in_the_layer_s_digest(tmp_path: Path, reference: Path) -> None:
    """What is shipped of stepsaga counts by path and content, and the checks do not."""
    package = tmp_path / "copy"
    shipped = ("runtime/__init__.py", "store/x.py", "asl/a.py", "recovery/r.py")
    for name in ("__init__.py", "errors.py", *shipped, "checks/y.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("1")
    for name in ("limits.py", "py.typed", "graph.py"):
        (package / name).write_text("")
    before = digest_of(package, shipped_files(package))
    (package / "checks" / "y.py").write_text("2")
    assert digest_of(package, shipped_files(package)) == before
    (package / "store" / "x.py").write_text("2")
    assert digest_of(package, shipped_files(package)) != before
    assert layer_digest(reference, TARGET) == layer_digest(reference, dict(TARGET))


@pytest.mark.parametrize(
    ("old", "new"),
    [("Default: python3.13", "Default: python3.12"), ("Default: arm64", "Default: x86_64")],
)
def test_what_is_built_for(reference: Path, versions: Versions, old: str, new: str) -> None:
    """Another Python or architecture is another layer, and publishes all functions."""
    before = versions(reference)
    edit(reference / "template.yaml", old, new)
    assert published(before, versions(reference)) == PARTICIPANTS


@pytest.mark.parametrize(
    "changes",
    [{"environment": {"ACCOUNTS_TABLE": "other"}}, {"memory": 512}, {"seconds": 26}],
    ids=["environment", "memory", "timeout"],
)
def test_settings(reference: Path, versions: Versions, changes: dict[str, Any]) -> None:
    """A changed setting publishes the function that it is of."""
    before = versions(reference)
    after = versions(reference, lambda found: with_function(found, "Payments", **changes))
    assert published(before, after) == {"Payments"}


def test_rights_are_no_setting(reference: Path, versions: Versions) -> None:
    """All versions run under the role as it is: other rights publish nothing."""
    policy = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}
    before = versions(reference)
    after = versions(reference, lambda found: with_function(found, "Payments", policies=(policy,)))
    assert published(before, after) == set()


def test_globals_are_settings_of_all(reference: Path, versions: Versions) -> None:
    """What somebody's own text says of all functions publishes all of them."""
    before = versions(reference)
    edit(reference / "template.yaml", "Parameters:\n", GLOBALS)
    assert published(before, versions(reference)) == PARTICIPANTS


GLOBALS = """\
Globals:
  Function:
    Environment: {Variables: {LEVEL: debug}}

Parameters:
"""


def test_a_resource_that_a_variable_speaks_of(reference: Path, versions: Versions) -> None:
    """A table that may be replaced is called otherwise then, and a version keeps its variables."""
    before = versions(reference)
    edit(reference / "template.yaml", "AttributeName: id,", "AttributeName: key,")  # StockTable's
    assert published(before, versions(reference)) == {"Inventory"}


def test_a_parameter_that_a_variable_speaks_of(reference: Path, versions: Versions) -> None:
    """Another value in samconfig.toml is another setting, for whom it is one."""
    edit(reference / "template.yaml", "Parameters:\n", "Parameters:\n  Level: {Type: String}\n")

    def speaking(found: Application) -> Application:
        return with_function(found, "Payments", environment={"LEVEL": "${Level}"})

    before = versions(reference, speaking)
    edit(reference / "samconfig.toml", "Stage=prod", "Stage=prod Level=debug")
    assert published(before, versions(reference, speaking)) == {"Payments"}
    before = versions(reference, speaking)
    edit(reference / "samconfig.toml", "LogRetentionDays=90", "LogRetentionDays=30")
    assert published(before, versions(reference, speaking)) == set()


SETTINGS = "Parameters:\n"
TABLE = "    Properties:\n      BillingMode: PAY_PER_REQUEST\n"  # StockTable's is the first
NAME = "      TableName: !Sub '${AWS::StackName}-${Feature}-stock'\n"
KEY = "  Key: {Type: 'AWS::KMS::Key', Properties: {Description: !Ref Feature}}\n"
KEYED = "      SSESpecification: {KMSMasterKeyId: !GetAtt Key.Arn}\n"
CONDITION = """\
Conditions:
  IsBig: !Condition IsLarge
  IsLarge: !Equals [!Ref Feature, big]
"""
INDIRECT = {
    "a variable of all functions": (
        SETTINGS,
        "Globals: {Function: {Environment: {Variables: {FEATURE: !Ref Feature}}}}\nParameters:\n",
        PARTICIPANTS,
    ),
    "the name of a resource": (TABLE, f"{TABLE}{NAME}", {"Inventory"}),
    "a resource behind a resource": (TABLE, f"{TABLE}{KEYED}", {"Inventory"}),
    "a condition": (
        "Conditions:\n",
        f"Globals: {{Function: {{MemorySize: !If [IsBig, 1024, 256]}}}}\n{CONDITION}",
        PARTICIPANTS,
    ),
    "a mapping's key": (
        SETTINGS,
        "Globals: {Function: {Timeout: !FindInMap [Times, !Ref Feature, all]}}\nParameters:\n",
        PARTICIPANTS,
    ),
    "long forms": (
        SETTINGS,
        "Globals: {Function: {Timeout: {'Fn::If': [IsProd, {Ref: Feature}, 3]}}}\nParameters:\n",
        PARTICIPANTS,
    ),
}


@pytest.mark.parametrize("through", INDIRECT)
def test_a_parameter_behind_what_a_function_is_given(
    reference: Path, versions: Versions, through: str
) -> None:
    """What decides on a setting by way of other things decides, and a change of it publishes."""
    old, new, whose = INDIRECT[through]
    template, config = reference / "template.yaml", reference / "samconfig.toml"
    edit(template, old, new)
    edit(template, "Parameters:\n", "Parameters:\n  Feature: {Type: String, Default: a}\n")
    edit(template, "Conditions:\n", "Mappings: {Times: {a: {all: 3}}}\nConditions:\n")
    edit(template, "Resources:\n", f"Resources:\n{KEY}")
    before = versions(reference)
    edit(config, "Stage=prod", "Stage=prod Feature=b")
    other = versions(reference)
    assert published(before, other) == whose
    edit(template, "Default: a", "Default: c")
    assert published(other, versions(reference)) == whose


def test_a_mapping_and_a_condition_themselves(reference: Path, versions: Versions) -> None:
    """What a mapping or a condition says is part of the settings that are looked up by it."""
    template = reference / "template.yaml"
    settings = "{Timeout: !FindInMap [Times, a, all], MemorySize: !If [IsBig, 512, 256]}"
    own = "  IsBig: !Equals [!Ref 'AWS::Region', x]\n"
    edit(
        template,
        "Conditions:\n",
        f"Globals: {{Function: {settings}}}\nMappings: {{Times: {{a: {{all: 3}}}}}}\n"
        f"Conditions:\n{own}",
    )
    before = versions(reference)
    edit(template, "{all: 3}", "{all: 4}")
    then = versions(reference)
    assert published(before, then) == PARTICIPANTS
    edit(template, own, own.replace(", x]", ", y]"))
    assert published(then, versions(reference)) == PARTICIPANTS


def test_what_becomes_of_a_resource_when_it_goes(reference: Path, versions: Versions) -> None:
    """A policy of deletion changes no setting: neither it nor the stages that it asks for count."""
    before = versions(reference)
    edit(reference / "samconfig.toml", "Stage=dev", "Stage=local")
    assert published(before, versions(reference)) == set()
    edit(
        reference / "template.yaml", "DeletionPolicy: !If [IsProd,", "DeletionPolicy: !If [HasKey,"
    )
    assert published(before, versions(reference)) == set()


def test_a_parameter_that_no_function_hears_of(reference: Path, versions: Versions) -> None:
    """What nothing leads to from a function's settings publishes nothing."""
    template = reference / "template.yaml"
    edit(template, "Parameters:\n", "Parameters:\n  Feature: {Type: String, Default: a}\n")
    edit(template, "Outputs:\n", "Outputs:\n  Mine: {Value: !Ref Feature}\n")
    before = versions(reference)
    edit(template, "Default: a", "Default: b")
    assert published(before, versions(reference)) == set()
