"""Generated parts in a file that is somebody's: what stands beside the marks stays as it is.

The marks are found in the text, and everything else by YAML's own reader in what is left when the
generated parts are blanked out: a generated part that a merge left in a mess is made anew like any
other. Places are offsets in the text, because YAML and Python differ in what ends a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from stepsaga.errors import DeploymentError
from stepsaga.sam.cfn import dump, parse
from stepsaga.sam.strays import strays

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGIN: Final = "# stepsaga: generated from here; `stepsaga template` rewrites it"
END: Final = "# stepsaga: generated to here"
SECTIONS: Final = ("Conditions", "Resources", "Outputs")
"""What has generated parts, in the order in which a template has them."""
INDENT: Final = 2

_MARK: Final = re.compile(r"^([ \t]*)# stepsaga: generated (from|to) here.*(?:\n|\Z)", re.MULTILINE)
_KEY: Final = re.compile(r"^[A-Za-z\"'][^#\n]*:", re.MULTILINE)
_COMMENTS: Final = re.compile(r"(?:^#.*\n)*\Z", re.MULTILINE)
_NULL: Final = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class _Span:
    """A generated part, marks included: where it begins and ends, and how deep it stands."""

    begin: int
    end: int
    indent: int


@dataclass(frozen=True, slots=True)
class _Edit:
    begin: int
    end: int
    text: str
    opens: bool = False


class Page:
    """A template's text.

    Args:
        text: The text, with its own line ends.
        name: The file's, for messages.

    Raises:
        DeploymentError: It is no YAML, or no template; the marks do not go in pairs, or stand where
            nothing is generated; a section is not written as a block. Says in which line.
    """

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._text = text
        self._eol = "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"
        spans = self._marked()
        root, content = _read(name, _blanked(text, spans))
        self._own = self._checked(content)
        self._sections = self._keys(root)
        self._spans = self._placed(spans)
        self._ends_in_text = text.endswith("\n") and root is not None and _end(root) == len(text)
        for section in SECTIONS:
            self._check_block(section)

    def own(self) -> dict[str, Any]:
        """The content without its generated parts. The four common sections are always there."""
        return self._own

    def with_generated(self, generated: Mapping[str, Mapping[str, Any]]) -> str:
        """The text with these generated parts, by section, instead of the ones that are there.

        Raises:
            DeploymentError: Something stands between two marks that was never generated.
        """
        for section, span in self._spans.items():
            for place, name in strays(
                self._text[span.begin : span.end], generated.get(section, {}).keys()
            ):
                raise DeploymentError(
                    f"{self._name}:{self._line(span.begin + place)}: {name} stands in a generated"
                    " part, and would go: move it out from between the two marks; if it is none of"
                    " yours, remove it"
                )
        edits = sorted(
            (
                self._edit(section, generated[section])
                for section in SECTIONS
                if generated.get(section)
            ),
            # At one place what ends a section comes first, then new ones in their order.
            key=lambda edit: (edit.begin, edit.opens),
        )
        parts, done = [], 0
        for edit in edits:
            parts += [self._text[done : edit.begin], edit.text]
            done = edit.end
        text = "".join([*parts, self._text[done:]])
        _read(self._name, text)
        return text

    def _edit(self, section: str, content: Mapping[str, Any]) -> _Edit:
        span = self._spans.get(section)
        block = self._block(content, self._indent(section, span))
        if span is not None:
            ends = self._text[span.begin : span.end].endswith("\n")
            return _Edit(span.begin, span.end, block if ends else block.removesuffix(self._eol))
        if section in self._sections:
            place = self._end_of(section)
            return _Edit(place, place, self._on_a_line(place) + block)
        block = f"{section}:{self._eol}{block}"
        place = self._place_of_new(section)
        if place < len(self._text):
            return _Edit(place, place, f"{block}{self._eol}", opens=True)
        # Behind a text block a blank line would be one more line of it.
        blank = "" if self._ends_in_text else self._eol
        return _Edit(place, place, f"{self._on_a_line(place)}{blank}{block}", opens=True)

    def _block(self, content: Mapping[str, Any], indent: int) -> str:
        space = " " * indent
        body: list[str] = []
        for name, value in content.items():
            if body and isinstance(value, dict):
                body.append("")
            lines = dump({name: value}).rstrip("\n").split("\n")
            body += [f"{space}{line}" if line else "" for line in lines]
        return "".join(f"{line}{self._eol}" for line in [f"{space}{BEGIN}", *body, f"{space}{END}"])

    def _indent(self, section: str, span: _Span | None) -> int:
        """As deep as what the user wrote in the section; else as the marks stand."""
        _, value = self._sections.get(section, (None, None))
        if isinstance(value, yaml.MappingNode) and value.value:
            return int(value.value[0][0].start_mark.column)
        return (span.indent if span else 0) or INDENT

    def _on_a_line(self, place: int) -> str:
        """What must come before a line that begins here."""
        return "" if place == 0 or self._text[place - 1] == "\n" else self._eol

    def _end_of(self, section: str) -> int:
        """Behind the last line of what the user wrote in a section, before comments after it."""
        key, value = self._sections[section]
        begins = [other.start_mark.index for other, _ in self._sections.values()]
        stop = min((at for at in begins if at > key.start_mark.index), default=len(self._text))
        last = max(key.end_mark.index, _end(value))
        place = last
        # A literal text may end in lines that look like comments, and an alias stands for what is
        # somewhere else: nodes and lines see what the others do not.
        while last < stop:
            after = self._next_line(last)
            line = self._text[last:after].strip()
            if self._on_a_line(last) or (line and not line.startswith(("#", "..."))):
                place = after
            last = after
        return place

    def _next_line(self, place: int) -> int:
        found = self._text.find("\n", place)
        return len(self._text) if found < 0 else found + 1

    def _place_of_new(self, section: str) -> int:
        """Before the section that comes next, with the comments above it; else the end."""
        later = SECTIONS[SECTIONS.index(section) + 1 :]
        after = next((self._sections[name] for name in later if name in self._sections), None)
        if after is None:
            return len(self._text)
        start = after[0].start_mark.index
        comments = _COMMENTS.search(self._text, 0, start)
        return comments.start() if comments else start

    def _marked(self) -> list[_Span]:
        spans: list[_Span] = []
        begin: re.Match[str] | None = None
        for mark in _MARK.finditer(self._text):
            if mark[2] == "from":
                if begin:
                    raise self._odd(begin.start(), "this generated part does not end")
                begin = mark
            elif begin is None:
                raise self._odd(mark.start(), "it ends a generated part that did not begin")
            else:
                spans.append(_Span(begin.start(), mark.end(), len(begin[1].expandtabs())))
                begin = None
        if begin:
            raise self._odd(begin.start(), "this generated part does not end")
        return spans

    def _placed(self, spans: list[_Span]) -> dict[str, _Span]:
        """The generated parts by the section in which they stand."""
        placed: dict[str, _Span] = {}
        for span in spans:
            if lost := _KEY.search(self._text, span.begin, span.end):
                raise self._odd(lost.start(), "this line stands in a generated part, and would go")
            before = [
                name
                for name, (key, _) in self._sections.items()
                if key.start_mark.index < span.begin
            ]
            section = before[-1] if before else "no section"
            if section not in SECTIONS:
                raise self._odd(span.begin, f"nothing is generated in {section}")
            if section in placed:
                raise self._odd(span.begin, f"a second generated part of {section}")
            placed[section] = span
        return placed

    def _keys(self, root: yaml.Node | None) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(root, yaml.MappingNode) or root.flow_style:
            raise DeploymentError(
                f"{self._name} is written as JSON is: write it as YAML in blocks, each section's"
                " content on the lines below it; there is no place for generated parts otherwise"
            )
        return {str(key.value): (key, value) for key, value in root.value}

    def _checked(self, content: Any) -> dict[str, Any]:
        if not isinstance(content, dict):
            raise DeploymentError(
                f"{self._name} is no template: it must be a mapping. Remove it, and"
                " `stepsaga template` writes one"
            )
        for section in ("Parameters", *SECTIONS):
            if content.get(section) is None:
                content[section] = {}
            if not isinstance(content[section], dict):
                raise DeploymentError(f"{self._name}: {section} must be a mapping")
        return content

    def _check_block(self, section: str) -> None:
        if section not in self._sections:
            return
        key, value = self._sections[section]
        block = isinstance(value, yaml.MappingNode) and not value.flow_style
        empty = isinstance(value, yaml.ScalarNode) and (value.tag, value.value) == (_NULL, "")
        if not block and not empty:
            raise DeploymentError(
                f"{self._name}:{self._line(key.start_mark.index)}: write {section} as a block, its"
                " content on the lines below it: there is no place for a generated part otherwise"
            )

    def _odd(self, place: int, text: str) -> DeploymentError:
        return DeploymentError(
            f"{self._name}:{self._line(place)}: {text}: put the two marks back around what is"
            " generated, or remove both with all that stands between them; `stepsaga template`"
            " writes them anew"
        )

    def _line(self, place: int) -> int:
        return self._text.count("\n", 0, place) + 1


def _read(name: str, text: str) -> tuple[yaml.Node | None, Any]:
    try:
        return parse(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{text.count(chr(10), 0, mark.index) + 1}" if mark else name
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise DeploymentError(f"{place}: it is no YAML: {problem}") from error


def _blanked(text: str, spans: list[_Span]) -> str:
    """The text with comments for its generated parts, so that places stay what they are.

    Comments at the margin, because blanks would belong to a text block that ends before them.
    """
    for span in spans:
        part = re.sub(r".+", _comment, text[span.begin : span.end])
        text = text[: span.begin] + part + text[span.end :]
    return text


def _comment(line: re.Match[str]) -> str:
    return "#".ljust(len(line[0]))


def _end(node: yaml.Node) -> int:
    """Where the last thing in a node ends: a block's own end is where the next one begins."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return max(map(_end, last)) if isinstance(last, tuple) else _end(last)
    return int(node.end_mark.index)
