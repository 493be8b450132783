"""docs/errors.md and `stepsaga diff` know the same codes, and its examples do what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from stepsaga.compat import CODES
from stepsaga.compat.findings import Weight
from tests.compat.worlds import changed, compared

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "errors.md").read_text("utf-8").partition("# A new release\n")[2]
NOTES = {"S711", "S712"}

_PART = re.compile(r"^## (S\d{3}) ([^\n]+)$|^```python (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """One change: ``after`` gives the code, ``fine`` does not."""

    code: str
    kind: str
    text: str


def _read() -> tuple[dict[str, str], dict[str, str], list[Example]]:
    titles: dict[str, str] = {}
    given: dict[str, str] = {}
    examples: list[Example] = []
    for code, title, kind, text in _PART.findall(TEXT):
        if code:
            titles[code] = title
        elif titles:
            examples.append(Example(list(titles)[-1], kind, text))
        else:
            given[kind] = text
    return titles, given, examples


TITLES, GIVEN, EXAMPLES = _read()


def test_docs_and_code_have_the_same_codes() -> None:
    """Every code is explained under its title, in order, by a change with it and one without."""
    assert list(TITLES.items()) == list(CODES.items())
    assert [(one.code, one.kind) for one in EXAMPLES] == [
        (code, kind) for code in CODES for kind in ("after", "fine")
    ]


def test_every_code_is_given_somewhere() -> None:
    """The codes in the rules are those of the list."""
    text = (ROOT / "stepsaga" / "compat" / "rules.py").read_text("utf-8")
    assert set(re.findall(r'"(S7\d\d)"', text)) == set(CODES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one.code} {one.kind}")
def test_example(example: Example, tmp_path: Path) -> None:
    """A change with a code gives it, and no other break; a change without gives no break at all."""
    (tmp_path / "shop.py").write_text(GIVEN["shop"], "utf-8")
    before = GIVEN["before"]
    found = compared(tmp_path, before, changed(before, example.text))
    breaks = {one.code for one in found if one.weight is Weight.BREAK}
    if example.kind == "fine":
        assert not breaks
        assert example.code not in {one.code for one in found}
    elif example.code in NOTES:
        assert not breaks
        assert example.code in {one.code for one in found}
    else:
        assert breaks == {example.code}
