"""What the generated parts say, for every shape of project."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from stepsaga.asl import build
from stepsaga.asl.names import definition_file
from stepsaga.cli.new import project as new_project
from stepsaga.engines.isolated import isolated, settings
from stepsaga.errors import DeploymentError
from stepsaga.limits import DISPATCH_SECONDS, START_SECONDS
from stepsaga.runtime.clients import client
from stepsaga.runtime.keep import PAUSES, SEND_SECONDS
from stepsaga.sam.application import Application, application_of
from stepsaga.sam.cfn import Tag, load
from stepsaga.sam.recovery import MACHINE
from stepsaga.sam.template import SCAFFOLD, build_target, check_fresh, parameters_of, render
from tests.asl.graphs import saga as saga_of
from tests.asl.graphs import step
from tests.sam.cloud import KEY, STACK, resolved
from tests.sam.projects import FULFIL_ORDER, ROOT, SHAPES, TABLES, rendered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sam.cloud import Sam

GOLDEN = Path(__file__).parent / "golden" / "all.template.yaml"
LAMBDA = "arn:aws:states:::lambda:invoke"


@pytest.fixture(params=SHAPES)
def template(request: pytest.FixtureRequest, reference: Path) -> dict[str, Any]:
    """The template's content, for each shape of project."""
    return rendered(reference, SHAPES[request.param])


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    """The resources of one type."""
    return {
        name: one for name, one in template["Resources"].items() if one["Type"] == f"AWS::{kind}"
    }


def values(part: Any) -> Iterator[Any]:
    """Everything in a part of a template that is no list and no mapping."""
    inner = part.value if isinstance(part, Tag) else part
    if isinstance(inner, dict | list):
        for item in inner.values() if isinstance(inner, dict) else inner:
            yield from values(item)
    else:
        yield inner


def test_golden(reference: Path) -> None:
    """The template of a project with four sagas is the one that was read and committed.

    ``STEPSAGA_GOLDEN=write`` writes it anew; digests, which change with the code, are left out.
    """
    tables = "".join(f"  {name}: {{Type: 'AWS::SNS::Topic'}}\n" for name in TABLES)
    (reference / "template.yaml").write_text(f"{SCAFFOLD}\nResources:\n{tables}")
    text = render(reference, application_of(reference, SHAPES["all"]))
    text = re.sub(r"\b[0-9a-f]{64}\b", "<digest>", text)
    if os.environ.get("STEPSAGA_GOLDEN") == "write":
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_the_committed_template_is_fresh(whole_project: Application) -> None:
    """This project's own template and definitions are what its sagas say."""
    check_fresh(ROOT, whole_project)


@pytest.mark.parametrize("shape", SHAPES)
def test_cfn_lint_finds_nothing(shape: str, reference: Path) -> None:
    """CloudFormation's own linter has nothing to say, warnings included."""
    file = reference / "template.yaml"
    file.write_text(render(reference, application_of(reference, SHAPES[shape])), encoding="utf-8")
    found = lint_file(file, config=ManualArgs(regions=["eu-central-1", "us-east-1"]))
    assert [str(match) for match in found] == []


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
@pytest.mark.parametrize("shape", SHAPES)
def test_sam_takes_it(shape: str, stage: str, reference: Path, sam: Sam) -> None:
    """SAM's translator makes resources of it in every stage, with a key and without."""
    text = render(reference, application_of(reference, SHAPES[shape]))
    for key in ("", KEY):
        resources = sam.translate(text, stage, KeyArn=key)
        assert not [one for one in resources.values() if "Serverless" in one["Type"]]
        assert len(resources) <= 500


def test_nothing_is_null(template: dict[str, Any]) -> None:
    """CloudFormation refuses a template that has a null anywhere."""
    assert None not in list(values(template))


def sagas_in(template: dict[str, Any]) -> dict[str, Any]:
    """The machines of sagas: all but the one that undoes them."""
    machines = of_type(template, "Serverless::StateMachine")
    return {name: one for name, one in machines.items() if name != MACHINE}


def test_a_machine_calls_what_its_definition_says(template: dict[str, Any]) -> None:
    """Each name in a definition is given, and nothing else (rule 12).

    Steps before the pivot call the version that was deployed with them; compensations, probes,
    the pivot's settling and steps after it call the alias.
    """
    for name, machine in sagas_in(template).items():
        properties = machine["Properties"]
        given = properties["DefinitionSubstitutions"]
        text = definition(properties["DefinitionUri"])
        assert set(re.findall(r"\$\{(\w+)\}", text)) == set(given), name
        for state in json.loads(text)["States"].values():
            if state.get("Resource") != LAMBDA:
                continue
            called = given[state["Parameters"]["FunctionName"][2:-1]]
            part = state["Parameters"]["Payload"]["part"]
            pinned = part in ("compensatable", "read-only", "pivot")
            assert called.name == "Ref"
            assert called.value.endswith(".Version" if pinned else ".Alias")
        if "EventTable" in given:
            assert given["EventTable"] == Tag("Ref", "EventTable")


