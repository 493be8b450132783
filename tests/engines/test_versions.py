"""`stepsaga prune`: what nothing names is deleted, and nothing else ever is."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from stepsaga.engines.naming import Names
from stepsaga.engines.versions import Plan, Version, delete, read_plan
from stepsaga.errors import DeploymentError, EngineError, EngineThrottled, EngineUnreachable
from stepsaga.testing.stack import local_stack
from tests.engines.releases import (
    LONG_AGO,
    NOW,
    Cloud,
    Execution,
    Function,
    Machine,
    definition,
    function_arn,
    machine_arn,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[2] / "stepsaga"
PAY = "shop-Payments-AB12"


def releases(count: int = 5, **aliases: dict[str, float]) -> Function:
    """A function of so many releases, the last of which is live."""
    versions = {number: LONG_AGO + timedelta(days=number) for number in range(1, count + 1)}
    return Function(versions, {"live": {str(count): 1.0}, **aliases})


def shop(*executions: Execution, **machine: Any) -> Cloud:
    """A stack with one participant of five releases, and one machine that is up to date."""
    orders = Machine(definition((PAY, "5")), executions=list(executions), **machine)
    return Cloud({PAY: releases()}, {"shop-FulfilOrder": orders})


def planned(cloud: Cloud, keep: int = 1) -> Plan:
    """What would be deleted now."""
    return read_plan(cloud.clients, "shop", now=lambda: NOW, keep=keep)


def unused(cloud: Cloud, keep: int = 1) -> list[str]:
    """The numbers that would be deleted, the newest first."""
    return [one.number for one in planned(cloud, keep).unused]


def uses(cloud: Cloud, number: str, keep: int = 1) -> tuple[str, ...]:
    """Why a version stays."""
    [found] = [one for one in planned(cloud, keep).versions if one.number == number]
    return found.uses


def test_what_nothing_names_is_deleted_one_version_at_a_time() -> None:
    """Three old versions go, the live one and the newest besides it stay, and it says why."""
    cloud = shop()
    plan = planned(cloud)
    assert {one.number: one.uses for one in plan.versions} == {
        "5": ("alias live", "machine shop-FulfilOrder"),
        "4": ("newest",),
        "3": (),
        "2": (),
        "1": (),
    }
    assert [one.error for one in delete(cloud, plan)] == ["", "", ""]
    assert cloud.deleted == [(PAY, "3"), (PAY, "2"), (PAY, "1")]


def test_twice_is_the_same_as_once() -> None:
    """A second run finds nothing to delete; an old plan carried out again fails nowhere."""
    cloud = shop()
    plan = planned(cloud)
    list(delete(cloud, plan))
    before = list(cloud.deleted)
    assert not planned(cloud).unused
    assert [one.error for one in delete(cloud, plan)] == ["", "", ""]
    assert cloud.deleted == before


@pytest.mark.parametrize(("keep", "left"), [(0, ["4", "3", "2", "1"]), (2, ["2", "1"]), (9, [])])
def test_the_newest_are_kept_besides_the_live_one(keep: int, left: list[str]) -> None:
    """``keep`` counts from the newest, and does not count what is live."""
    assert unused(shop(), keep) == left


def test_both_sides_of_a_weighted_alias_are_in_use() -> None:
    """Every alias counts, not only the live one, with all versions that it routes to."""
    cloud = shop()
    cloud.functions[PAY].aliases["beta"] = {"1": 0.9, "2": 0.1}
    assert unused(cloud) == ["3"]
    assert uses(cloud, "2") == ("alias beta",)


def test_both_sides_of_a_live_alias_are_live() -> None:
    """While the live alias is weighted, the newest besides both sides stays."""
    cloud = shop()
    cloud.functions[PAY].aliases["live"] = {"5": 0.9, "4": 0.1}
    assert unused(cloud) == ["2", "1"]


def test_a_version_that_the_stack_has_is_in_use() -> None:
    """What CloudFormation has as a resource is what it goes back to after a failed deployment."""
    cloud = replace(shop(), owned=[(PAY, 2)])
    assert uses(cloud, "2") == ("the stack's own",)


def test_machine_versions_and_aliases_name_versions() -> None:
    """The definition of every published machine version counts, and it says which."""
    old, new = definition((PAY, "2")), definition((PAY, "5"))
    cloud = shop(versions={1: old, 2: old, 3: new}, aliases={"live": [3, 2]})
    assert uses(cloud, "2") == ("machine shop-FulfilOrder:1", "machine shop-FulfilOrder:2")
    assert unused(cloud) == ["3", "1"]


def test_a_machine_version_that_can_go_is_told() -> None:
    """A machine version without an alias, and not the newest, is named with what deletes it."""
    old = definition((PAY, "2"))
    cloud = shop(versions={1: old, 2: old, 3: old}, aliases={"live": [2]})
    [leftover] = planned(cloud).leftovers
    assert leftover.what == "machine version shop-FulfilOrder:1, to which no alias points"
    assert leftover.command.endswith(
        f"--state-machine-version-arn {machine_arn('shop-FulfilOrder')}:1"
    )


OLD = definition((PAY, "2"), (PAY, "live"))
LATELY = NOW - timedelta(days=13)
OPEN = [
    Execution("RUNNING", OLD),
    Execution("PENDING_REDRIVE", OLD, LATELY, "StepFailed"),
    Execution("FAILED", OLD, LATELY, "StepFailed"),
    Execution("FAILED", OLD, LATELY),
    Execution("TIMED_OUT", OLD, LATELY),
    Execution("ABORTED", OLD, LATELY),
    Execution("ABORTED", OLD, LATELY, "SagaCompensated"),
    Execution("FAILED", OLD, NOW - timedelta(days=14), "StepFailed"),
]
CLOSED = [
    Execution("SUCCEEDED", OLD, LATELY),
    Execution("FAILED", OLD, LATELY, "SagaCompensated"),
    Execution("FAILED", OLD, NOW - timedelta(days=15), "StepFailed"),
    Execution("ABORTED", OLD, NOW - timedelta(days=15)),
    Execution("TIMED_OUT", OLD, NOW - timedelta(days=90)),
]


@pytest.mark.parametrize("execution", OPEN, ids=lambda one: f"{one.status} {one.error}")
def test_what_an_open_execution_names_is_in_use(execution: Execution) -> None:
    """An execution is open while it runs, and while it can be redriven with something to do."""
    assert uses(shop(execution), "2") == ("1 open execution",)


@pytest.mark.parametrize("execution", CLOSED, ids=lambda one: f"{one.status} {one.error}")
def test_what_only_a_closed_execution_names_is_not(execution: Execution) -> None:
    """What completed, was undone, or is too old to be redriven keeps nothing."""
    assert uses(shop(execution), "2") == ()


def test_open_executions_are_counted() -> None:
    """The reason says how many executions name a version, on however many pages they stand."""
    assert uses(shop(*OPEN, *CLOSED), "2") == (f"{len(OPEN)} open executions",)


def test_a_machine_version_is_asked_once_for_all_its_executions() -> None:
    """Executions that one machine version started have one definition, also a deleted version's."""
    cloud = shop(*[replace(OPEN[0], version=7) for _ in range(5)])
    assert uses(cloud, "2") == ("5 open executions",)
    assert cloud.asked.count("describe_state_machine_for_execution") == 1


