"""What ``sam build`` puts into the layer and the functions: exactly that, and the same every time.

``sam build`` calls ``make build-Payments`` with a folder to fill, and the Makefile calls
`stepsaga build`. Everything is built in source: nothing is copied but what is needed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stepsaga.asl.undo import FUNCTION as RECOVERY
from stepsaga.errors import DeploymentError
from stepsaga.recovery.starter_entry import FILE as TRIGGERS
from stepsaga.recovery.starter_entry import FUNCTION as STARTER
from stepsaga.runtime.keep import FILE as DEFINITIONS
from stepsaga.sam.approval_links import FUNCTION as APPROVAL_LINKS
from stepsaga.sam.approval_links import linked
from stepsaga.sam.following import FOLLOWING
from stepsaga.sam.functions import LAYER, LAYER_LOCK, PACKAGE
from stepsaga.sam.sources import shipped_files
from stepsaga.sam.table import KEEP, WATCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.sam.application import Application

MOST_BYTES: Final = 250 * 1024 * 1024
"""Layer and function unzipped.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
HERE: Final = "Platform"
"""In a target: it is this machine, whatever its system; without it, it is Lambda."""
MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
OLDEST: Final = 11
"""The minor version of the oldest Python that stepsaga runs on."""
_AL2023: Final = 12
"""The minor version of the first Python on Amazon Linux 2023."""
_GLIBC: Final = {True: (34, 31, 28, 27, 26, 24, 17), False: (26, 24, 17)}
"""What a wheel may need of the C library below Amazon Linux 2023, and below Amazon Linux 2.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""


def this_target() -> dict[str, str]:
    """This interpreter and this machine, as the template's parameters name them.

    That is where the local stage runs. It may be Lambda's Python and architecture, and yet another
    system: what is built for AWS is never built for this target.
    """
    names = {machine: name for name, machine in MACHINES.items()} | {"amd64": "x86_64"}
    machine = platform.machine().lower()
    return {
        "PythonVersion": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "Architecture": names.get(machine, machine),
        HERE: sys.platform,
    }


def build(
    root: Path, application: Application, name: str, into: Path, target: Mapping[str, str]
) -> None:
    """Fill the folder of a layer or a function.

    Args:
        root: The project.
        application: What it deploys.
        name: The logical id: ``StepsagaLayer``, ``Payments``, ``Keep``, ``Watch``.
        into: The folder.
        target: The Python and the architecture, as in the template's parameters; or `this_target`.

    Raises:
        DeploymentError: There is no such thing to build; a wheel is missing; there is no room.
    """
    functions = {function.name: function for function in application.functions}
    started = [STARTER] if application.starting else []
    ours = [LAYER, KEEP, WATCH, RECOVERY, FOLLOWING, *started, *_of_links(application)]
    there = sorted([*ours, *functions])
    if name not in there:
        raise DeploymentError(f"there is no {name} to build; there are: {', '.join(there)}")
    try:
        into.mkdir(parents=True, exist_ok=True)
        if name == LAYER:
            build_layer(root, into / "python", target)
        elif name == KEEP:
            graphs = {machine.fingerprint: machine.graph for machine in application.machines}
            (into / DEFINITIONS).write_text(json.dumps(graphs, sort_keys=True), encoding="utf-8")
        elif name == STARTER and application.starting:
            text = json.dumps(application.starting.known, sort_keys=True)
            (into / TRIGGERS).write_text(text, encoding="utf-8")
            for file in application.starting.files:
                _copy(root / file, into / file)
        else:
            files = functions[name].files if name in functions else ()
            for file in files:
                _copy(root / file, into / file)
            if not files:
                # Lambda takes no empty archive.
                (into / "README").write_text("All code is in the layer.\n", encoding="utf-8")
        _normalise(into)
        _check_size(name, into)
    except OSError as error:
        place, why = error.filename or into, error.strerror or error
        raise DeploymentError(f"{name} cannot be built: {place}: {why}") from error


def _of_links(application: Application) -> list[str]:
    """The function behind approval links, where there are any."""
    return [APPROVAL_LINKS] if linked(application.functions) else []


def build_layer(root: Path, into: Path, target: Mapping[str, str]) -> None:
    """Install the lock file's wheels for the target, and stepsaga itself; replaces what is there.

    Raises:
        DeploymentError: There is no lock file; pip cannot, says why.
        OSError: There is no room, or no right to write.
    """
    with tempfile.TemporaryDirectory() as scratch:
        # Beside what is there already pip would leave things as they are.
        folder = Path(scratch) / "python"
        _install(root / LAYER_LOCK, folder, target)
        _drop_scripts(folder)
        for file in shipped_files(PACKAGE):
            _copy(PACKAGE / file, folder / "stepsaga" / file)
        shutil.rmtree(into, ignore_errors=True)
        shutil.copytree(folder, into)


def size_of(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def tree_digest(folder: Path) -> str:
    """A SHA-256 over paths, modes and contents below a folder."""
    total = hashlib.sha256()
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    for name, file in sorted(files.items()):
        if file.is_file():
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            mode = file.stat().st_mode & 0o777
            total.update(f"{name} {mode:o} {content}\n".encode())
    return total.hexdigest()


def _install(lock: Path, folder: Path, target: Mapping[str, str]) -> None:
    if not lock.is_file():
        raise DeploymentError(
            f"{LAYER_LOCK} is not there: it pins what the layer installs; `make lock` writes it"
        )
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-input", "--no-deps", "--no-compile", "--only-binary=:all:"),
        *("--target", str(folder), "--requirement", str(lock)),
        *_platform(target),
    ]
    # Somebody's settings may say that all is installed for the user, which --target excludes.
    environment = {**os.environ, "PIP_USER": "0", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(  # noqa: S603  # pip, with our own arguments
        command, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise DeploymentError(
            f"{LAYER}: pip cannot install {LAYER_LOCK} for {target['PythonVersion']} on"
            f" {target['Architecture']}: {_complaint(done.stderr)}"
        )


def _complaint(text: str) -> str:
    """The last thing that pip calls an error: it names the package."""
    errors = [line.removeprefix("ERROR: ") for line in text.splitlines() if "ERROR" in line]
    return " ".join((errors[-1:] or [text])[0].split())


def _platform(target: Mapping[str, str]) -> list[str]:
    if HERE in target:
        return []
    version, architecture = target["PythonVersion"], target["Architecture"]
    digits = version.removeprefix("python")
    major, _, minor = digits.partition(".")
    known = major == "3" and minor.isdigit() and int(minor) >= OLDEST
    if not known or architecture not in MACHINES:
        raise DeploymentError(
            f"nothing can be built for PythonVersion {version!r} and Architecture"
            f" {architecture!r}: use python3.{OLDEST} or later, and one of {', '.join(MACHINES)}"
        )
    machine = MACHINES[architecture]
    platforms = [f"manylinux_2_{glibc}_{machine}" for glibc in _GLIBC[int(minor) >= _AL2023]]
    options = ["--implementation", "cp", "--python-version", digits]
    for name in [*platforms, f"manylinux2014_{machine}"]:
        options += ["--platform", name]
    return options


def _drop_scripts(folder: Path) -> None:
    """Remove what nobody calls, and what says where the installing interpreter is.

    A script's first line is that interpreter's path, and the RECORD of its package has a digest of
    it: with them a layer would be another one on each machine.
    """
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for record in folder.glob("*.dist-info/RECORD"):
        with record.open(newline="", encoding="utf-8") as lines:
            rows = [row for row in csv.reader(lines) if row and not row[0].startswith("../")]
        kept = io.StringIO()
        csv.writer(kept, lineterminator="\n").writerows(sorted(rows))
        record.write_text(kept.getvalue(), encoding="utf-8", newline="\n")


def _check_size(name: str, folder: Path) -> None:
    size = size_of(folder)
    if size > MOST_BYTES:
        raise DeploymentError(
            f"{name} has {size:,} bytes unzipped, Lambda allows {MOST_BYTES:,} for a function and"
            " its layer: take something out of requirements/layer.in, or of Participant(files=...)"
        )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _normalise(folder: Path) -> None:
    """The same modes everywhere, and no compiled files: they differ from machine to machine."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.name == "__pycache__":
            shutil.rmtree(path)
        elif path.is_dir():
            path.chmod(0o755)
        elif path.exists():
            path.chmod(0o644)
