"""The commands that ask a deployed stack, on moto: its CloudFormation, Step Functions, DynamoDB."""

from __future__ import annotations

import json
from dataclasses import dataclass
from textwrap import dedent
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from stepsaga.cli.app import app
from stepsaga.cli.deployed import duration
from stepsaga.cli.exits import COMPENSATED, FINE, PROBLEM, STUCK, USAGE
from stepsaga.errors import UsageError
from tests.cli.shell import ROOT, Said, stepsaga
from tests.contract.client.shop import PlaceOrder
from tests.contract.client.worlds import NAME, TABLE, World, new_id, on_moto

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

ORDERS = """
    from stepsaga import Input, Saga, Step
    from tests.contract.client import shop

    class PlaceOrder(Saga):
        order = Input(shop.Order)
        reserve = Step(shop.reserve, compensation=shop.release, retry=None)
        charge = Step(shop.charge, compensation=shop.refund)
"""
KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "PYTHONPATH": str(ROOT),
}
TEA = {"sku": "tea", "card": "tok_secret"}


@dataclass
class Deployed:
    """A world that is deployed as the stack ``shop``, and a project that has its saga."""

    world: World
    endpoint: str
    root: Path

    def call(self, *arguments: str, stack: str = "shop") -> Result:
        """A command in this process."""
        options = ["--endpoint-url", self.endpoint]
        return CliRunner(env={**KEYS, "STEPSAGA_STACK": stack}).invoke(app, [*arguments, *options])

    def start(self, order: Any, saga_id: str, *options: str) -> Said:
        """``stepsaga start`` in the project, as a shell runs it."""
        given = ("--stack", "shop", "--endpoint-url", self.endpoint, "--id", saga_id, *options)
        said = stepsaga(
            "start", NAME, "--input", "-", *given, cwd=self.root, stdin=json.dumps(order), env=KEYS
        )
        assert "Traceback" not in said.err
        return said


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A server of moto's with the stack ``shop``, and ``other``, which is none of stepsaga's."""
    root = tmp_path_factory.mktemp("deployed")
    (root / "sagas").mkdir()
    (root / "sagas" / "__init__.py").touch()
    (root / "sagas" / "orders.py").write_text(dedent(ORDERS))
    with on_moto() as world:
        engine: Any = world.engine
        arn = engine.execution_arn(NAME, "x").replace(":execution:", ":stateMachine:")[:-2]
        client = engine.client("cloudformation")
        outputs = {"EventTable": TABLE, f"{NAME}Machine": arn, "Endpoint": "unused"}
        for name, told in (("shop", outputs), ("other", {"Endpoint": "unused"})):
            client.create_stack(StackName=name, TemplateBody=template(told))
        yield Deployed(world, engine.endpoint, root)
        for name in ("shop", "other"):
            client.delete_stack(StackName=name)
        client.close()


def template(outputs: dict[str, str]) -> str:
    """A template with these outputs, and a resource, which every template needs."""
    return json.dumps(
        {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {key: {"Value": value} for key, value in outputs.items()},
        }
    )


def test_start_starts_once(deployed: Deployed) -> None:
    """A start says whether it is new; again is the same saga; another input is a problem."""
    saga_id = new_id()
    first = deployed.start(TEA, saga_id)
    assert (first.code, first.err) == (FINE, "")
    [arn] = deployed.world.executions(saga_id)
    assert first.out == f"{NAME} {saga_id}  started\n  {arn}\n"
    deployed.world.client.wait(NAME, saga_id)
    again = deployed.start({**TEA, "count": 1}, saga_id, "--json")
    assert (again.code, json.loads(again.out)) == (
        FINE,
        {"saga": NAME, "id": saga_id, "execution": arn, "new": False},
    )
    other = deployed.start({**TEA, "count": 2}, saga_id)
    assert (other.code, other.out) == (PROBLEM, "")
    assert "differs in count" in other.err


@pytest.mark.parametrize(
    ("end", "code"), [("completed", FINE), ("compensated", COMPENSATED), ("stuck", STUCK)]
)
def test_start_waits_if_wanted(deployed: Deployed, end: str, code: int) -> None:
    """With --wait the timeline follows, and the exit code says how it ended."""
    said = deployed.start({**TEA, "end": end}, new_id(), "--wait")
    assert (said.code, said.err) == (code, "")
    assert "  started\n" in said.out
    assert f"{end.upper()} after" in said.out
    assert "tok_secret" not in said.out


def test_start_and_wait_for_machines(deployed: Deployed) -> None:
    """With --wait and --json stdout is one document, the timeline."""
    said = deployed.start(TEA, new_id(), "--wait", "--json")
    assert (said.code, json.loads(said.out)["ending"]) == (FINE, "completed")


@pytest.mark.parametrize(
    ("order", "saga_id", "complaint"),
    [({"sku": 7}, "order-1", "order.sku"), (TEA, "a b", "' ' is not allowed")],
)
def test_start_with_what_cannot_be(
    deployed: Deployed, order: Any, saga_id: str, complaint: str
) -> None:
    """An input that does not fit, and an id that is no name, are told before AWS is asked."""
    said = deployed.start(order, saga_id)
    assert (said.code, said.out) == (USAGE, "")
    assert complaint in said.err


def ended(deployed: Deployed, end: str = "completed") -> str:
    """The id of a saga that has ended."""
    saga_id = new_id()
    deployed.world.ended({**TEA, "end": end}, saga_id)
    return saga_id


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("completed", "all steps are done"),
        ("compensated", "because charge: tests.contract.client.shop.Declined: no funds (Rejected)"),
        ("stuck", "because undo reserve: OSError: no connection (StepFailed)"),
    ],
)
def test_status_says_how_it_ended_and_why(deployed: Deployed, end: str, told: str) -> None:
    """A status is found by the id alone, or with its saga in either form; it explains itself."""
    saga_id = ended(deployed, end)
    said = deployed.call("status", saga_id)
    assert (said.exit_code, said.stderr) == (FINE, "")
    assert said.stdout.startswith(f"{NAME} {saga_id}  {end.upper()} after ")
    assert told in said.stdout
    assert said.stdout.isascii()
    for form in ([f"{NAME}#{saga_id}"], [saga_id, "--saga", NAME]):
        assert deployed.call("status", *form).stdout == said.stdout


def test_status_for_machines(deployed: Deployed) -> None:
    """The JSON form has Step Functions' own status and the times besides."""
    told = json.loads(deployed.call("status", ended(deployed, "compensated"), "--json").stdout)
    assert (told["saga"], told["ending"], told["status"]) == (NAME, "compensated", "FAILED")
    assert (told["error"], told["execution"][:15]) == ("SagaCompensated", "arn:aws:states:")
    assert told["started"] <= told["stopped"]


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        ("completed", FINE, "completed: all steps are done"),
        ("compensated", COMPENSATED, "undone, in this order: reserve"),
        ("stuck", STUCK, "undo reserve"),
    ],
)
def test_wait_shows_the_story(deployed: Deployed, end: str, code: int, told: str) -> None:
    """A wait ends with the timeline from the event table, and the code of the ending."""
    said = deployed.call("wait", ended(deployed, end), "--timeout", "1m")
    assert (said.exit_code, said.stderr) == (code, "")
    assert f"{end.upper()} after" in said.stdout
    assert told in said.stdout