def test_a_redrive_while_it_is_read_is_seen() -> None:
    """What was undone when it was listed and runs when it is asked for counts as open."""
    cloud = shop(Execution("FAILED", OLD, LATELY, "SagaCompensated"))
    [machine] = cloud.machines.values()

    def redrive(operation: str) -> None:
        if operation == "describe_execution":
            machine.executions[0].status = "RUNNING"

    cloud.before = redrive
    assert uses(cloud, "2") == ("1 open execution",)


def test_machines_of_earlier_releases_count() -> None:
    """A machine that left the stack names versions by its definition and its open executions."""
    cloud = shop()
    cloud.machines["shop-Old"] = Machine(definition((PAY, "1")), executions=[OPEN[0]], stack="")
    assert uses(cloud, "1") == ("machine shop-Old",)
    assert uses(cloud, "2") == ("1 open execution",)
    assert not planned(cloud).leftovers


def test_a_machine_that_can_go_is_told_and_not_deleted() -> None:
    """A machine of an earlier release without an open execution is named with what deletes it."""
    cloud = shop()
    cloud.machines["shop-Old"] = Machine(definition(), executions=[CLOSED[0]], stack="")
    [leftover] = planned(cloud).leftovers
    assert leftover.what == "machine shop-Old, which is in no stack: no execution is open"
    assert leftover.command == (
        f"aws stepfunctions delete-state-machine --state-machine-arn {machine_arn('shop-Old')}"
    )