def definition(file: str) -> str:
    """The text of a definition that one of the shapes has."""
    graphs = {definition_file(graph.name): graph for graph in SHAPES["all"]}
    return build(graphs[file]).text


def test_machines_are_kept(template: dict[str, Any]) -> None:
    """Rule 30: a machine that is replaced stays, and in prod its deletion leaves it there.

    But for one that was made by a deployment that failed: it would be in the way of the next.
    """
    for name, machine in of_type(template, "Serverless::StateMachine").items():
        assert machine["UpdateReplacePolicy"] == "Retain"
        for resource in (machine, template["Resources"][f"{name}Role"]):
            assert resolved(resource["DeletionPolicy"], prod=True) == "RetainExceptOnCreate"
            assert resolved(resource["DeletionPolicy"], prod=False) == "Delete"
        if name != MACHINE:
            assert machine["DependsOn"] == ["KeptDefinitions"]


def test_participants_are_kept(template: dict[str, Any]) -> None:
    """Rule 12: no deployment deletes a function, its versions or its role under running sagas.

    But for what a deployment made that is rolled back: tried again it makes the same once more.
    """
    for name in participants_in(template):
        for resource in (template["Resources"][name], template["Resources"][f"{name}Role"]):
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
            assert resource["UpdateReplacePolicy"] == "Retain"


def participants_in(template: dict[str, Any]) -> list[str]:
    """The functions that have a version and an alias."""
    functions = of_type(template, "Serverless::Function")
    found = [name for name, one in functions.items() if "AutoPublishAlias" in one["Properties"]]
    assert found
    return found


def test_sam_passes_the_policies_on(reference: Path, sam: Sam) -> None:
    """What keeps a machine and the events is in what CloudFormation gets."""
    text = render(reference, application_of(reference, [FULFIL_ORDER]))
    resources = sam.translate(text)
    kept = {"Fn::If": ["IsProd", "RetainExceptOnCreate", "Delete"]}
    machine = resources["FulfilOrderMachine"]
    assert (machine["DeletionPolicy"], machine["UpdateReplacePolicy"]) == (kept, "Retain")
    table, kept = resources["EventTable"], {"Fn::If": ["IsProd", "Retain", "Delete"]}
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == (kept, kept)
    substitutions = machine["Properties"]["DefinitionSubstitutions"]
    assert re.fullmatch(r"PaymentsVersion[0-9a-f]{10}", substitutions["Payments"]["Ref"])
    assert substitutions["PaymentsLive"] == {"Ref": "PaymentsAliaslive"}


@pytest.mark.parametrize("project", ["reference", "new"])
def test_the_participants_tables_outlive_the_stack_in_prod(project: str) -> None:
    """What participants keep, money and idempotency keys, is not deleted with a stack in prod."""
    files = {file.as_posix(): text for file, text in new_project("rooms", "stepsaga")}
    text = (
        (ROOT / "template.yaml").read_text() if project == "reference" else files["template.yaml"]
    )
    tables = of_type(load(text), "DynamoDB::Table")
    # Which sagas are open can be told from the events.
    tables.pop("OpenSagas", None)
    assert len(tables.keys() - {"EventTable"}) == {"reference": 11, "new": 2}[project]
    for table in tables.values():
        for policy in (table["DeletionPolicy"], table["UpdateReplacePolicy"]):
            assert resolved(policy, prod=True) == "Retain"
            assert resolved(policy, prod=False) == "Delete"


