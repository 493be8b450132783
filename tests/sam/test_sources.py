"""Which files a function carries: what its modules import, and what it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.errors import DeploymentError
from stepsaga.sam.sources import closure, digest_of, globbed, shipped_files
from tests.sam.projects import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, **files: str) -> None:
    """Write modules, named as in ``a__b="..."`` for ``a/b.py``."""
    for name, text in files.items():
        file = root / f"{name.replace('__', '/', 1)}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def needed(root: Path, *modules: str) -> list[str]:
    """The files that these modules need, without their endings."""
    return [file.with_suffix("").as_posix() for file in closure(root, modules)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import json", []),
        ("import a.used", ["a/used"]),
        ("import a.used as u, os.path", ["a/used"]),
        ("from a import used", ["a/used"]),
        ("from a.used import x", ["a/used"]),
        ("from . import used", ["a/used"]),
        ("from .used import x", ["a/used"]),
        ("from .. import outside", []),
        ("from ...far import x", []),
        ("from a import *", []),
        ("def f():\n    import a.used", ["a/used"]),
        ("class C:\n    from a import used", ["a/used"]),
        ("if 1:\n    import a.used", ["a/used"]),
        ("try:\n    import orjson\nexcept ImportError:\n    import a.used", ["a/used"]),
        ("match 1:\n    case 1:\n        import a.used", ["a/used"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a.used", []),
        ("import typing\nif typing.TYPE_CHECKING:\n    import a.used", []),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import a.used", ["a/used"]),
        ("if TYPE_CHECKING:\n    pass\nelif 1:\n    import a.used", ["a/used"]),
        ("if TYPE_CHECKING:\n    pass\nelif TYPE_CHECKING:\n    import a.used", []),
        ("if 0:\n    pass\nelif TYPE_CHECKING:\n    import a.used", []),
        ("if not TYPE_CHECKING:\n    import a.used", ["a/used"]),
        ("if not TYPE_CHECKING:\n    pass\nelse:\n    import a.used", []),
        ("if TYPE_CHECKING or 1:\n    import a.used", ["a/used"]),
        ("TYPE_CHECKING_NOT = 1\nif TYPE_CHECKING_NOT:\n    import a.used", ["a/used"]),
        ("import a.main", []),
        ("import a.used.deeper", ["a/used"]),
    ],
)
def test_imports_are_followed(tmp_path: Path, text: str, expected: list[str]) -> None:
    """What a module loads when it runs, in whatever form and place, and not what types need."""
    write(tmp_path, a____init__="", a__used="import a.used", a__main=text)
    assert needed(tmp_path, "a.main") == sorted(["a/__init__", "a/main", *expected])


def test_what_a_package_imports_comes_with_its_modules(tmp_path: Path) -> None:
    """A package's own file runs before its modules', relative to itself."""
    write(tmp_path, a____init__="from . import b\nfrom .c import d", a__b="", a__c="", a__e="")
    assert needed(tmp_path, "a.e") == ["a/__init__", "a/b", "a/c", "a/e"]


def test_imports_in_a_circle(tmp_path: Path) -> None:
    """Modules that import each other are each carried once."""
    write(tmp_path, a__b="import a.c", a__c="import a.b")
    assert needed(tmp_path, "a.b", "a.c") == ["a/b", "a/c"]


def test_folders_without_a_file_of_their_own(tmp_path: Path) -> None:
    """A namespace package is only a folder; the packages in it have files."""
    (tmp_path / "n" / "deep").mkdir(parents=True)
    (tmp_path / "n" / "deep" / "__init__.py").write_text("")
    (tmp_path / "n" / "deep" / "x.py").write_text("import n.deep.folder")
    (tmp_path / "n" / "deep" / "folder").mkdir()
    assert needed(tmp_path, "n.deep.x") == ["n/deep/__init__", "n/deep/x"]


def test_a_package_that_is_imported_for_nothing_but_itself(tmp_path: Path) -> None:
    """``import a.folder`` runs ``a``, also where the folder has no file of its own."""
    (tmp_path / "a" / "folder").mkdir(parents=True)
    write(tmp_path, a____init__="", main="import a.folder")
    assert needed(tmp_path, "main") == ["a/__init__", "main"]


def test_the_project_s_own_come_before_what_is_installed(tmp_path: Path) -> None:
    """A module of the project that is called like an installed one is the one that is imported."""
    write(tmp_path, main="import json, pydantic", json="", deep__pydantic="")
    assert needed(tmp_path, "main") == ["json", "main"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def f(:", "a/main.py:1: invalid syntax"),
        ("x = 1\n  y = 2", "a/main.py:2: unexpected indent"),
        ("x = '\0'", "a/main.py.*null bytes"),
        ("from stepsaga import Saga", "a/main.py imports stepsaga.Saga"),
        ("from stepsaga import *", r"a/main.py imports stepsaga.\*"),
        ("from stepsaga.authoring import Saga", "imports stepsaga.authoring"),
        ("import stepsaga.engines.simulator", "imports stepsaga.engines"),
        ("def f():\n    from stepsaga import asl", "imports stepsaga.asl"),
    ],
)
def test_what_cannot_be_carried(tmp_path: Path, text: str, words: str) -> None:
    """What does not run in Lambda is refused by file, and by line where there is one."""
    write(tmp_path, a__main=text)
    with pytest.raises(DeploymentError, match=words):
        closure(tmp_path, ["a.main"])


@pytest.mark.parametrize(
    "text",
    [
        "import stepsaga",
        "from stepsaga import DefinitionError, Event, Participant, Rejected, SagaContext",
        "from stepsaga import Sensitive, StepsagaError",
        "from stepsaga.errors import StepFailed",
        "import stepsaga.runtime, stepsaga.store, stepsaga.limits",
        "if TYPE_CHECKING:\n    from stepsaga import Saga",
    ],
)
def test_what_is_in_the_layer_may_be_imported(tmp_path: Path, text: str) -> None:
    """The parts of stepsaga that are shipped, and the public names that come from them."""
    write(tmp_path, a__main=text)
    assert needed(tmp_path, "a.main") == ["a/main"]


@pytest.mark.parametrize("module", ["a.nothing", "json", "a..b", ".a", ""])
def test_a_module_that_is_not_there(tmp_path: Path, module: str) -> None:
    """A participant has to be a file of the project."""
    write(tmp_path, a____init__="")
    with pytest.raises(DeploymentError, match="is no module of this project"):
        closure(tmp_path, [module])


def test_files_by_pattern(tmp_path: Path) -> None:
    """Files are found by path and by pattern, without what Python compiled."""
    for name in ("rates/de.json", "rates/deep/fr.json", "rates/__pycache__/x.cpython-313.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    found = globbed(tmp_path, "a.till", ["rates/*.json", "rates/**/*"])
    assert sorted(file.as_posix() for file in found) == ["rates/de.json", "rates/deep/fr.json"]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("../*", "is no path in the project"),
        ("rates/../../x", "is no path in the project"),
        ("rates\\..\\..\\x", "is no path in the project"),
        ("/etc/passwd", "is no path in the project"),
        ("", "is no path in the project"),
        ("rates", "nothing in the project is called 'rates'"),
        ("*.none", "nothing in the project is called"),
    ],
)
def test_patterns_that_find_nothing(tmp_path: Path, pattern: str, words: str) -> None:
    """A path out of the project is refused, and so is one that finds no file."""
    (tmp_path / "rates").mkdir()
    (tmp_path.parent / "x").write_text("")
    with pytest.raises(DeploymentError, match=words):
        globbed(tmp_path, "a.till", [pattern])


def test_a_digest_of_files(tmp_path: Path) -> None:
    """Path and content count, the order in which files are named does not."""
    write(tmp_path, a="1", b="2")
    a, b = (file.relative_to(tmp_path) for file in sorted(tmp_path.iterdir()))
    assert digest_of(tmp_path, [a, b]) == digest_of(tmp_path, [b, a])
    assert digest_of(tmp_path, [a]) != digest_of(tmp_path, [b])
    before = digest_of(tmp_path, [a, b])
    a_file = tmp_path / a
    a_file.write_text("3")
    assert digest_of(tmp_path, [a, b]) != before


def test_what_is_shipped_of_stepsaga() -> None:
    """The runtime and the store with what they stand on, and what recovery plans with."""
    found = {file.parts[0] for file in shipped_files(ROOT / "stepsaga")}
    assert found == {
        *("__init__.py", "errors.py", "limits.py", "py.typed", "runtime", "store"),
        *("graph.py", "asl", "recovery"),
    }