def test_another_stacks_machine_is_left_alone() -> None:
    """``shop-dev`` has machines whose names begin as those of ``shop``: they are not leftovers."""
    cloud = shop()
    cloud.machines["shop-dev-FulfilOrder"] = Machine(definition(), stack="shop-dev")
    cloud.machines["unrelated"] = Machine(definition(), stack="")
    assert not planned(cloud).leftovers


def test_what_is_young_is_kept_and_what_it_followed() -> None:
    """Within the hour of a release a start may still use the definition before it."""
    cloud = shop()
    cloud.functions[PAY].versions[5] = NOW - timedelta(minutes=59)
    assert uses(cloud, "5")[-1] == "published within the hour"
    assert uses(cloud, "4", keep=0) == ("superseded within the hour",)
    assert unused(cloud, keep=0) == ["3", "2", "1"]
    cloud.functions[PAY].versions[5] = NOW - timedelta(minutes=61)
    assert unused(cloud, keep=0) == ["4", "3", "2", "1"]


def test_functions_that_are_no_participants_are_left_alone() -> None:
    """Who calls the versions of somebody's own function, nobody here knows."""
    cloud = shop()
    cloud.functions["shop-Own-X"] = replace(releases(), participant=False)
    assert {one.function for one in planned(cloud).versions} == {PAY}