def test_a_release_is_gradual_in_prod(template: dict[str, Any]) -> None:
    """Version and alias exist in prod only; the alias moves by tenths, and an alarm stops it."""
    alarms = of_type(template, "CloudWatch::Alarm")
    aliases = of_type(template, "StepFunctions::StateMachineAlias")
    assert len(aliases) == len(sagas_in(template))
    for name, alias in aliases.items():
        preference = alias["Properties"]["DeploymentPreference"]
        version = template["Resources"][preference["StateMachineVersionArn"].value]
        assert {alias["Condition"], version["Condition"]} == {"IsProd"}
        assert (version["DeletionPolicy"], version["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert (preference["Type"], preference["Percentage"]) == ("CANARY", 10)
        # The name of an alarm, which `Ref` gives; an ARN would silently be none.
        assert [tag.value in alarms for tag in preference["Alarms"]] == [True]
        machine = name.removesuffix("Live")
        output = template["Outputs"][machine]["Value"]
        assert resolved(output, prod=True) == name
        assert resolved(output, prod=False) == machine


def test_the_event_table(template: dict[str, Any]) -> None:
    """One table, on demand, with a stream and point-in-time recovery; in prod it cannot go."""
    table = template["Resources"]["EventTable"]
    prod = resolved(table, prod=True)
    properties = prod["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["DeletionProtectionEnabled"] is True
    assert {prod["DeletionPolicy"], prod["UpdateReplacePolicy"]} == {"Retain"}
    dev = resolved(table, prod=False)
    assert dev["Properties"]["DeletionProtectionEnabled"] is False
    assert {dev["DeletionPolicy"], dev["UpdateReplacePolicy"]} == {"Delete"}
    assert "SSESpecification" not in properties
    encrypted = resolved(table, key=KEY)["Properties"]["SSESpecification"]
    assert encrypted == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
    assert [key["AttributeName"] for key in properties["KeySchema"]] == ["stream_id", "slot"]


def test_logs_and_traces(template: dict[str, Any]) -> None:
    """Every function and machine writes to a group of its own that forgets, and is traced."""
    groups = of_type(template, "Logs::LogGroup")
    for group in groups.values():
        assert group["Properties"]["RetentionInDays"] == Tag("Ref", "LogRetentionDays")
    for name, function in of_type(template, "Serverless::Function").items():
        assert function["Properties"]["LoggingConfig"] == {"LogGroup": Tag("Ref", f"{name}Logs")}
        assert function["Properties"]["Tracing"] == "Active"
        assert f"{name}Logs" in groups
    for name, machine in of_type(template, "Serverless::StateMachine").items():
        logging = machine["Properties"]["Logging"]
        # What executions carry is a saga's data.
        assert logging["IncludeExecutionData"] is False
        group = {"LogGroupArn": Tag("GetAtt", f"{name}Logs.Arn")}
        assert logging["Destinations"] == [{"CloudWatchLogsLogGroup": group}]
        assert machine["Properties"]["Tracing"] == {"Enabled": True}
        text = resolved(groups[f"{name}Logs"])["Properties"]["LogGroupName"]
        assert text.startswith(f"/aws/vendedlogs/states/{STACK}-")


def test_alarms(template: dict[str, Any]) -> None:
    """Every alarm goes to somebody, is quiet without data, and says what happened (rule 32)."""
    alarms = of_type(template, "CloudWatch::Alarm")
    for alarm in alarms.values():
        properties = alarm["Properties"]
        assert properties["AlarmActions"] == [Tag("Ref", "Alarms")]
        assert properties["TreatMissingData"] == "notBreaching"
        assert len(resolved(properties["AlarmDescription"])) <= 1024
    watched = {
        (one["Properties"]["Namespace"], one["Properties"]["MetricName"], str(dimensions(one)))
        for one in alarms.values()
    }
    assert len(watched) == len(alarms)


def dimensions(alarm: dict[str, Any]) -> dict[str, str]:
    """What an alarm looks at."""
    listed = resolved(alarm["Properties"]["Dimensions"])
    return {one["Name"]: one["Value"] for one in listed}


def test_a_declined_card_rings_nothing(template: dict[str, Any]) -> None:
    """No alarm stands on a participant's errors, nor on all failed executions (rule 32)."""
    metrics = {
        (alarm["Properties"]["MetricName"], dimensions(alarm).get("FunctionName", ""))
        for alarm in of_type(template, "CloudWatch::Alarm").values()
    }
    own = {function for metric, function in metrics if metric == "Errors"}
    assert own == {"Watch", "Recovery", "Following"}
    assert "ExecutionsFailed" not in {metric for metric, _ in metrics}


def test_throttling_rings(template: dict[str, Any]) -> None:
    """Every participant, every machine and the table say when they are throttled."""
    alarms = [one["Properties"] for one in of_type(template, "CloudWatch::Alarm").values()]
    on = {(one["MetricName"], *resolved(one["Dimensions"])[0].values()) for one in alarms}
    for name, function in of_type(template, "Serverless::Function").items():
        if "AutoPublishAlias" in function["Properties"]:
            assert ("Throttles", "FunctionName", name) in on
    for name in of_type(template, "Serverless::StateMachine"):
        assert ("ExecutionThrottled", "StateMachineArn", name) in on
    for metric in ("WriteThrottleEvents", "ReadThrottleEvents"):
        assert (metric, "TableName", "EventTable") in on


def test_a_function_ends_before_its_states_do(reference: Path) -> None:
    """Its time is above its longest step's, below that state's, and within Lambda's (rule 23)."""
    for shape, graphs in SHAPES.items():
        for function in application_of(reference, graphs).functions:
            longest = max(
                state["TimeoutSeconds"]
                for graph in graphs
                for state in json.loads(definition_of(graph))["States"].values()
                if state.get("Parameters", {})
                .get("Payload", {})
                .get("handler", "")
                .startswith(f"{function.module}:")
            )
            assert longest - DISPATCH_SECONDS < function.seconds < longest, shape
            assert function.seconds <= 900


def definition_of(graph: Any) -> str:
    """The text of a graph's definition."""
    return build(graph).text


@pytest.mark.parametrize("seconds", [1, 870, 895, 899])
def test_no_function_asks_for_more_than_lambda_has(reference: Path, seconds: int) -> None:
    """The margin above the longest step ends at Lambda's own limit."""
    graph = saga_of([step("charge", seconds=seconds)])
    [function] = application_of(reference, [graph]).functions
    assert function.seconds == min(seconds + START_SECONDS, 900)


def test_keep_can_answer_before_nobody_listens(template: dict[str, Any]) -> None:
    """All that Keep tries fits into its function's time, and that into CloudFormation's patience.

    A function that is ended answers nothing, and the deployment waits until its patience is over.
    """
    with isolated(settings("http://127.0.0.1:9", "test")):
        config = client("dynamodb").meta.config
    attempts = config.retries["total_max_attempts"]
    one_try = attempts * (config.connect_timeout + config.read_timeout)
    one_try += sum(2**number for number in range(attempts - 1))  # botocore's longest pauses
    tries = sum(PAUSES) + (len(PAUSES) + 1) * one_try
    function = template["Resources"]["Keep"]["Properties"]["Timeout"]
    patience = template["Resources"]["KeptDefinitions"]["Properties"]["ServiceTimeout"]
    assert tries + SEND_SECONDS < function < patience


def test_names_of_machines_fit(template: dict[str, Any]) -> None:
    """A machine is called after stack and saga, which is what Watch takes apart."""
    for name, machine in of_type(template, "Serverless::StateMachine").items():
        text = resolved(machine["Properties"]["Name"])
        assert text == f"{STACK}-{name.removesuffix('Machine')}"
        assert len(text) <= 80


def test_the_layer_is_built_for_what_runs_it(reference: Path) -> None:
    """`sam build` takes x86_64 for granted where the metadata does not say otherwise."""
    layer = rendered(reference)["Resources"]["StepsagaLayer"]
    assert layer["Metadata"] == {"BuildMethod": "makefile", "BuildArchitecture": "arm64"}
    assert build_target(parameters_of(reference)) == {
        "PythonVersion": "python3.13",
        "Architecture": "arm64",
    }


def test_a_scaffold_where_there_is_nothing(reference: Path) -> None:
    """Without a template a whole one is written, which the next call leaves as it is."""
    file, graphs = reference / "template.yaml", SHAPES["pins_nothing"]
    table = re.search(r"  OutboxTable:\n(?:    .*\n)+", file.read_text())
    assert table
    for text in (None, ""):
        file.unlink(missing_ok=True)
        if text is not None:
            file.write_text(text)
        with pytest.raises(
            DeploymentError, match=r"handlers\.notifications refers to .*OutboxTable"
        ):
            render(reference, application_of(reference, graphs))
    file.write_text(f"{SCAFFOLD}\nResources:\n{table[0]}")
    text = render(reference, application_of(reference, graphs))
    file.write_text(text)
    assert render(reference, application_of(reference, graphs)) == text
    assert {"OutboxTable"} == set(TABLES) & set(rendered(reference, graphs)["Resources"])


@pytest.mark.parametrize("missing", ["template.yaml", "statemachines/fulfil_order.asl.json"])
@pytest.mark.parametrize("state", ["stale", "missing"])
def test_a_build_needs_fresh_files(
    reference: Path, application: Application, missing: str, state: str
) -> None:
    """What would be built is what the files say, or it is not built."""
    check_fresh(reference, application)
    file = reference / missing
    if state == "missing":
        file.unlink()
    elif missing.endswith(".json"):
        file.write_bytes(file.read_bytes() + b"\xff")
    else:
        file.write_bytes(file.read_bytes().replace(b"MemorySize: 256", b"MemorySize: 512"))
    command = "template" if missing == "template.yaml" else "compile"
    with pytest.raises(DeploymentError, match=f"{missing} is {state}: run `stepsaga {command}`"):
        check_fresh(reference, application)
