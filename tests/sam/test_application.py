"""What participants may ask for, what they get, and what is refused with words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stepsaga.errors import DeploymentError
from stepsaga.graph import Retry
from stepsaga.sam.application import application_of
from stepsaga.sam.cfn import Tag, load
from stepsaga.sam.template import SCAFFOLD
from tests.asl.graphs import RETRY, change, pivot, saga, step, tail
from tests.sam.cloud import resolved
from tests.sam.projects import CHANGE_ADDRESS, FULFIL_ORDER, ONLY_LOOK, ONLY_TAIL
from tests.steps import steps

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.sam.projects import Small

OWN = "\nResources:\n  Box: {Type: 'AWS::SNS::Topic'}\n"


def function(text: str) -> dict[str, Any]:
    """The properties of the participant's function in a template."""
    properties: dict[str, Any] = load(text)["Resources"]["Till"]["Properties"]
    return properties


def variables(text: str) -> dict[str, Any]:
    """The variables that a participant asked for."""
    found: dict[str, Any] = function(text)["Environment"]["Variables"]
    return {name: value for name, value in found.items() if not name.startswith("STEPSAGA_")}


def statement(text: str) -> dict[str, Any]:
    """The one statement that a participant asked for."""
    role = load(text)["Resources"]["TillRole"]
    policy = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    found: dict[str, Any] = policy[4]
    return found


def test_participants_are_shared(reference: Path) -> None:
    """Sagas with the same participants call the same functions, each as it needs them."""
    found = application_of(reference, [FULFIL_ORDER, CHANGE_ADDRESS])
    assert [one.name for one in found.functions] == [
        "Inventory",
        "Notifications",
        "Payments",
        "Shipping",
    ]
    change_address, fulfil_order = found.machines
    assert set(fulfil_order.pinned) == {"Inventory", "Payments", "Shipping"}
    # Payments only settles the pivot there: it is called by its alias alone.
    assert set(change_address.pinned) == {"Inventory", "Shipping"}
    assert "Payments" in change_address.live


def test_what_is_not_used_is_not_there(reference: Path) -> None:
    """A saga with nothing to undo records no end; one with nothing before a pivot pins nothing."""
    [announce, report] = application_of(reference, [ONLY_TAIL, ONLY_LOOK]).machines
    assert (announce.pinned, announce.live, announce.records) == ((), ("Notifications",), False)
    assert (report.pinned, report.records) == (("Payments",), True)


def test_a_function_lasts_as_long_as_its_longest_call(reference: Path) -> None:
    """Compensations and probes count, and so do other sagas' steps."""
    graphs = [
        saga([step("charge", seconds=10), pivot("send", seconds=40)]),
        saga([step("pay", handler="handlers.payments:pay", seconds=60)], name="Pay"),
    ]
    found = {one.name: one.seconds for one in application_of(reference, graphs).functions}
    assert found == {"Payments": 65, "Shipping": 45}


def test_models_and_errors_are_carried(small: Small) -> None:
    """What the runtime imports by name for a call goes with the function, and nothing foreign."""
    till = small.participant("till")
    small.write("shared/__init__.py")
    small.write("shared/models.py", "class Order: ...")
    small.write("shared/errors.py", "class Odd(Exception): ...")
    retry = Retry(2, 1, 2.0, 60, jitter=True, only=("shared.errors:Odd", "builtins:OSError"))
    graph = change(
        small.graph(till), "step0", call=replace(steps(small.graph(till))[0].call, retry=retry)
    )
    graph = replace(graph, input=replace(graph.input, model="shared.models:Order"))
    [found] = application_of(small.root, [graph]).functions
    assert [file.as_posix() for file in found.files] == [
        f"{small.package}/__init__.py",
        f"{small.package}/till.py",
        "shared/__init__.py",
        "shared/errors.py",
        "shared/models.py",
    ]
    assert RETRY.only == ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("0123", "0123"),
        ("yes", "yes"),
        ("null", "null"),
        ("a: b # c", "a: b # c"),
        ("two\nlines", "two\nlines"),
        ("${Box}", "Box"),
        ("${Box.TopicName}", "<Box.TopicName>"),
        ("${AWS::Region}", "eu-central-1"),
        ("https://${Box.TopicName}.x", "https://<Box.TopicName>.x"),
        ("$Box and {Box}", "$Box and {Box}"),
    ],
)
def test_variables_arrive_as_they_were_given(small: Small, given: str, expected: str) -> None:
    """A variable's text stands for itself, but for what it says of the template's resources."""
    small.write("template.yaml", SCAFFOLD + OWN)
    found = variables(small.asking(f"environment={{'SOME': {given!r}}}"))
    assert resolved(found) == {"SOME": expected}


