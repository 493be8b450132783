"""What the tests of one folder share: projects, and one layer that is built once."""

from __future__ import annotations

import shutil
import sys
from itertools import count
from typing import TYPE_CHECKING

import pytest

from stepsaga.sam.application import Application, application_of
from stepsaga.sam.functions import LAYER, LAYER_LOCK
from stepsaga.sam.packaging import build
from tests.sam.cloud import Sam
from tests.sam.projects import FULFIL_ORDER, PROJECT, ROOT, Small, copy_of_reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TARGET = {"PythonVersion": "python3.13", "Architecture": "arm64"}
"""As the template's defaults have it."""
_NUMBERS = count()


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """The reference application, to change."""
    return copy_of_reference(tmp_path)


@pytest.fixture(scope="session")
def application() -> Application:
    """What one of its sagas deploys."""
    return application_of(ROOT, [FULFIL_ORDER])


@pytest.fixture(scope="session")
def whole_project() -> Application:
    """What all sagas of this project deploy, as the committed files say."""
    return application_of(ROOT, PROJECT)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    """A project that a test fills."""
    project = Small(tmp_path, f"corner{next(_NUMBERS)}")
    project.write(f"{project.package}/__init__.py")
    (tmp_path / "requirements").mkdir()
    shutil.copyfile(ROOT / LAYER_LOCK, tmp_path / LAYER_LOCK)
    sys.path.insert(0, str(tmp_path))
    yield project
    sys.path.remove(str(tmp_path))
    project.forget()


@pytest.fixture(scope="session")
def sam() -> Iterator[Sam]:
    """SAM's own translator."""
    with Sam() as translator:
        yield translator


@pytest.fixture(scope="session")
def layer(application: Application, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project's layer for Lambda, as `sam build` gets it; the only one that is built."""
    folder = tmp_path_factory.mktemp("layer") / "first"
    build(ROOT, application, LAYER, folder, TARGET)
    return folder
