"""What cannot be deployed is said in words, by resource; and `make demo` leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepsaga.engines.ministack.deployment import Deployment, tools
from stepsaga.engines.ministack.server import MiniStack
from stepsaga.errors import DeploymentError, EngineError
from tests.e2e.targets import ROOT
from tests.e2e.test_server import LISTEN_TO_CTRL_C, gone, group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepsaga.engines.ministack.deployment import Deployed

PYTHON, SAM = tools(ROOT)


@pytest.fixture(scope="module")
def server() -> Iterator[MiniStack]:
    """A stack on which nothing is deployed yet."""
    with MiniStack(PYTHON) as running:
        yield running


def deployment(server: MiniStack, root: Path = ROOT, sam: Path = SAM) -> Deployment:
    """A deployment of a project."""
    return Deployment(root, server, python=PYTHON, sam=sam)


def test_a_table_that_is_there_with_other_keys_is_named(server: MiniStack) -> None:
    """Where the event table's name is taken, `preflight` names table, keys, and the way out."""
    server.client("dynamodb").create_table(
        TableName="stepsaga-dev-events",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    stepsaga = Path(sys.executable).parent / "stepsaga"
    done = subprocess.run(  # noqa: S603  # our own command
        [stepsaga, "preflight", "--config-env", "dev"],
        cwd=ROOT,
        env=server.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    told = re.search(r"^event table .*stepsaga-dev-events.*\n +hint: .*", done.stdout, re.MULTILINE)
    assert told, done.stdout
    assert "another stack_name" in told[0]


def test_a_missing_parameter_is_named(server: MiniStack) -> None:
    """Without its stage a stack is refused, by the parameter's name."""
    with pytest.raises(DeploymentError, match="Stage"):
        deployment(server).deploy(stack="no-stage", parameters={"LogRetentionDays": "7"})


def test_a_stale_definition_is_not_built(tmp_path: Path, server: MiniStack) -> None:
    """Where statemachines/ are not what the sagas say, the build names file and way out."""
    root = copy_of_project(tmp_path)
    file = root / "statemachines/fulfil_order.asl.json"
    file.write_text(file.read_text().replace('"TimeoutSeconds":45', '"TimeoutSeconds":46', 1))
    text = r"statemachines/fulfil_order\.asl\.json is stale: run `stepsaga compile`"
    with pytest.raises(DeploymentError, match=text):
        deployment(server, root).build()


def test_a_deployment_that_failed_can_be_tried_again(tmp_path: Path, server: MiniStack) -> None:
    """What is rolled back leaves nothing that is in the way, neither of a stack nor of a release.

    Were the versions kept that it has published, Lambda would refuse to publish their equals.
    """
    root, events = copy_of_project(tmp_path), server.client("events")
    for other in ("customers", "transfers", "trips"):  # one saga shows it, and is built sooner
        (root / f"sagas/{other}.py").unlink()
    generate(root)
    functions, formation = server.client("lambda"), server.client("cloudformation")

    def deploy() -> Deployed:
        return deployment(server, root).deploy(stack="again")

    def refused(late: str) -> None:
        """A resource fails that comes last, because its name is taken; then the name is free."""
        template = root / "template.yaml"
        written = f"{LATE.format(late=late)}\nOutputs:\n"
        template.write_text(template.read_text().replace("\nOutputs:\n", f"\n{written}", 1))
        events.create_event_bus(Name=late)
        with pytest.raises(DeploymentError, match=late):
            deploy()
        events.delete_event_bus(Name=late)

    def published(function: str) -> set[str]:
        listed = functions.list_versions_by_function(FunctionName=function)["Versions"]
        return {one["Version"] for one in listed}

    refused("Late")
    names = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
    assert not [name for name in names if name.startswith("again-")]
    formation.delete_stack(StackName="again")
    formation.get_waiter("stack_delete_complete").wait(StackName="again", WaiterConfig={"Delay": 1})
    payments = deploy().resources["Payments"]
    assert published(payments) == {"$LATEST", "1"}

    handlers = root / "handlers/payments.py"
    handlers.write_text(handlers.read_text().replace("does not cover", "cannot cover", 1))
    generate(root)
    refused("Later")
    assert published(payments) == {"$LATEST", "1"}
    deploy()
    live = functions.get_alias(FunctionName=payments, Name="live")["FunctionVersion"]
    assert published(payments) == {"$LATEST", "1", live}
    assert live != "1"


LATE = """\
  {late}:
    Type: AWS::Events::EventBus
    DependsOn: FulfilOrderMachine
    Properties: {{Name: {late}}}
"""


def test_sam_that_is_not_there_is_named(tmp_path: Path, server: MiniStack) -> None:
    """Without SAM CLI's environment the error says how to make it."""
    root = copy_of_project(tmp_path)
    with pytest.raises(DeploymentError, match="`make stack` sets SAM CLI up"):
        deployment(server, root, sam=tmp_path / "sam").build()


def test_a_server_that_dies_while_deploying_is_named() -> None:
    """A deployment onto a MiniStack that is gone ends with that, not with a riddle of sam's."""
    with MiniStack(PYTHON) as server:
        os.killpg(server.pid, signal.SIGKILL)
        assert gone(server.pid)
        with pytest.raises(EngineError, match="MiniStack is not running any more"):
            deployment(server).deploy()


@pytest.mark.parametrize("moment", ["s  MiniStack", "s  sam build", "1. examples/completes.json"])
def test_the_demo_can_be_interrupted(moment: str) -> None:
    """Ctrl-C at any moment ends everything that `make demo` has started."""
    code, errors = demo_until(moment, lambda demo, _: os.killpg(demo, signal.SIGINT))
    assert code == 130, errors
    assert "interrupted; everything that was started has been ended" in errors


@pytest.mark.parametrize("moment", ["1. examples/completes.json", "2. examples/card_declined.json"])
def test_a_server_that_dies_during_the_demo_is_named(moment: str) -> None:
    """Where MiniStack dies while orders run the demo says so, and not what to set for AWS."""

    def kill(_: int, keepers: list[int]) -> None:
        for process in {one for keeper in keepers for one in group(keeper)} - {*keepers}:
            os.kill(process, signal.SIGKILL)

    code, errors = demo_until(moment, kill)
    assert code == 1, errors
    assert "MiniStack is not running any more" in errors
    assert "AWS" not in errors


DEMO = f"{LISTEN_TO_CTRL_C}; import runpy; runpy.run_module('tools.demo', run_name='__main__')"


def demo_until(moment: str, then: Callable[[int, list[int]], None]) -> tuple[int, str]:
    """What the demo ends with where at some moment something is done to it, or to its keepers.

    Whatever that is, nothing is left.
    """
    with tempfile.TemporaryDirectory() as folder:
        demo = subprocess.Popen(  # noqa: S603  # our own script
            [sys.executable, "-u", "-c", DEMO],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # as a terminal has it: Ctrl-C goes to the whole group
        )
        assert demo.stdout is not None
        try:
            for line in demo.stdout:
                if moment in line:
                    break
            keepers = keepers_of(demo.pid)
            then(demo.pid, keepers)
            _, errors = demo.communicate(timeout=120)
        finally:
            if demo.poll() is None:
                os.killpg(demo.pid, signal.SIGINT)
                demo.communicate(timeout=120)
        assert keepers
        assert "Traceback" not in errors
        assert all(gone(keeper) for keeper in keepers)
        assert gone(demo.pid)
        assert not list(Path(folder).glob("stepsaga-*"))
        return demo.returncode, errors


def keepers_of(pid: int) -> list[int]:
    """The process groups that a process has started beside its own."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and int(fields[2]) != pid:
            found.append(int(stat.parent.name))
    return found


def generate(root: Path) -> None:
    """Let the template say what a project's sagas and handlers are now."""
    command = [sys.executable, "-m", "stepsaga.cli", "template"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)  # noqa: S603  # our own


def copy_of_project(folder: Path) -> Path:
    """The reference application in another folder, with a Makefile that uses this environment."""
    root = folder / "project"
    for name in ("sagas", "handlers", "statemachines", "requirements"):
        for file in (ROOT / name).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                target = root / file.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
    for name in ("template.yaml", "samconfig.toml"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    stepsaga = Path(sys.executable).parent / "stepsaga"
    (root / "Makefile").write_text(f"build-%:\n\t@{stepsaga} build $* --into $(ARTIFACTS_DIR)\n")
    return root