@pytest.mark.parametrize(
    ("status", "way"),
    [
        ("UPDATE_IN_PROGRESS", "wait until it is done"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait until it is done"),
        ("UPDATE_ROLLBACK_FAILED", "mend it first"),
    ],
)
def test_nothing_is_planned_while_the_stack_may_go_back(status: str, way: str) -> None:
    """A stack that is being changed may return to a release that nothing names now."""
    with pytest.raises(DeploymentError, match=f"'shop' is {status}.*: {way}; nothing was deleted"):
        planned(replace(shop(), status=status))


def test_a_deployment_while_it_is_read_ends_it() -> None:
    """What was read before and after a deployment does not go together."""
    cloud = shop()

    def deploy(operation: str) -> None:
        if operation == "list_executions":
            cloud.updated = NOW

    cloud.before = deploy
    with pytest.raises(DeploymentError, match="was changed meanwhile: run it again"):
        planned(cloud)


READS = {
    "describe_stacks": "stack 'shop'",
    "list_stack_resources": "the resources of stack 'shop'",
    "list_versions_by_function": f"the versions of function {PAY}",
    "list_aliases": f"the aliases of function {PAY}",
    "list_state_machines": "the list of machines",
    "describe_stack_resources": "the stack of machine shop-Old",
    "describe_state_machine": "machine shop-FulfilOrder",
    "list_state_machine_versions": "the versions of machine shop-FulfilOrder",
    "list_state_machine_aliases": "the aliases of machine shop-FulfilOrder",
    "describe_state_machine_alias": "alias shop-FulfilOrder:live",
    "list_executions": "the executions of machine shop-FulfilOrder",
    "describe_execution": "execution arn:aws:states:",
    "describe_state_machine_for_execution": "the definition of execution arn:aws:states:",
}
FAILURES: list[tuple[Exception, type[EngineError]]] = [
    (refusal("AccessDeniedException"), EngineUnreachable),
    (refusal("ThrottlingException"), EngineThrottled),
    (ConnectTimeoutError(endpoint_url="https://any"), EngineUnreachable),
]


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize(("failure", "kind"), FAILURES)
def test_what_cannot_be_read_ends_it(
    operation: str, failure: Exception, kind: type[EngineError]
) -> None:
    """Denied, throttled or without an answer: nothing is deleted, and the error names the thing."""
    cloud = shop(*OPEN, versions={1: OLD}, aliases={"live": [1]})
    cloud.machines["shop-Old"] = Machine(OLD, stack="")
    cloud.broken = {operation: failure}
    with pytest.raises(kind) as caught:
        planned(cloud)
    assert str(caught.value).startswith(READS[operation])
    assert str(caught.value).endswith("; nothing was deleted")
    assert not cloud.deleted


def test_every_operation_that_reads_can_fail_above() -> None:
    """The table of reads has all that is asked."""
    cloud = shop(*OPEN, versions={1: OLD}, aliases={"live": [1]})
    cloud.machines["shop-Old"] = Machine(OLD, stack="")
    planned(cloud)
    assert set(cloud.asked) == set(READS)


def test_an_alias_that_moves_meanwhile_saves_its_version() -> None:
    """Lambda refuses to delete what an alias points to; it is told, and the others go."""
    cloud = shop()
    plan = planned(cloud)
    cloud.functions[PAY].aliases["live"] = {"2": 1.0}
    became = {one.version.number: one.error for one in delete(cloud, plan)}
    assert (became["3"], became["1"]) == ("", "")
    assert became["2"] == "ResourceConflictException: Unable to delete version 2"
    assert sorted(cloud.functions[PAY].versions) == [2, 4, 5]


def test_no_answer_to_a_deletion_is_told() -> None:
    """A deletion that nobody answers is an error of that version."""
    cloud = shop()
    plan = planned(cloud)
    cloud.broken = {"delete_function": ConnectTimeoutError(endpoint_url="https://any")}
    assert all("no answer" in one.error for one in delete(cloud, plan))


def test_two_plans_agree_on_what_both_delete() -> None:
    """What came into use between two looks is kept, and what only the second would delete, too."""
    cloud = shop()
    first = planned(cloud, keep=2)
    cloud.machines["shop-FulfilOrder"].executions.append(OPEN[0])
    agreed = first.agreed(planned(cloud, keep=1))
    assert {one.number: one.uses for one in agreed.versions if one.number in "123"} == {
        "3": ("not asked about",),
        "2": ("1 open execution",),
        "1": (),
    }


@pytest.mark.parametrize("number", ["", "$LATEST", "live", "0", "07", "7 ", "-1", "7:8", "\u0667"])
def test_there_is_no_version_without_a_number(number: str) -> None:
    """Deleting without a number would delete the function: such a version cannot be made."""
    with pytest.raises(ValueError, match="is no published version"):
        Version(PAY, number)


@pytest.mark.parametrize(("field", "value"), [("number", ""), ("number", None), ("function", "")])
def test_a_version_that_was_tampered_with_is_not_deleted(field: str, value: Any) -> None:
    """The last line before the request looks once more."""
    cloud, version = shop(), Version(PAY, "1")
    object.__setattr__(version, field, value)
    with pytest.raises((ValueError, TypeError)):
        list(delete(cloud, Plan("shop", (version,))))
    assert "delete_function" not in cloud.asked


def test_only_one_place_deletes_and_it_names_a_version() -> None:
    """The whole package has one call of DeleteFunction, and that has a qualifier."""
    calls = [
        node
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "delete_function"
    ]
    assert [[one.arg for one in call.keywords] for call in calls] == [["FunctionName", "Qualifier"]]


@pytest.mark.parametrize(
    "text",
    [
        definition((PAY, "7")),
        json.dumps({"FunctionName": f"{PAY}:7"}),
        json.dumps({"FunctionName": f"123456789012:function:{PAY}:7"}),
        json.dumps({"FunctionName": function_arn(PAY), "Qualifier": "7"}),
        json.dumps([{"FunctionName": PAY, "Qualifier": 7}]),
        json.dumps({"Resource": function_arn(PAY, "7")}),
        json.dumps({"FunctionName": function_arn(PAY, "7")}).replace(":7", "\\u003a7"),
        f"this is no JSON and names {PAY}:7",
    ],
)
def test_a_definition_names_a_version_in_many_ways(text: str) -> None:
    """As an ARN, a part of one, beside a qualifier, escaped, and in what is no JSON."""
    assert Names([PAY, "other"]).named(text) == {(PAY, "7")}


def test_a_name_within_another_is_another() -> None:
    """Neither a longer name nor a longer number, nor another function, is taken for a version."""
    names = Names(["Pay", "x.y"])
    text = json.dumps(["My-Pay:7", "Pay:7x", "Pay-2:7", "Pay:live", "Pay:$LATEST", "xzy:7"])
    assert not names.named(text)
    assert names.named(json.dumps("Pay:77")) == {("Pay", "77")}


# Whatever the world looks like

FUNCTIONS = ["shop-A", "shop-A-2"]
NUMBERS = st.integers(1, 6)
VERSIONS = st.tuples(st.sampled_from(FUNCTIONS), NUMBERS.map(str))
ONE = VERSIONS.map(definition)
FEW = st.lists(VERSIONS, max_size=2).map(lambda versions: definition(*versions))
AGES = st.sampled_from([timedelta(days=20), timedelta(minutes=61), timedelta(minutes=59)])
STOPS = st.sampled_from([timedelta(minutes=1), timedelta(days=14), timedelta(days=15)])
STATES = ["RUNNING", "PENDING_REDRIVE", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
ERRORS = [None, "StepFailed", "SagaCompensated"]


@st.composite
def functions(draw: st.DrawFn) -> Function:
    """A function with some versions, and aliases to some of them."""
    numbers = sorted(draw(st.sets(NUMBERS, min_size=3)))
    pointed = st.lists(st.sampled_from(numbers), min_size=1, max_size=2, unique=True)
    aliases = draw(st.dictionaries(st.sampled_from(["live", "beta"]), pointed))
    return Function(
        {number: NOW - draw(AGES) for number in numbers},
        {name: dict.fromkeys(map(str, to), 0.5) for name, to in aliases.items()},
    )


@st.composite
def executions(draw: st.DrawFn) -> Execution:
    """An execution in any state, with a definition of its own."""
    status = draw(st.sampled_from(STATES))
    stopped = None if status == "RUNNING" else NOW - draw(STOPS)
    return Execution(status, draw(ONE), stopped, draw(st.sampled_from(ERRORS)))


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """A machine with versions, aliases and executions, in the stack or retained."""
    versions = draw(st.dictionaries(st.integers(1, 4), FEW, max_size=2))
    pointed = st.lists(st.sampled_from(sorted(versions) or [1]), min_size=1, max_size=2)
    aliases = draw(st.dictionaries(st.sampled_from(["live", "old"]), pointed))
    ran = draw(st.lists(executions(), min_size=1, max_size=4))
    by_version = [
        Execution("RUNNING", text, version=number)
        for number, text in draw(st.dictionaries(st.integers(5, 9), ONE, max_size=1)).items()
    ]
    return Machine(
        draw(FEW),
        versions,
        aliases if versions else {},
        ran + by_version * 2,
        draw(st.sampled_from(["shop", ""])),
    )


@st.composite
def clouds(draw: st.DrawFn) -> Cloud:
    """A stack in any state that a history of releases can leave."""
    return Cloud(
        {name: draw(functions()) for name in FUNCTIONS},
        {"shop-X": draw(machines()), "shop-Y": draw(machines())},
        page=draw(st.integers(1, 3)),
    )


def named_by(cloud: Cloud) -> Iterator[str]:
    """All texts that name what must stay, found without the code under test."""
    for name, function in cloud.functions.items():
        for weights in function.aliases.values():
            yield from (function_arn(name, number) for number in weights)
    for machine in cloud.machines.values():
        yield machine.definition
        yield from machine.versions.values()
        for one in machine.executions:
            undone = one.status == "FAILED" and one.error == "SagaCompensated"
            old = one.stopped is not None and NOW - one.stopped > timedelta(days=14, hours=1)
            running = one.status in ("RUNNING", "PENDING_REDRIVE")
            if running or (one.status != "SUCCEEDED" and not undone and not old):
                yield one.definition


@given(cloud=clouds(), keep=st.integers(0, 2))
@settings(max_examples=300)
def test_no_version_that_anything_names_is_ever_deleted(cloud: Cloud, keep: int) -> None:
    """In any world what is named, young or among the newest stays, and the rest goes."""
    there = {name: dict(function.versions) for name, function in cloud.functions.items()}
    named = list(named_by(cloud))
    plan = planned(cloud, keep)
    assert not [one for one in delete(cloud, plan) if one.error]
    for name, versions in there.items():
        live = cloud.functions[name].aliases.get("live", {})
        others = [n for n in sorted(versions, reverse=True) if str(n) not in live]
        for number, published in versions.items():
            is_named = any(function_arn(name, str(number)) in _words(text) for text in named)
            later = [versions[n] for n in sorted(versions) if n > number][:1]
            young = any(NOW - moment < timedelta(hours=1) for moment in [published, *later])
            stays = is_named or young or number in others[:keep]
            assert (number in cloud.functions[name].versions) == stays, (name, number)


def _words(text: str) -> set[str]:
    return set(text.replace('"', " ").split())


def test_lambda_itself_deletes_the_version_and_keeps_the_function() -> None:
    """On moto's Lambda one version goes and all else stays; its lists are read as they are."""
    with local_stack() as local:
        client = local.client("lambda")
        _publish(local.client("iam"), client, times=3)
        cloud = Cloud({PAY: Function({})})
        clients = replace(cloud.clients, functions=client)
        later = NOW.replace(year=NOW.year + 50)
        plan = read_plan(clients, "shop", now=lambda: later, keep=1)
        assert {one.number: one.uses for one in plan.versions} == {
            "3": ("alias live",),
            "2": ("newest",),
            "1": (),
        }
        assert [one.error for one in delete(client, plan)] == [""]
        left = client.list_versions_by_function(FunctionName=PAY)["Versions"]
        assert [one["Version"] for one in left] == ["$LATEST", "2", "3"]
        assert [one.error for one in delete(client, plan)] == [""]


def _publish(iam: Any, client: Any, *, times: int) -> None:
    role = iam.create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    for number in range(times):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("x.py", f"x = {number}")
        code = content.getvalue()
        if number == 0:
            client.create_function(
                FunctionName=PAY,
                Runtime="python3.13",
                Role=role,
                Handler="x.y",
                Code={"ZipFile": code},
                Environment={"Variables": {"STEPSAGA_PARTICIPANT": "handlers.payments"}},
            )
        else:
            client.update_function_code(FunctionName=PAY, ZipFile=code)
        client.publish_version(FunctionName=PAY)
    client.create_alias(FunctionName=PAY, Name="live", FunctionVersion=str(times))
