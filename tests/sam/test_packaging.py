"""What the layer and the functions hold. One layer is built for all: pip has to fetch it."""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepsaga.errors import DeploymentError
from stepsaga.sam.application import Application, application_of
from stepsaga.sam.functions import LAYER, LAYER_LOCK
from stepsaga.sam.packaging import HERE, build, size_of, this_target, tree_digest
from tests.sam.conftest import TARGET
from tests.sam.projects import FULFIL_ORDER, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

AARCH64 = 183
"""ELF's number of the machine."""


def files(folder: Path) -> list[str]:
    """All files below a folder."""
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file())


@contextmanager
def mask(bits: int) -> Iterator[None]:
    """With another umask."""
    before = os.umask(bits)
    try:
        yield
    finally:
        os.umask(before)


def test_functions_carry_what_they_need(application: Application, tmp_path: Path) -> None:
    """Each function holds its module with what that imports, and no other participant's."""
    for function in application.functions:
        build(ROOT, application, function.name, tmp_path / function.name, TARGET)
        own = f"handlers/{function.name.lower()}.py"
        shared = ["handlers/__init__.py", "handlers/models.py", "handlers/table.py"]
        if function.name == "Notifications":  # it serves other sagas, too
            shared += ["handlers/onboarding.py", "handlers/travel.py"]
        assert files(tmp_path / function.name) == sorted([*shared, own])


def test_keep_carries_the_release(application: Application, tmp_path: Path) -> None:
    """What keeps the graphs has them by fingerprint, as the definitions name them (rule 9)."""
    build(ROOT, application, "Keep", tmp_path, TARGET)
    [machine] = application.machines
    content = json.loads((tmp_path / "definitions.json").read_text())
    assert content == {machine.fingerprint: json.loads(json.dumps(machine.graph))}
    build(ROOT, application, "Watch", tmp_path / "watch", TARGET)
    assert files(tmp_path / "watch") == ["README"]


def test_functions_are_the_same_every_time(
    application: Application, reference: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same files in another folder, under another umask, beside compiled ones: one digest."""
    into = tmp_path_factory.mktemp("into")
    compiled = reference / "handlers" / "__pycache__"
    compiled.mkdir()
    (compiled / "payments.cpython-313.pyc").write_bytes(b"x")
    for file in (reference / "handlers").glob("*.py"):
        file.chmod(0o600)
    with mask(0o077):
        build(reference, application, "Payments", into / "one", TARGET)
    with mask(0):
        build(ROOT, application, "Payments", into / "two", TARGET)
    assert tree_digest(into / "one") == tree_digest(into / "two")
    (into / "two" / "handlers" / "payments.py").chmod(0o755)
    assert tree_digest(into / "one") != tree_digest(into / "two")


def test_the_layer_is_the_same_every_time(
    application: Application, layer: Path, tmp_path: Path
) -> None:
    """Built again, into another folder that is not empty, under another umask: one digest."""
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "left.py").write_text("from last time")
    with mask(0o077):
        build(ROOT, application, LAYER, tmp_path, TARGET)
    assert tree_digest(tmp_path) == tree_digest(layer)


def test_the_layer_holds_nothing_of_the_machine_that_built_it(layer: Path) -> None:
    """No compiled file, no script, no path of the interpreter or of a folder, also in records."""
    names = files(layer)
    assert not [name for name in names if name.endswith(".pyc") or "__pycache__" in name]
    assert {name.partition("/")[0] for name in names} == {"python"}
    assert not [name for name in names if name.startswith("python/bin/")]
    traces = [str(ROOT), str(layer.parent), str(Path(sys.executable).parent), "../bin"]
    for file in layer.rglob("*.dist-info/*"):
        if file.is_file():
            assert not [one for one in traces if one in file.read_text("utf-8")], file


def test_the_layer_is_small(layer: Path) -> None:
    """Below 30 MB unzipped, because boto3 and botocore come with Lambda's runtime."""
    assert size_of(layer) < 30 * 1024 * 1024
    packages = {path.name for path in (layer / "python").iterdir()}
    assert not packages & {"boto3", "botocore", "s3transfer", "pip", "setuptools"}
    assert {"pydantic", "aws_lambda_powertools", "aws_xray_sdk", "stepsaga"} <= packages


def test_the_layer_has_what_runs_of_stepsaga(layer: Path) -> None:
    """The runtime and the store; recovery, and what it plans with; nothing of what checks."""
    found = {path.name for path in (layer / "python" / "stepsaga").iterdir()}
    assert found == {
        *("__init__.py", "errors.py", "limits.py", "py.typed", "runtime", "store"),
        *("graph.py", "asl", "recovery"),
    }


def test_native_code_is_for_lambda(layer: Path) -> None:
    """Every native module is for the template's Python and architecture, whatever built it."""
    native = list((layer / "python").rglob("*.so"))
    assert {file.parent.name for file in native} >= {"pydantic_core"}
    for file in native:
        assert "cpython-313-aarch64-linux-gnu" in file.name
        head = file.read_bytes()[:20]
        assert head[:4] == b"\x7fELF"
        assert struct.unpack("<H", head[18:20])[0] == AARCH64


def test_this_target_is_marked() -> None:
    """What is built for this machine can never be taken for what is built for Lambda."""
    target = this_target()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert target["PythonVersion"] == version
    assert target[HERE] == sys.platform
    assert HERE not in TARGET


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"PythonVersion": "python3.10"}, "nothing can be built for PythonVersion 'python3.10'"),
        ({"PythonVersion": "python2.7"}, "nothing can be built for PythonVersion 'python2.7'"),
        ({"PythonVersion": "nodejs22.x"}, "use python3.11 or later"),
        ({"Architecture": "riscv"}, "Architecture 'riscv': use .* one of arm64, x86_64"),
    ],
)
def test_a_target_that_is_none(
    application: Application, tmp_path: Path, target: dict[str, str], words: str
) -> None:
    """A Python or an architecture that Lambda or stepsaga does not have is named."""
    with pytest.raises(DeploymentError, match=words):
        build(ROOT, application, LAYER, tmp_path, {**TARGET, **target})