def test_a_literal_reference_is_left_to_cloudformation(small: Small) -> None:
    """``${!Name}`` means the text ``${Name}``, beside a reference and alone."""
    found = variables(small.asking("environment={'SOME': '${!Box} of ${!aws:username}'}"))
    assert found == {"SOME": Tag("Sub", "${!Box} of ${!aws:username}")}


def test_a_version_and_an_alias_are_references(small: Small) -> None:
    """SAM knows ``Function.Alias`` as ``!Ref``, and not as an attribute."""
    other = small.participant("other", "")
    text = small.render(
        small.participant(
            "till",
            "from stepsaga import Participant\n"
            "participant = Participant(environment={'OTHER': '${Other.Alias}'})\n",
        ),
        other,
    )
    assert variables(text) == {"OTHER": Tag("Ref", "Other.Alias")}


def test_statements_arrive_as_they_were_given(small: Small) -> None:
    """Lists, conditions and values that are no texts stand in the role as they were written."""
    small.write("template.yaml", SCAFFOLD + OWN)
    asked = """policies=({
        "Sid": "One", "Effect": "Allow", "Action": ("sns:Publish", "sns:GetTopicAttributes"),
        "Resource": ["${Box}", "arn:${AWS::Partition}:sns:*:*:x"],
        "Condition": {
            "Bool": {"aws:SecureTransport": True},
            "NumericLessThan": {"s3:max-keys": 10},
            "StringEquals": {"aws:SourceAccount": ["${AWS::AccountId}"]},
        },
    },)"""
    found = resolved(statement(small.asking(asked)))
    assert found == {
        "Sid": "One",
        "Effect": "Allow",
        "Action": ["sns:Publish", "sns:GetTopicAttributes"],
        "Resource": ["Box", "arn:aws:sns:*:*:x"],
        "Condition": {
            "Bool": {"aws:SecureTransport": True},
            "NumericLessThan": {"s3:max-keys": 10},
            "StringEquals": {"aws:SourceAccount": ["123456789012"]},
        },
    }


ALLOW = '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"'


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("environment={'STEPSAGA_X': '1'}", "STEPSAGA_X is Lambda's or stepsaga's own"),
        ("environment={'AWS_REGION': '1'}", "AWS_REGION is Lambda's or stepsaga's own"),
        ("environment={'A-B': '1'}", "'A-B' is no name for a variable"),
        ("environment={'X': '1'}", "'X' is no name for a variable"),
        ("environment={'_HANDLER': '1'}", "'_HANDLER' is no name for a variable"),
        ("environment={'LONG': 'x' * 4093}", "4,097 bytes, Lambda allows 4,096"),
        ("environment={'SOME': '${Box}'}", r"refers to \$\{Box\}"),
        ("environment={'SOME': '${AWS::Regoin}'}", r"refers to \$\{AWS::Regoin\}"),
        ("environment={'SOME': '${Box'}", r"refers to \$\{Box \(in"),
        ("environment={'SOME': '${}'}", r"refers to \$\{\}"),
        ("environment={'SOME': '${aws:username}'}", r"where none is meant, write \$\{!...\}"),
        ("environment={'SOME': '${Till.Arn}'}", r"\$\{Till\}, which cannot be made before its own"),
        ("environment={'SOME': '${TradeMachine}'}", r"cannot be made before its own function Till"),
        ("environment={'SOME': '${TradeMachineThrottled}'}", "TradeMachineThr"),
        ("policies=[{'Effect': 'Allow'}]", "got: Effect"),
        ("policies=[{}]", "got: nothing"),
        ("policies=[{'DynamoDBCrudPolicy': {'TableName': 'x'}}]", "got: DynamoDBCrudPolicy"),
        (f"policies=[{ALLOW}, 'Principal': '*'}}]", "Principal"),
        (f"policies=[{ALLOW}, 'Resouce': '*'}}]", "Resouce"),
        ("policies=[{'Effect': 'Permit', 'Action': 'x', 'Resource': '*'}]", "has Effect, Action"),
        ("policies=[{'Effect': 'Allow', 'Action': 'x'}]", "got: Effect, Action"),
        ("policies=[{'Effect': 'Allow', 'Action': [], 'Resource': '*'}]", "Action is a text or"),
        ("policies=[{'Effect': 'Allow', 'Action': [1], 'Resource': '*'}]", "Action is a text or"),
        ("policies=[{'Effect': 'Allow', 'Action': 'x', 'Resource': None}]", "Resource is a text"),
        (f"policies=[{ALLOW}, 'Condition': {{'Bool': {{'x': None}}}}}}]", "None is no value"),
        (f"policies=[{ALLOW}, 'Condition': {{'Bool': {{'x': {{1}}}}}}}}]", r"\{1\} is no value"),
        (f"policies=[{ALLOW}, 'Condition': {{'Bool': {{'${{Box}}': 1}}}}}}]", "the key '.{Box}'"),
        (f"policies=[{ALLOW}, 'Condition': {{'Bool': {{1: 1}}}}}}]", "the key 1"),
        (
            f"policies=[{ALLOW}}}, {{**{ALLOW}}}, 'Resource': '${{TradeMachine.Arn}}'}}]",
            r"write what it is called instead, such as arn:\$\{AWS::Partition\}:states",
        ),
    ],
)
def test_what_a_participant_cannot_have(small: Small, asked: str, words: str) -> None:
    """What AWS would refuse at deployment, or take silently for something else, is refused here."""
    with pytest.raises(DeploymentError, match=words) as caught:
        small.asking(asked)
    assert f"{small.package}.till" in str(caught.value)


