from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepsaga.engines.docker import (
    NOT_FOUND,
    TOO_LATE,
    Project,
    Ran,
    docker_engine,
    reaches_host,
    run_command,
)
from stepsaga.errors import EngineUnreachable
from tests.engines.dockers import DOWN, Docker

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path("any.compose.yaml")


def project(docker: Docker, variables: Mapping[str, str] | None = None) -> Project:
    """A project of this Docker's."""
    return Project(FILE, profile="linux", variables=variables or {}, run=docker)


def test_an_engine_that_answers() -> None:
    """Where the engine tells its version, and compose is there, nothing is wrong."""
    docker = Docker()
    assert docker_engine(docker) == ""
    assert docker.asked[0] == ("docker", "version", "--format", "{{.Server.Version}}")


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"version": DOWN}, f"no Docker engine answers: {DOWN.err}"),
        ({"version": Ran(0, "\n")}, "no Docker engine answers: exit code 0, and no word"),
        (
            {"version": Ran(1, err="first line\nlast line\n")},
            "no Docker engine answers: last line",
        ),
        (
            {"compose": Ran(1, err="docker: unknown command: docker compose")},
            "Docker is here without compose: docker: unknown command: docker compose",
        ),
    ],
)
def test_why_there_is_no_engine(answers: Mapping[str, Ran], reason: str) -> None:
    """The client alone proves nothing: the reason is what it says of the engine."""
    assert docker_engine(Docker(answers)) == reason


def test_a_fake_executable(tmp_path: Path) -> None:
    """What is run is an executable of the name given, and what it writes is the reason."""
    executable = tmp_path / "docker"
    executable.write_text("#!/bin/sh\necho 'no daemon here' >&2\nexit 1\n")
    executable.chmod(0o755)
    assert docker_engine(docker=str(executable)) == "no Docker engine answers: no daemon here"
    missing = tmp_path / "nothing"
    assert docker_engine(docker=str(missing)) == (
        f"no Docker engine answers: {missing}: No such file or directory"
    )


def test_commands_are_run_and_never_raise() -> None:
    """Code, output and variables come through; what cannot run, or not in time, has a code."""
    script = "import os, sys; print(os.environ['WORD']); sys.exit(3)"
    ran = run_command([sys.executable, "-c", script], seconds=60, variables={"WORD": "told"})
    assert (ran.code, ran.out, ran.told) == (3, "told\n", "told")
    assert run_command(["./no-such-command"], seconds=60).code == NOT_FOUND
    late = run_command([sys.executable, "-c", "import time; time.sleep(60)"], seconds=0.05)
    assert (late.code, late.told) == (TOO_LATE, f"{sys.executable}: not done within 0.05 s")


@pytest.mark.parametrize(
    ("system", "told", "reaches"),
    [
        ("Linux", "Debian GNU/Linux 13", True),
        ("Linux", "Docker Desktop", False),
        ("Darwin", "Docker Desktop", False),
        ("Darwin", "Alpine Linux v3.20", False),
        ("Windows", "Docker Desktop", False),
    ],
)
def test_whose_network_it_is(system: str, told: str, *, reaches: bool) -> None:
    """The host's network is this host's only where the engine runs on this very system."""
    assert reaches_host(Docker({"info": Ran(0, f"{told}\n")}), system) is reaches


def test_projects_do_not_collide() -> None:
    """Each project has a name of its own, which every command is given with file and profile."""
    docker = Docker()
    one, other = project(docker, {"PORT": "1"}), project(docker)
    assert one.name != other.name
    one.up()
    one.down()
    common = ("docker", "compose", "--file", str(FILE), "--project-name", one.name,
              "--profile", "linux")  # fmt: skip
    assert docker.asked == [
        (*common, "up", "--detach"),
        (*common, "down", "--volumes", "--remove-orphans", "--timeout", "5"),
    ]
    assert docker.variables == {"PORT": "1"}


def test_what_fails_is_told() -> None:
    """A start that fails tells why; a stop that fails tells what may still run, and the way out."""
    docker = Docker({"up": Ran(1, err="no such image"), "down": Ran(1, err="busy"),
                     "logs": Ran(0, "one\ntwo\n", "three")})  # fmt: skip
    mine = project(docker)
    with pytest.raises(EngineUnreachable, match=r"up failed: no such image.*compose pull"):
        mine.up()
    with pytest.raises(EngineUnreachable, match=f"busy.*--project-name {mine.name} down"):
        mine.down()
    assert mine.logs(2) == "one\ntwo\nthree"
    assert docker.asked[-1][-3:] == ("--no-color", "--tail", "2")