def test_wait_gives_up(deployed: Deployed) -> None:
    """A saga that still runs when the time is up is told as such, with code 1."""
    saga_id, goes_on = new_id(), Event()
    deployed.world.hook.do = goes_on.wait
    try:
        deployed.world.client.start(PlaceOrder, TEA, id=saga_id)
        said = deployed.call("wait", saga_id, "--timeout", "0s")
        running = deployed.call("status", saga_id)
    finally:
        deployed.world.hook.do = None
        goes_on.set()
    assert (said.exit_code, "RUNNING" in said.stdout) == (PROBLEM, True)
    assert f"{NAME} {saga_id} is still running; it goes on by itself" in said.stderr
    assert f"{saga_id}  RUNNING for " in running.stdout
    assert deployed.call("wait", saga_id).exit_code == FINE


def test_list_shows_the_latest(deployed: Deployed) -> None:
    """A list has the newest first, and may be of one saga, of one status, and short."""
    ids = [ended(deployed, end) for end in ("completed", "stuck", "compensated")]
    said = deployed.call("list", NAME, "--limit", "3")
    lines = [line.split()[:3] for line in said.stdout.splitlines()]
    assert lines == [
        ["saga", "id", "ending"],
        [NAME, ids[2], "compensated"],
        [NAME, ids[1], "stuck"],
        [NAME, ids[0], "completed"],
    ]
    failed = json.loads(
        deployed.call("list", "--status", "failed", "--limit", "2", "--json").stdout
    )
    assert [one["id"] for one in failed] == [ids[2], ids[1]]
    assert deployed.call("list", "--status", "timed_out").stdout == "no sagas\n"


