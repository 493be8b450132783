"""What is public, and what importing it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import stepsaga

ROOT = Path(__file__).parents[2]
PUBLIC = [
    "Action",
    "Approval",
    "ApprovalLinks",
    "Approved",
    "Bus",
    "BusEvent",
    "Callback",
    "Child",
    "Choice",
    "Csv",
    "DefinitionError",
    "DistributedMap",
    "Event",
    "Input",
    "JsonLines",
    "Map",
    "OnEvent",
    "OnQueue",
    "OnRequest",
    "OnSchedule",
    "Parallel",
    "Participant",
    "Queue",
    "Rejected",
    "Retry",
    "S3Object",
    "Saga",
    "SagaContext",
    "Sensitive",
    "Sequence",
    "ServiceStep",
    "Step",
    "StepsagaError",
    "Topic",
    "Wait",
    "WaitForEvent",
    "all_of",
    "any_of",
    "is_in",
    "is_present",
    "not_",
    "when",
]
NEVER_IN_LAMBDA = {
    "stepsaga.authoring",
    "stepsaga.checks",
    "stepsaga.asl",
    "stepsaga.client",
    "stepsaga.engines",
    "stepsaga.cli",
    "stepsaga.testing",
    "stepsaga.graph",
    "stepsaga.drawing",
}
BUILT_LATER = {
    "boto3",
    "aws_lambda_powertools",
    "aws_xray_sdk",
    "moto",
    "typer",
    "rich",
    "jsonschema",
}


def loaded(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after running code."""
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(  # noqa: S603  # the script is this test's own
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_the_public_names_are_these() -> None:
    """A name more or less is a decision, not an accident."""
    assert stepsaga.__all__ == PUBLIC
    assert set(PUBLIC) <= set(dir(stepsaga))


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_there(name: str) -> None:
    """Every name that is promised can be imported, and is the one of its own module."""
    found = getattr(stepsaga, name)
    assert getattr(stepsaga, name) is found


def test_another_name_is_an_attribute_error() -> None:
    """A typing mistake is told as Python tells it."""
    with pytest.raises(AttributeError, match="module 'stepsaga' has no attribute 'Sagas'"):
        stepsaga.Sagas  # type: ignore[attr-defined]  # noqa: B018  # the mistake in question


def test_importing_the_package_loads_nothing_else_of_it() -> None:
    """``import stepsaga`` is free: names are loaded when they are asked for."""
    ours = {name for name in loaded("import stepsaga") if name.startswith("stepsaga")}
    assert ours == {"stepsaga"}


@pytest.mark.parametrize(
    "code",
    [
        "import stepsaga.runtime",
        "from stepsaga import Event, Participant, Rejected, SagaContext, Sensitive",
        "from stepsaga.runtime import handler",
    ],
)
def test_what_a_function_imports_stays_small(code: str) -> None:
    """A Lambda function loads neither compiler nor engines, and clients at its first call."""
    modules = loaded(code)
    assert not {name for name in modules if ".".join(name.split(".")[:2]) in NEVER_IN_LAMBDA}
    assert not {name.partition(".")[0] for name in modules} & BUILT_LATER
    assert "stepsaga.runtime.powertools" not in modules


def test_who_writes_sagas_loads_no_client() -> None:
    """A module of sagas loads neither engines nor boto3: only `Saga.start` needs them."""
    modules = loaded("import sagas.orders")
    assert not {
        name for name in modules if name.startswith(("stepsaga.client", "stepsaga.engines"))
    }
    assert "stepsaga.authoring" in modules
