"""Releases of one project: a running saga keeps its code forward, and is undone by the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.client import Client
from stepsaga.engines.endings import Ending
from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import Deployed, tools
from stepsaga.engines.ministack.server import MiniStack
from tests.e2e.projects import PATIENCE, STACK, Project, until
from tests.e2e.targets import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

HANDLERS = '''\
"""A participant that says which layer it runs on, and waits until it is let go."""

from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel

from stepsaga import Event, Participant, Rejected, SagaContext

participant = Participant(environment={"GREETING": "hello"})


class Trial(BaseModel):
    gate: str


class Done(BaseModel):
    layer: str


class Undone(Event):
    layer: str


def go(trial: Trial) -> Done:
    if not Path(trial.gate).exists():
        raise RuntimeError("not yet")
    return Done(layer=version("marker"))


def go_back(go: Done | None, saga: SagaContext) -> None:
    saga.emit(Undone(layer=version("marker")))


def refuse(trial: Trial) -> Done:
    raise Rejected("on purpose")
'''
SAGAS = '''\
"""One step that is tried again for a while, and one that is refused."""

from datetime import timedelta

from handlers import trials
from stepsaga import Input, Retry, Saga, Step


class TryIt(Saga):
    trial = Input(trials.Trial)

    go = Step(
        trials.go,
        compensation=trials.go_back,
        retry=Retry(attempts=200, wait=timedelta(seconds=1), longest_wait=timedelta(seconds=1)),
    )
    refuse = Step(trials.refuse, read_only=True)
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project of one saga, on a stack in real time."""
    root = tmp_path_factory.mktemp("releases") / "project"
    files = {"handlers/trials.py": HANDLERS, "sagas/trials.py": SAGAS}
    with MiniStack(tools(ROOT)[0]) as server, isolated(server.settings()):
        yield Project.made(root, server, files)


def attempts(server: MiniStack, execution: str) -> int:
    """How often the first step was attempted."""
    pages = server.client("stepfunctions").get_paginator("get_execution_history")
    events = [e for page in pages.paginate(executionArn=execution) for e in page["events"]]
    return sum(event["type"] in {"TaskScheduled", "LambdaFunctionScheduled"} for event in events)


def test_a_running_saga_keeps_its_code_and_is_undone_by_the_new(project: Project) -> None:
    """Rule 12: only the layer changes while a saga pauses; forward on the old, back on the new."""
    gate = project.root.parent / "gate"
    project.release(1)
    client = Client.of_stack(STACK)
    execution = client.engine.start("TryIt", {"gate": str(gate)}, name="before")
    until(lambda: attempts(project.server, execution) >= 2)

    second = project.release(2)
    assert client.status("TryIt", "before").ending is Ending.RUNNING
    gate.touch()
    assert client.wait("TryIt", "before", timeout=PATIENCE).ending is Ending.COMPENSATED
    events = [one for commit in client.store.read("TryIt#before") for one in commit.events]
    layers = {one.type: one.data for one in events}
    assert layers["StepCompleted"]["value"] == {"layer": "1"}
    assert layers["Undone"] == {"layer": "2"}

    after = Client.of_stack(STACK)
    after.engine.start("TryIt", {"gate": str(gate)}, name="after")
    after.wait("TryIt", "after", timeout=PATIENCE)
    told = [one for commit in after.store.read("TryIt#after") for one in commit.events]
    assert {one.type: one.data for one in told}["StepCompleted"]["value"] == {"layer": "2"}
    assert published(project.server, second) == ["1", "2"]


def test_a_deployment_of_nothing_publishes_nothing(project: Project) -> None:
    """The same release again is the same versions."""
    before = published(project.server, project.release(3))
    assert published(project.server, project.release(3)) == before


def test_another_variable_publishes_a_version(project: Project) -> None:
    """A changed environment alone is a new version of that function, which `live` then is."""
    file = project.root / "handlers/trials.py"
    before = published(project.server, project.release(3))
    file.write_text(HANDLERS.replace('"hello"', '"goodbye"'))
    after = project.release(3)
    assert published(project.server, after) == [*before, str(int(before[-1]) + 1)]
    functions = project.server.client("lambda")
    name = after.resources["Trials"]
    live = functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    assert live == published(project.server, after)[-1]
    kept = functions.get_function_configuration(FunctionName=name, Qualifier=before[-1])
    assert kept["Environment"]["Variables"]["GREETING"] == "hello"


def published(server: MiniStack, deployed: Deployed) -> list[str]:
    """The published versions of the participant, old ones first."""
    name = deployed.resources["Trials"]
    pages = server.client("lambda").get_paginator("list_versions_by_function")
    found = [one for page in pages.paginate(FunctionName=name) for one in page["Versions"]]
    return [one["Version"] for one in found if one["Version"] != "$LATEST"]
