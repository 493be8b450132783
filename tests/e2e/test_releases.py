"""Releases of one project: a running saga keeps its code forward, and is undone by the new one."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.client import Client
from stepsaga.engines.endings import Ending
from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import Deployed, Deployment, tools
from stepsaga.engines.ministack.server import MiniStack
from tests.e2e.targets import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
STACK = "trial"
PATIENCE = timedelta(minutes=3)
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
MAKEFILE = f"build-%:\n\t@{BIN}/stepsaga build $* --into $(ARTIFACTS_DIR)\n"


@dataclass
class Project:
    """A project in a folder of its own, that changes and is deployed again."""

    root: Path
    server: MiniStack

    def release(self, marker: int) -> Deployed:
        """Deploy with this version of the one thing in the layer that is not stepsaga's."""
        wheel = self._wheel(marker)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lock = (ROOT / "requirements/layer.lock").read_text(encoding="utf-8")
        own = f"marker @ {wheel.as_uri()} --hash=sha256:{digest}\n"
        folder = self.root / "requirements"
        folder.mkdir(exist_ok=True)
        (folder / "layer.lock").write_text(lock + own)
        for command in ("compile", "template"):
            self.run(command)
        python, sam = tools(ROOT)
        deployment = Deployment(self.root, self.server, python=python, sam=sam)
        return deployment.deploy(stack=STACK)

    def run(self, *words: str) -> str:
        """Run a command of stepsaga's in the project."""
        done = subprocess.run(  # noqa: S603  # our own command
            [str(BIN / "stepsaga"), *words],
            cwd=self.root,
            env=self.server.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _wheel(self, version: int) -> Path:
        wheel = self.root.parent / f"marker-{version}-py3-none-any.whl"
        info = f"marker-{version}.dist-info"
        files = {
            "marker.py": f"VERSION = {version}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: marker\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
        }
        record = [f"{name},{_record_hash(text)},{len(text)}" for name, text in files.items()]
        files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, text in files.items():
                archive.writestr(zipfile.ZipInfo(name), text)  # without the time: the same again
        return wheel


def _record_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project of one saga, on a stack in real time."""
    root = tmp_path_factory.mktemp("releases") / "project"
    files = {
        "handlers/__init__.py": "",
        "handlers/trials.py": HANDLERS,
        "sagas/__init__.py": "",
        "sagas/trials.py": SAGAS,
        "Makefile": MAKEFILE,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with MiniStack(tools(ROOT)[0]) as server, isolated(server.settings()):
        yield Project(root, server)


def attempts(server: MiniStack, execution: str) -> int:
    """How often the first step was attempted."""
    pages = server.client("stepfunctions").get_paginator("get_execution_history")
    events = [e for page in pages.paginate(executionArn=execution) for e in page["events"]]
    return sum(event["type"] in {"TaskScheduled", "LambdaFunctionScheduled"} for event in events)


def until(truth: Any) -> None:
    """Wait until something is true."""
    end = time.monotonic() + PATIENCE.total_seconds()
    while not truth():
        assert time.monotonic() < end, "it does not become true"
        time.sleep(0.2)


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
