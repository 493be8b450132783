"""Docker, asked and told by its command."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from uuid import uuid4

from stepsaga.errors import EngineUnreachable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ASKING_SECONDS: Final = 20.0
"""How long Docker may take to say whether it is there."""
STARTING_SECONDS: Final = 240.0
"""How long it may take to start, the download of images included."""
STOPPING_SECONDS: Final = 60.0

NOT_FOUND: Final = 127
TOO_LATE: Final = 124
"""What a shell and ``timeout`` give for a command that is not there, or is not done in time."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that was run: its exit code, what it wrote."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def told(self) -> str:
        """What it has to say for itself: its last line."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1].strip() if lines else f"exit code {self.code}, and no word"


class Runner(Protocol):
    """How a command is run. It never raises: what cannot be run has an exit code, too."""

    def __call__(
        self, words: Sequence[str], *, seconds: float, variables: Mapping[str, str] | None = None
    ) -> Ran:
        """Run a command for so many seconds at most, with more environment variables."""
        ...


def run_command(
    words: Sequence[str], *, seconds: float, variables: Mapping[str, str] | None = None
) -> Ran:
    """Run a command on this machine; see `Runner`."""
    try:
        done = subprocess.run(  # noqa: S603 -- the words are ours, no shell reads them
            words,
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except OSError as error:
        return Ran(NOT_FOUND, err=f"{words[0]}: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Ran(TOO_LATE, err=f"{words[0]}: not done within {seconds:g} s")
    return Ran(done.returncode, done.stdout, done.stderr)


def docker_engine(run: Runner = run_command, *, docker: str = "docker") -> str:
    """Why Docker cannot be used here; empty where an engine answers, and compose is there.

    The engine itself is asked: that there is a client says nothing about it.
    """
    server = run([docker, "version", "--format", "{{.Server.Version}}"], seconds=ASKING_SECONDS)
    if server.code or not server.out.strip():
        return f"no Docker engine answers: {server.told}"
    compose = run([docker, "compose", "version"], seconds=ASKING_SECONDS)
    return f"Docker is here without compose: {compose.told}" if compose.code else ""


def reaches_host(run: Runner, system: str, *, docker: str = "docker") -> bool:
    """Whether a container in the host's network reaches what listens on this host's 127.0.0.1.

    It does where the engine runs on this very system: not where it has a machine of its own, as
    Docker Desktop has.
    """
    asked = run([docker, "info", "--format", "{{.OperatingSystem}}"], seconds=ASKING_SECONDS)
    return system == "Linux" and "Docker Desktop" not in asked.out


class Project:
    """A compose project under a name that nobody else has.

    Args:
        file: The compose file.
        profile: The profile of it.
        variables: What the file's variables are.
        run: How to run a command.
        docker: Docker's command.
    """

    def __init__(
        self,
        file: Path,
        *,
        profile: str,
        variables: Mapping[str, str],
        run: Runner,
        docker: str = "docker",
    ) -> None:
        self.name = f"stepsaga-{uuid4().hex[:12]}"
        self._words = (
            *(docker, "compose", "--file", str(file)),
            *("--project-name", self.name, "--profile", profile),
        )
        self._variables = variables
        self._run = run

    def up(self) -> None:
        """Start it.

        Raises:
            EngineUnreachable: It does not start, or not in time.
        """
        ran = self._compose("up", "--detach", seconds=STARTING_SECONDS)
        if ran.code:
            raise EngineUnreachable(
                f"docker compose up failed: {ran.told}; if it is the download of images that takes"
                " its time, run docker compose pull first"
            )

    def logs(self, lines: int = 20) -> str:
        """The last lines of its containers' logs."""
        ran = self._compose("logs", "--no-color", "--tail", str(lines), seconds=ASKING_SECONDS)
        return (ran.out + ran.err).strip()

    def down(self) -> None:
        """Remove all that it started, volumes included.

        Raises:
            EngineUnreachable: It does not stop: the error says what to run by hand.
        """
        words = ("down", "--volumes", "--remove-orphans", "--timeout", "5")
        ran = self._compose(*words, seconds=STOPPING_SECONDS)
        if ran.code:
            raise EngineUnreachable(
                f"docker compose down failed: {ran.told}; what it started may still run: docker"
                f" compose --project-name {self.name} down --volumes"
            )

    def _compose(self, *words: str, seconds: float) -> Ran:
        return self._run([*self._words, *words], seconds=seconds, variables=self._variables)
