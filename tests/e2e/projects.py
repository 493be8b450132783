"""Projects of their own on the local stack, that change and are deployed again."""

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
from typing import TYPE_CHECKING, Any, Final, Self

from stepsaga.engines.ministack.deployment import Deployed, Deployment, tools
from tests.e2e.targets import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.engines.ministack.server import MiniStack

BIN: Final = Path(sys.executable).parent
STACK: Final = "trial"
PATIENCE: Final = timedelta(minutes=3)
EVERY: Final = {
    "handlers/__init__.py": "",
    "sagas/__init__.py": "",
    "Makefile": f"build-%:\n\t@{BIN}/stepsaga build $* --into $(ARTIFACTS_DIR)\n",
}


@dataclass
class Project:
    """A project in a folder of its own, that changes and is deployed again."""

    root: Path
    server: MiniStack

    @classmethod
    def made(cls, root: Path, server: MiniStack, files: Mapping[str, str]) -> Self:
        """A project of these files, by their paths, and what every project has."""
        for name, text in {**EVERY, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return cls(root, server)

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

    def run(self, *words: str, code: int = 0) -> str:
        """Run a command of stepsaga's in the project, that ends with this code."""
        done = subprocess.run(  # noqa: S603  # our own command
            [str(BIN / "stepsaga"), *words],
            cwd=self.root,
            env=self.server.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
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


def until(truth: Any) -> None:
    """Wait until something is true."""
    end = time.monotonic() + PATIENCE.total_seconds()
    while not truth():
        assert time.monotonic() < end, "it does not become true"
        time.sleep(0.2)
