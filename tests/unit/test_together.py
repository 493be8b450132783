"""Which tests stay together where several processes run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.together import ALONE, DEPLOYED, group_of

ROOT = Path(__file__).parents[2]


def test_tests_on_the_deployed_stack_are_one_group_and_other_files_one_each() -> None:
    """The stack is deployed once, and a file's fixtures are made once."""
    assert group_of("tests/e2e/test_trips.py::test_a_trip[aws]") == DEPLOYED
    assert group_of("tests/e2e/test_events.py::test_one") == "tests/e2e/test_events.py"
    assert group_of("tests/unit/test_together.py::test_one") == "tests/unit/test_together.py"
    assert all((ROOT / file).is_file() for file in ALONE)


def test_workers_get_whole_files(tmp_path: Path) -> None:
    """What the plugin makes of it: of each of two files all tests run in one process."""
    (tmp_path / "conftest.py").write_text(
        "from tests.conftest import pytest_xdist_make_scheduler\n"
        "__all__ = ['pytest_xdist_make_scheduler']\n"
    )
    body = "import os, pathlib, pytest\n@pytest.mark.parametrize('n', range(9))\ndef test(n):\n"
    for name in ("one", "two"):
        seen = f"    open({str(tmp_path / name)!r}, 'a').write(f'{{os.getpid()}} ')\n"
        (tmp_path / f"test_{name}.py").write_text(body + seen)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--rootdir", str(tmp_path)]
    subprocess.run(  # noqa: S603  # our own files
        [*command, str(tmp_path)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    processes = [set((tmp_path / name).read_text().split()) for name in ("one", "two")]
    assert [len(one) for one in processes] == [1, 1]
