"""`stepsaga prune`: what it shows, when it asks, and what it exits with."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from typing import Any

import pytest
import typer

from stepsaga.cli.exits import PROBLEM, USAGE
from stepsaga.cli.prune import Pruning
from stepsaga.testing.stack import local_stack
from tests.cli.shell import stepsaga
from tests.engines.releases import NOW, Cloud, Execution, Function, Machine, definition, machine_arn

PAY = "shop-Payments-AB12"


def shop() -> Cloud:
    """A participant with five releases, one of which only an open execution needs."""
    versions = {number: NOW - timedelta(days=30 - number) for number in range(1, 6)}
    orders = Machine(
        definition((PAY, "5")), executions=[Execution("RUNNING", definition((PAY, "2")))]
    )
    cloud = Cloud(
        {PAY: Function(versions, {"live": {"5": 1.0}})},
        {"shop-FulfilOrder": orders},
    )
    cloud.machines["shop-Old"] = Machine(definition(), stack="")
    return cloud


def pruned(cloud: Cloud, **options: Any) -> int:
    """Run the command; return its exit code."""
    try:
        Pruning(cloud.clients, "shop", now=lambda: NOW, **options).run()
    except typer.Exit as left:
        return left.exit_code
    return 0


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was said, without the blanks at line ends."""
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


TABLE = [
    PAY,
    "version  age   description",
    "5        25 d  release 5    alias live, machine shop-FulfilOrder",
    "4        26 d  release 4    newest",
    "3        27 d  release 3    delete",
    "2        28 d  release 2    1 open execution",
    "1        29 d  release 1    delete",
    "can be deleted: machine shop-Old, which is in no stack: no execution is open",
    f"    aws stepfunctions delete-state-machine --state-machine-arn {machine_arn('shop-Old')}",
]


def words(found: list[str]) -> list[list[str]]:
    """Lines without their layout."""
    return [line.split() for line in found]


def test_a_dry_run_shows_and_deletes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Every version with its age and its use, what was left behind, and what would be deleted."""
    cloud = shop()
    assert pruned(cloud, dry_run=True) == 0
    assert words(lines(capsys)) == words([*TABLE, "would delete 2 versions"])
    assert not cloud.deleted


def test_what_it_deletes_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Each deleted version is told; a second run finds nothing."""
    cloud = shop()
    assert pruned(cloud) == 0
    told = [f"deleted {PAY}:3", f"deleted {PAY}:1", "deleted 2 versions"]
    assert lines(capsys)[-3:] == told
    assert pruned(cloud) == 0
    assert lines(capsys)[-1] == "nothing to delete"


def test_one_that_cannot_be_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    """It is told on stderr, the others go, and the exit code is 1."""
    cloud = shop()

    def move(operation: str) -> None:
        if operation == "delete_function":
            cloud.functions[PAY].aliases["live"] = {"3": 1.0}

    cloud.before = move
    assert pruned(cloud) == PROBLEM
    said = capsys.readouterr()
    assert f"error: {PAY}:3 was not deleted: ResourceConflictException" in said.err
    assert said.out.splitlines()[-2:] == [f"deleted {PAY}:1", "deleted 1 version"]


def test_no_is_no(capsys: pytest.CaptureFixture[str]) -> None:
    """Who answers no deletes nothing, and a script can tell."""
    cloud, asked = shop(), []

    def ask(question: str) -> bool:
        asked.append(question)
        return False

    assert pruned(cloud, ask=ask) == PROBLEM
    assert asked == ["delete 2 versions?"]
    assert not cloud.deleted
    assert capsys.readouterr().err == "error: nothing was deleted\n"


def test_what_came_into_use_while_the_question_stood_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """After the answer all is read again, and only what still is unused is deleted."""
    cloud = shop()

    def redrive(_: str) -> bool:
        started = Execution("RUNNING", definition((PAY, "3")))
        cloud.machines["shop-FulfilOrder"].executions.append(started)
        return True

    assert pruned(cloud, ask=redrive) == 0
    assert cloud.deleted == [(PAY, "1")]
    assert lines(capsys)[-1] == "deleted 1 version"


def unasked(question: str) -> bool:
    """Fail where nobody is to be asked."""
    raise AssertionError(question)


@pytest.mark.parametrize("keep", [4, 9])
def test_nothing_to_delete_is_not_asked_about(
    keep: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is nothing to delete there is no question."""
    assert pruned(shop(), keep=keep, ask=unasked) == 0
    assert lines(capsys)[-1] == "nothing to delete"


@pytest.mark.parametrize(("dry_run", "deleted"), [(True, False), (False, True)])
def test_for_a_machine(
    dry_run: bool,  # a parameter of the test
    deleted: bool,  # as above
    capsys: pytest.CaptureFixture[str],
) -> None:
    """JSON has every version, with its uses and what became of it; stdout has nothing else."""
    assert pruned(shop(), dry_run=dry_run, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["stack"] == "shop"
    assert told["versions"][2] == {
        "function": PAY,
        "version": "3",
        "description": "release 3",
        "published": "2026-10-25T12:00:00+00:00",
        "uses": [],
        "deleted": deleted,
        "error": None,
    }
    assert told["versions"][0]["uses"] == ["alias live", "machine shop-FulfilOrder"]
    assert [one["what"][:16] for one in told["leftovers"]] == ["machine shop-Old"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "which stack? Name it with --stack, or set STEPSAGA_STACK"),
        (["--stack", "shop"], "give --yes to delete, or -n only to show"),
        (["--stack", "shop", "--yes", "--endpoint-url", "nowhere"], "the endpoint's URL"),
        (["--stack", "shop", "--keep", "-1", "-n"], "Invalid value for '--keep'"),
    ],
)
def test_used_wrongly(arguments: list[str], text: str) -> None:
    """Without a stack, or without somebody to ask, nothing is read; the exit code is 2."""
    said = stepsaga("prune", *arguments, env={"AWS_DEFAULT_REGION": "eu-central-1"})
    assert (said.code, said.out) == (USAGE, "")
    assert text in said.err


KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
}
TEMPLATE = {
    "Resources": {
        "Events": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        }
    },
    "Outputs": {
        "EventTable": {"Value": {"Ref": "Events"}},
        "FulfilOrderMachine": {"Value": machine_arn("shop-FulfilOrder")},
    },
}


def test_a_deployed_stack() -> None:
    """The command asks the three services of the account; a stack that is not there is named."""
    with local_stack() as local:
        local.client("cloudformation").create_stack(
            StackName="shop", TemplateBody=json.dumps(TEMPLATE)
        )
        said = stepsaga("prune", "--stack", "shop", "--yes", "--endpoint-url", local.url, env=KEYS)
        assert (said.code, said.out, said.err) == (0, "nothing to delete\n", "")
        said = stepsaga("prune", "--stack", "ship", "-n", "--endpoint-url", local.url, env=KEYS)
        assert said.code == PROBLEM
        assert said.err.startswith("error: there is no stack 'ship' in this account and Region")


def test_nobody_answers(silent: str) -> None:
    """Where nobody answers it says so."""
    said = stepsaga("prune", "--stack", "shop", "--yes", "--endpoint-url", silent, env=KEYS)
    assert said.code == PROBLEM
    assert said.err.startswith("error: stack 'shop': no answer")


@pytest.fixture
def silent() -> str:
    """An address at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{bound.getsockname()[1]}"
