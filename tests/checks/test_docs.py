"""docs/errors.md and the code know the same codes, and the examples do what the text says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from stepsaga.asl import rules
from stepsaga.checks import CODES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "errors.md").read_text("utf-8")
RUNNER = Path(__file__).with_name("run_examples.py")

_PART = re.compile(
    r"^## (S[1-5]\d\d) ([^\n]+)$|^```python ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Example:
    """One code block: ``kind`` is wrong or right; ``how`` says how it is run."""

    code: str
    kind: str
    how: str
    text: str

    @property
    def module(self) -> str:
        """The module that it becomes."""
        return f"example_{self.code}_{self.kind}"


def _read() -> tuple[dict[str, str], dict[str, str], list[Example]]:
    """The titles by code, the files that examples share, the examples."""
    titles: dict[str, str] = {}
    files: dict[str, str] = {}
    examples: list[Example] = []
    for code, title, info, text in _PART.findall(TEXT):
        if code:
            titles[code] = title
            continue
        kind, _, how = info.partition(" ")
        if kind in {"wrong", "right"}:
            examples.append(Example(list(titles)[-1], kind, how, text))
        else:
            files[kind] = text
    return titles, files, examples


TITLES, FILES, EXAMPLES = _read()
SCRIPTS = [example for example in EXAMPLES if example.how == "script"]
MODULES = [example for example in EXAMPLES if example.how != "script"]


def _write(folder: Path) -> None:
    imports = FILES["imports"]
    for name, text in FILES.items():
        if name.endswith(".py"):
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
    for example in EXAMPLES:
        prefix = "script" if example in SCRIPTS else "example"
        name = example.module.replace("example", prefix)
        (folder / f"{name}.py").write_text(f"{imports}\n\n{example.text}", "utf-8")


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(  # noqa: S603  # this interpreter, on files of this test
        [sys.executable, "-W", "error", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples as files."""
    path = tmp_path_factory.mktemp("examples")
    _write(path)
    return path


@pytest.fixture(scope="module")
def given(folder: Path) -> dict[str, list[str]]:
    """The codes that each example gave."""
    done = _run(folder, str(RUNNER), str(folder))
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_docs_and_code_have_the_same_codes() -> None:
    """Every code is explained under its title, in order, and nothing else is."""
    assert list(TITLES.items()) == list(CODES.items())


def test_every_code_is_given_somewhere() -> None:
    """The codes in the sources are those of the list."""
    used = {
        code
        for folder in ("authoring", "checks")
        for path in (ROOT / "stepsaga" / folder).glob("*.py")
        if path.name != "codes.py"
        for code in re.findall(r'"(S[1-5]\d\d)"', path.read_text("utf-8"))
    }
    assert used == set(CODES)


def test_codes_of_the_definition_are_listed() -> None:
    """The compiler's own codes stand in the table with title and reason."""
    rows = re.findall(r"^\| (S6\d\d) \| (.+?) \| (.+) \|$", TEXT, re.MULTILINE)
    assert rows == [(code, title, why) for code, (title, why) in rules.CODES.items()]


def test_every_code_has_a_wrong_and_a_right_example() -> None:
    """Two examples a code, the wrong one first."""
    assert [(example.code, example.kind) for example in EXAMPLES] == [
        (code, kind) for code in CODES for kind in ("wrong", "right")
    ]


@pytest.mark.parametrize("example", MODULES, ids=lambda example: example.module)
def test_example(example: Example, given: dict[str, list[str]]) -> None:
    """A wrong example gives its code and no other, a right one gives none."""
    codes = given[example.module]
    if example.kind == "wrong":
        assert set(codes) == {example.code}
    else:
        assert codes == []


@pytest.mark.parametrize("example", SCRIPTS, ids=lambda example: example.module)
def test_example_run_as_a_script(example: Example, folder: Path) -> None:
    """An example about scripts is one: it ends with its code, or well."""
    done = _run(folder, str(folder / f"{example.module.replace('example', 'script')}.py"))
    if example.kind == "wrong":
        assert done.returncode == 1
        assert re.findall(r"\b(S\d{3}) FulfilOrder", done.stderr) == [example.code]
    else:
        assert (done.returncode, done.stderr) == (0, "")