def test_show_reads_the_stacks_table(deployed: Deployed) -> None:
    """`show --stack` finds the table by the stack, and the saga by its id alone."""
    saga_id = ended(deployed, "compensated")
    said = deployed.call("show", saga_id, "--stack", "shop")
    assert (said.exit_code, said.stderr) == (FINE, "")
    assert "COMPENSATED after" in said.stdout
    nobody = deployed.call("show", "nobody", "--stack", "shop")
    assert (nobody.exit_code, "of stack 'shop' has no saga nobody" in nobody.stderr) == (1, True)
    both = deployed.call("show", saga_id, "--stack", "shop", "--table", TABLE)
    assert (both.exit_code, "leave --table out" in both.stderr) == (USAGE, True)


@pytest.mark.parametrize(
    ("arguments", "stack", "code", "complaint"),
    [
        (["list"], "", USAGE, "which stack? Name it with --stack, or set STEPSAGA_STACK"),
        (["list"], "none", PROBLEM, "there is no stack 'none' in this account and Region"),
        (["list"], "other", PROBLEM, "stack 'other' is none of stepsaga's: it has no output"),
        (["list", "ReturnOrder"], "shop", PROBLEM, "ReturnOrder is not deployed here"),
        (["list", "--limit", "0"], "shop", USAGE, "limit must be 1 or more"),
        (["status", "nobody"], "shop", PROBLEM, f"none of {NAME} has a saga of this id"),
        (["wait", f"{NAME}#nobody"], "shop", PROBLEM, f"there is no {NAME} nobody"),
        (["wait", "order-1", "--timeout", "5"], "shop", USAGE, "'5' is no duration: write 30s"),
        (["status", f"{NAME}#a", "--saga", "Other"], "shop", USAGE, "leave one out"),
        (["status", "a b"], "shop", USAGE, "' ' is not allowed"),
    ],
)
def test_what_cannot_be_is_told(
    deployed: Deployed, arguments: list[str], stack: str, code: int, complaint: str
) -> None:
    """Every mistake is named on stderr with its way out, and nothing goes to stdout."""
    said = deployed.call(*arguments, stack=stack)
    assert (said.exit_code, said.stdout) == (code, "")
    assert complaint in said.stderr


@pytest.mark.parametrize(
    ("env", "options", "complaint"),
    [
        ({"AWS_DEFAULT_REGION": "eu-central-1"}, [], "stack 'shop': no AWS credentials"),
        ({}, [], "set AWS_DEFAULT_REGION"),
        (KEYS, ["--endpoint-url", "nonsense"], "nonsense"),
        ({"AWS_PROFILE": "nobody"}, [], "nobody"),
    ],
)
def test_aws_that_cannot_be_reached_is_told(
    tmp_path: Path, env: dict[str, str], options: list[str], complaint: str
) -> None:
    """Without credentials, Region, address or profile it says which, and shows no traceback."""
    nothing = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    said = stepsaga("list", "--stack", "shop", *options, cwd=tmp_path, env={**nothing, **env})
    assert said.code in (PROBLEM, USAGE)
    assert complaint in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("5min", 300), ("2h", 7200), ("1d", 86_400)]
)
def test_durations_as_they_are_typed(text: str, seconds: int) -> None:
    """A number with its unit is a duration."""
    found = duration(text)
    assert found is not None
    assert found.total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "5", "-1s", "1.5h", "5 years", "9999999s"])
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    """A bare number is no duration."""
    with pytest.raises(UsageError, match="is no duration"):
        duration(text)
