"""Distributed Maps on the simulator, as AWS's pages say: readers, results, thresholds, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepsaga.engines.protocol import Status
from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.integrations import LAMBDA_INVOKE, LambdaInvoke
from stepsaga.errors import EngineError
from stepsaga.store.objects import MemoryS3, Objects
from tests.engines.support import Script


def machine(**changes: Any) -> str:
    """A distributed Map whose items fail where they say so."""
    fail = {"Type": "Fail", "Error": "Bad", "Cause": "so it is"}
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.item.bad", "BooleanEquals": True, "Next": "bad"}],
        "Default": "good",
    }
    state = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSONL"},
            "Parameters": {"Bucket": "bucket", "Key.$": "$.key"},
        },
        "ItemSelector": {
            "item.$": "$$.Map.Item.Value",
            "index.$": "$$.Map.Item.Index",
            "parent.$": "$$.Execution.Name",
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "look",
            "States": {
                "look": choice,
                "bad": fail,
                "good": {
                    "Type": "Pass",
                    "Parameters": {"own.$": "$$.Execution.Name", "parent.$": "$.parent"},
                    "End": True,
                },
            },
        },
        "ToleratedFailurePercentage": 100,
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "bucket", "Prefix": "results"},
            "WriterConfig": {"OutputType": "JSONL", "Transformation": "NONE"},
        },
        "End": True,
        **changes,
    }
    return json.dumps({"StartAt": "each", "States": {"each": state}})


def started(text: str, lines: list[Any]) -> tuple[Simulator, Objects, str]:
    """A simulator with the machine, and these lines in S3."""
    objects = Objects(MemoryS3(), "bucket")
    objects.put({"in": "".join(json.dumps(one) + "\n" for one in lines).encode()})
    simulator = Simulator({LAMBDA_INVOKE: LambdaInvoke(Script({}))}, objects=objects)
    simulator.create("each", text)
    return simulator, objects, simulator.start("each", {"key": "in"}, name="one")


def test_results_are_in_files_that_a_manifest_names() -> None:
    """What succeeded and what failed, each with its input; an item's execution has its own name."""
    simulator, objects, arn = started(machine(), [{"bad": False}, {"bad": True}, {"bad": False}])
    view = simulator.wait(arn)
    assert view.status is Status.SUCCEEDED
    place = view.output["ResultWriterDetails"]
    manifest = json.loads(b"".join(objects.lines(place["Bucket"], place["Key"])))
    files = manifest["ResultFiles"]
    [good], [bad] = files["SUCCEEDED"], files["FAILED"]
    assert files["PENDING"] == []
    [failed] = map(json.loads, objects.lines("bucket", bad["Key"]))
    assert (failed["Error"], failed["Cause"], failed["Status"]) == ("Bad", "so it is", "FAILED")
    assert json.loads(failed["Input"])["index"] == 1
    outputs = [
        json.loads(json.loads(line)["Output"]) for line in objects.lines("bucket", good["Key"])
    ]
    assert [one["parent"] for one in outputs] == ["one", "one"]
    assert len({one["own"] for one in outputs} | {"one"}) == 3


def test_over_the_threshold_the_map_fails() -> None:
    """It fails by a name that can be caught."""
    text = machine(ToleratedFailurePercentage=40)
    simulator, _, arn = started(text, [{"bad": True}, {"bad": False}])
    assert simulator.wait(arn).error == "States.ExceedToleratedFailureThreshold"


def test_what_cannot_be_read_fails_the_map() -> None:
    """An object that is not there, and a line that is no JSON."""
    simulator, objects, _ = started(machine(), [])
    objects.put({"odd": b'{"bad": false}\n{"bad"\n'})
    for number, key in enumerate(("gone", "odd")):
        arn = simulator.start("each", {"key": key}, name=f"n{number}")
        assert simulator.wait(arn).error == "States.ItemReaderFailed"


@pytest.mark.parametrize(
    "change",
    [
        {"ItemsPath": "$.items"},
        {"ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"a": 1}}},
        {"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"a": 1}}},
        {"ItemBatcher": {"MaxItemsPerBatch": 3}},
        {"Label": "each"},
    ],
)
def test_what_is_not_known_is_refused_by_name(change: dict[str, Any]) -> None:
    """The simulator runs what the compiler writes, and nothing near it."""
    with pytest.raises(EngineError, match=next(iter(change))):
        started(machine(**change), [])
