"""What is deployed for a saga with a distributed map: rights, times, and the code of its models."""

from __future__ import annotations

from pathlib import Path

from stepsaga.asl.kept import from_kept, keep
from stepsaga.authoring import graph_of
from stepsaga.graph import distributed_of
from stepsaga.sam.application import _machine, application_of
from stepsaga.sam.machines import saga as machine_resources
from tests.distributed import pay
from tests.sam.cloud import KEY, resolved
from tests.sam.iam import allowed, statements

ROOT = Path(__file__).parents[2]
STATES = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"


def test_the_machine_may_run_its_items() -> None:
    """It starts itself, stops and redrives what it has started, and reads and writes its files."""
    machine = _machine(graph_of(pay.PayAll))
    found = statements(resolved(machine_resources(machine)[f"{machine.name}Role"], key=KEY))
    starts = [one for one in found if "states:StartExecution" in str(one)]
    assert len(starts) == 1
    assert "PayAll" in str(starts[0])
    for action in ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"):
        assert allowed(found, action, "<EventBucket.Arn>/stepsaga/items/3f.jsonl"), action
        assert not allowed(found, action, "<EventBucket.Arn>/else"), action
    redrives = [one for one in found if "states:RedriveExecution" in str(one)]
    assert "PayAll/*:*" in str(redrives)


def test_other_machines_may_not() -> None:
    """A saga without one has no such rights."""
    from sagas.orders import FulfilOrder  # noqa: PLC0415  # a project of its own

    machine = _machine(graph_of(FulfilOrder))
    assert "states:StartExecution" not in str(machine_resources(machine)[f"{machine.name}Role"])


def test_the_first_steps_function_has_time_and_models() -> None:
    """Who reads the items has the time that takes, and the module of their model."""
    application = application_of(ROOT, [graph_of(pay.PayFile)])
    [function] = application.functions
    assert function.seconds == 305
    assert "tests/distributed/bank.py" in map(str, function.files)


def test_the_kept_graph_says_all() -> None:
    """What is kept of a release is what it was, source, tolerance and slots."""
    graph = graph_of(pay.PayFile)
    [(node, many)] = distributed_of(from_kept(keep(graph)).nodes)
    [(was, of_old)] = distributed_of(graph.nodes)
    assert many == of_old
    assert (node.slot, node.undo_slot, node.at_most) == (was.slot, was.undo_slot, was.at_most)
    assert many.end != node.slot