@pytest.mark.parametrize(
    ("line", "package"),
    [("pydantic-core==2.50.4", "pydantic-core"), ("no-such-thing-as-this==1", "no-such-thing")],
)
def test_a_wheel_that_is_not_there(
    reference: Path, application: Application, line: str, package: str
) -> None:
    """Where there is no wheel for a target, package and target are named."""
    (reference / LAYER_LOCK).write_text(f"{line}\n")
    target = {**TARGET, "PythonVersion": "python3.99"}
    with pytest.raises(DeploymentError) as caught:
        build(reference, application, LAYER, reference / "into", target)
    said = str(caught.value)
    assert said.startswith(f"{LAYER}: pip cannot install {LAYER_LOCK} for python3.99 on arm64: ")
    assert package in said
    assert not (reference / "into" / "python").exists()


def test_no_lock_file(reference: Path, application: Application) -> None:
    """Without what pins the layer it is not built."""
    (reference / LAYER_LOCK).unlink()
    with pytest.raises(DeploymentError, match=f"{LAYER_LOCK} is not there"):
        build(reference, application, LAYER, reference / "into", TARGET)


def test_a_name_that_is_none(application: Application, tmp_path: Path) -> None:
    """What can be built is listed, and no folder is made."""
    with pytest.raises(DeploymentError) as caught:
        build(ROOT, application, "Paiments", tmp_path / "into", TARGET)
    assert str(caught.value) == (
        "there is no Paiments to build; there are: Following, Inventory, Keep, Notifications,"
        " Payments, Recovery, Shipping, StepsagaLayer, Watch"
    )
    assert not (tmp_path / "into").exists()


def test_a_folder_that_cannot_be_made(application: Application, tmp_path: Path) -> None:
    """What the system says of a folder is told with its path, and not as a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DeploymentError, match=r"Payments cannot be built: .*file.*: "):
        build(ROOT, application, "Payments", tmp_path / "file" / "into", TARGET)


def test_a_file_that_cannot_be_written(application: Application, tmp_path: Path) -> None:
    """Where something is in the way, or there is no room, the file is named."""
    (tmp_path / "definitions.json").mkdir()
    with pytest.raises(DeploymentError, match=r"Keep cannot be built: .*definitions\.json: "):
        build(ROOT, application, "Keep", tmp_path, TARGET)


def test_a_file_that_has_gone(reference: Path) -> None:
    """A file that was there when the template was rendered, and is not now, is named."""
    application = application_of(reference, [FULFIL_ORDER])
    shutil.rmtree(reference / "handlers")
    with pytest.raises(DeploymentError, match=r"handlers/__init__\.py: No such file"):
        build(reference, application, "Payments", reference / "into", TARGET)