def test_a_circle_through_somebody_s_own_resource(small: Small) -> None:
    """What depends on the function by other resources cannot be named by it either."""
    own = "\nResources:\n  Box: {Type: T, Properties: {X: !Sub '${Till.Arn}'}}\n"
    small.write("template.yaml", SCAFFOLD + own)
    with pytest.raises(DeploymentError, match=r"\$\{Box\}, which cannot be made before"):
        small.asking("environment={'SOME': '${Box}'}")
    own = "\nResources:\n  Box: {Type: T, DependsOn: TradeMachine}\n"
    small.write("template.yaml", SCAFFOLD + own)
    with pytest.raises(DeploymentError, match=r"\$\{Box\}, which cannot be made before"):
        small.asking("environment={'SOME': '${Box}'}", also="# other\n")


@pytest.mark.parametrize(
    ("modules", "saga_name", "words"),
    [
        (["a.till", "b.till"], "Trade", "a.till and .*b.till would both be the function Till"),
        (["event_table"], "Trade", "two generated resources would be called EventTable"),
        (["alarms"], "Trade", "two generated resources would be called Alarms"),
        (["watch"], "Trade", "two generated resources would be called Watch"),
        (["trade_machine"], "Trade", "two generated resources would be called TradeMachine"),
        (["till", "till_role"], "Trade", "two generated resources would be called TillRole"),
        (["stage"], "Trade", "Stage is a parameter"),
        (["watch_changes"], "Trade", "WatchChanges is what SAM calls a resource"),
        (["till", "till_aliaslive"], "Trade", "TillAliaslive is what SAM calls a resource"),
        (["größe"], "Trade", "would have resources called Größe"),
        (["till"], "Trade_In", "the saga Trade_In would have resources called Trade_In"),
    ],
)
def test_names_that_stand_for_two_things(
    small: Small, modules: list[str], saga_name: str, words: str
) -> None:
    """Two things of one name are refused, with what to rename."""
    for folder in {module.partition(".")[0] for module in modules if "." in module}:
        small.write(f"{small.package}/{folder}/__init__.py")
    names = []
    for module in modules:
        small.write(f"{small.package}/{module.replace('.', '/')}.py")
        names.append(f"{small.package}.{module}")
    with pytest.raises(DeploymentError, match=words):
        small.render(*names, name=saga_name)


def test_a_saga_and_a_participant_of_one_name(small: Small) -> None:
    """``Booking`` with ``handlers.booking`` is what people write, and nothing collides."""
    resources = load(small.render(small.participant("booking"), name="Booking"))["Resources"]
    assert {"Booking", "BookingMachine", "BookingThrottled", "BookingMachineThrottled"} <= set(
        resources
    )


def test_a_handler_that_is_not_the_project_s(reference: Path) -> None:
    """A function carries the project's files, so a handler from elsewhere cannot be packed."""
    graph = saga([tail("dump", handler="json:dumps")])
    with pytest.raises(DeploymentError, match="json is no module of this project"):
        application_of(reference, [graph])
