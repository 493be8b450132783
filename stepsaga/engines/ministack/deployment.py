"""``sam build`` and ``sam deploy`` of a project on a running MiniStack, as for AWS."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.ministack.stage import localise
from stepsaga.errors import DeploymentError
from stepsaga.sam.config import FILE as CONFIG
from stepsaga.sam.config import environment
from stepsaga.sam.packaging import this_target
from stepsaga.sam.template import FILE as TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stepsaga.engines.ministack.server import MiniStack

ENVIRONMENT: Final = "default"
"""The environment of ``samconfig.toml`` for this machine."""
WORK: Final = ".stepsaga/stack"
"""Where builds are kept, below the project."""
_FAILED: Final = ("CREATE_FAILED", "UPDATE_FAILED")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployed stack: its name, its outputs, and its resources' physical ids."""

    stack: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]


class Deployment:
    """Builds and deploys one project.

    Args:
        root: The project.
        server: Where it goes.
        python: The interpreter of MiniStack's environment, which runs the functions.
        sam: The program ``sam``.
        say: Is told what happens, a line each.
    """

    def __init__(
        self,
        root: Path,
        server: MiniStack,
        *,
        python: Path,
        sam: Path,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._root = root
        self._server = server
        self._python = python
        self._sam = sam
        self._say = say
        self._work = root / WORK

    def deploy(
        self,
        *,
        stack: str = "",
        parameters: Mapping[str, str] | None = None,
        faults: Path | None = None,
    ) -> Deployed:
        """Build if need be, and deploy.

        Args:
            stack: The stack's name; by default that of ``samconfig.toml``.
            parameters: Instead of those of ``samconfig.toml``.
            faults: A file that says what shall go wrong; see `local_faults`.

        Raises:
            DeploymentError: What SAM or CloudFormation refused, in their words, and by resource.
        """
        with self._alone():
            template = localise(
                self.build(),
                self._server.folder / "stage",
                python=self._python,
                layers=self._work / "layers",
                faults=faults,
            )
        name = stack or environment(self._root, ENVIRONMENT).stack
        self._say(f"sam deploy: {name}")
        options = ["--template-file", str(template), "--stack-name", name]
        options += ["--config-file", str(self._root / CONFIG), "--config-env", ENVIRONMENT]
        if parameters:
            options += ["--parameter-overrides", *(f"{k}={v}" for k, v in parameters.items())]
        done = self._run("deploy", "--no-progressbar", *options)
        if done.returncode:
            self._server.check()
            raise DeploymentError(self._why(name, done))
        return deployed(self._server.client("cloudformation"), name)

    def build(self) -> Path:
        """Run ``sam build`` for this interpreter, unless this very release is built already.

        Returns:
            The built template.
        """
        folder = self._work / f"build-{self._release()}"
        built = folder / "template.yaml"
        if (folder / "done").is_file():
            self._say("sam build: as built before")
            return built
        self._say("sam build: layer and functions, for this Python")
        for old in self._work.glob("build-*"):
            shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(parents=True)
        done = self._run(
            "build",
            *("--template-file", str(self._root / TEMPLATE), "--build-dir", str(folder)),
            *("--config-file", str(self._root / CONFIG), "--config-env", ENVIRONMENT),
            STEPSAGA_BUILD_FOR="local",
        )
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise DeploymentError(f"sam build failed:\n{_last(done)}")
        (folder / "done").touch()
        return built

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time in the folder of builds: `make demo` and `make test` may run together."""
        self._work.mkdir(parents=True, exist_ok=True)
        with (self._work / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _release(self) -> str:
        """The template names the content of code and layer by digests, so its text says it all."""
        total = hashlib.sha256(repr(sorted(this_target().items())).encode())
        files = [self._root / TEMPLATE, *sorted((self._root / "statemachines").glob("*.json"))]
        for file in files:
            total.update(file.read_bytes() if file.is_file() else b"")
        return total.hexdigest()[:20]

    def _run(
        self, command: str, *options: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        if not self._sam.exists():
            raise DeploymentError(f"there is no {self._sam}: `make stack` sets SAM CLI up")
        environment = {
            **self._server.environment(),
            "SAM_CLI_TELEMETRY": "0",
            # A make that runs this must not lend its options to the one that sam calls.
            "MAKEFLAGS": "",
            **variables,
        }
        environment.pop("MAKELEVEL", None)
        return subprocess.run(  # noqa: S603  # sam, with our own arguments
            [str(self._sam), command, *options],
            cwd=self._root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _why(self, stack: str, done: subprocess.CompletedProcess[str]) -> str:
        """The resources that failed, with CloudFormation's reasons; else what sam said last."""
        try:
            client = self._server.client("cloudformation")
            pages = client.get_paginator("describe_stack_events").paginate(StackName=stack)
            events: list[dict[str, Any]] = [one for page in pages for one in page["StackEvents"]]
            failed = [one for one in reversed(events) if one["ResourceStatus"] in _FAILED]
        except Exception:  # noqa: BLE001  # where it cannot be asked, sam's own words must do
            failed = []
        lines = [
            f"    {one['LogicalResourceId']} ({one['ResourceType']}):"
            f" {one.get('ResourceStatusReason', '')}"
            for one in failed
        ]
        told = "\n".join(lines) if lines else _last(done)
        return f"{stack} was not deployed:\n{told}"


def deployed(cloudformation: Any, stack: str) -> Deployed:
    """What a stack has, here or on AWS.

    Args:
        cloudformation: A boto3 client.
        stack: The stack's name.
    """
    [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    listed = [one for page in pages for one in page["StackResourceSummaries"]]
    return Deployed(
        stack,
        {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())},
        {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in listed},
    )


def _last(done: subprocess.CompletedProcess[str], lines: int = 12) -> str:
    text = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    # Ours, where it is our own build that refused; else what failed of the stack.
    text = [line for line in text if line.startswith("error: ")] or (
        [line for line in text[:-lines] if "_FAILED" in line] + text[-lines:]
    )
    return "\n".join(f"    {line}" for line in text)


def tools(root: Path) -> tuple[Path, Path]:
    """The interpreter of MiniStack's environment, and ``sam``, as the Makefile makes them.

    ``STEPSAGA_MINISTACK`` and ``STEPSAGA_SAM`` name others.
    """
    python = os.environ.get("STEPSAGA_MINISTACK") or str(root / ".venv-ministack/bin/python")
    sam = os.environ.get("STEPSAGA_SAM") or str(root / ".venv-sam/bin/sam")
    return Path(python), Path(sam)
