"""CloudFormation's YAML: its short tags (``!Ref``, ``!Sub``), written and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_VALUE: Final = "AWS::NoValue"
KEPT_ONCE_DEPLOYED: Final = "RetainExceptOnCreate"
"""A deletion policy: kept, but for what was made by a deployment that is rolled back: that would be
there when it is tried again, and in its way.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html"""
_WIDEST_LIST: Final = 90
_PLAIN_TAGS: Final = frozenset({"!Ref", "!GetAtt", "!Sub"})
_LINE_ENDS: Final = "\x85\u2028\u2029"
"""What ends a line for YAML besides what does for everybody."""
_SEQUENCE: Final = "tag:yaml.org,2002:seq"


@dataclass(frozen=True, slots=True)
class Tag:
    """An intrinsic function in its short form: ``Tag("Ref", "Table")`` is ``!Ref Table``."""

    name: str
    value: Any


def ref(name: str) -> Tag:
    """``!Ref name``."""
    return Tag("Ref", name)


def att(name: str) -> Tag:
    """``!GetAtt Resource.Attribute``."""
    return Tag("GetAtt", name)


def sub(text: str) -> Tag:
    """``!Sub text``."""
    return Tag("Sub", text)


def either(condition: str, then: Any, otherwise: Any = None) -> Tag:
    """``!If [condition, then, otherwise]``; without ``otherwise`` the property is left out."""
    return Tag("If", [condition, then, ref(NO_VALUE) if otherwise is None else otherwise])


def dump(value: Any) -> str:
    """A value as YAML, in the order in which it was built.

    Raises:
        yaml.YAMLError: There is something in it that YAML has no form for.
    """
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    return text


def load(text: str) -> Any:
    """A template's content; its tags are `Tag`.

    Raises:
        yaml.YAMLError: It is no YAML, or a key stands twice in one mapping; says where.
    """
    return parse(text)[1]


def parse(text: str) -> tuple[yaml.Node | None, Any]:
    """A template's nodes, which know their places in the text, and its content, as `load` has it.

    Raises:
        yaml.YAMLError: As `load`.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True  # anchors are hard to read, and not everywhere read

    def choose_scalar_style(self) -> str:
        style: str = super().choose_scalar_style()
        if any(end in getattr(self.event, "value", "") for end in _LINE_ENDS):
            return '"'  # between other quotes PyYAML writes them as they are, and reads blanks
        # PyYAML quotes whatever has a tag; `!Ref KeyArn` needs no quotes.
        tagged = getattr(self.event, "tag", None) in _PLAIN_TAGS
        found = self.analysis
        plain = found is not None and found.allow_flow_plain and not found.multiline
        return "" if tagged and plain else style

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT002  # PyYAML's
        del indentless  # lists stand deeper than their key
        super().increase_indent(flow, indentless=False)


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Refuse what PyYAML does not mind: of a key that stands twice it takes the second."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"{key.value} stands here a second time"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return node


def _tag(dumper: _Dumper, tag: Tag) -> yaml.Node:
    name = f"!{tag.name}"
    if isinstance(tag.value, Mapping):
        return dumper.represent_mapping(name, tag.value)
    if isinstance(tag.value, list):
        return dumper.represent_sequence(name, tag.value, flow_style=_short(tag.value))
    return dumper.represent_scalar(name, tag.value)


def _list(dumper: _Dumper, items: list[Any]) -> yaml.Node:
    return dumper.represent_sequence(_SEQUENCE, items, flow_style=_short(items))


def _short(items: Sequence[Any]) -> bool:
    plain = all(isinstance(item, str | int | bool) or _scalar_tag(item) for item in items)
    return plain and sum(len(str(_bare(item))) + 2 for item in items) < _WIDEST_LIST


def _scalar_tag(item: Any) -> bool:
    return isinstance(item, Tag) and isinstance(item.value, str)


def _bare(item: Any) -> Any:
    return f"!{item.name} {item.value}" if isinstance(item, Tag) else item


def _read(loader: _Loader, suffix: str, node: yaml.Node) -> Tag:
    if isinstance(node, yaml.ScalarNode):
        return Tag(suffix, loader.construct_scalar(node))
    if isinstance(node, yaml.SequenceNode):
        return Tag(suffix, loader.construct_sequence(node, deep=True))
    assert isinstance(node, yaml.MappingNode)  # noqa: S101  # there are no other nodes
    return Tag(suffix, loader.construct_mapping(node, deep=True))


_Dumper.add_representer(Tag, _tag)
_Dumper.add_representer(list, _list)
_Loader.add_multi_constructor("!", _read)
