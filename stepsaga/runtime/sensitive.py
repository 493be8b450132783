"""Data that must travel between steps and never show: in logs, error texts and timelines.

What is sensitive is told by JSON schema: ``writeOnly`` (`Sensitive`, pydantic's ``SecretStr`` and
``SecretBytes``) or ``format: password``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

T = TypeVar("T")

MASK: Final = "***"
"""What is shown instead."""

_HIDDEN: Final[Mapping[str, Any]] = {"writeOnly": True}
_ALTERNATIVES: Final = ("anyOf", "oneOf", "allOf")
_LONG: Final = 4
"""From so many characters on, a value is replaced inside words, too."""


class _Hidden:
    """Marks the JSON schema of what it annotates."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(core_schema), **_HIDDEN}


Sensitive = Annotated[T, _Hidden()]
"""A value that never shows: ``token: Sensitive[str]``. Handlers see it as it is.

It is stored in clear, because the next step needs it; what must not be stored should not be passed.
"""


def mask(value: Any, schema: Mapping[str, Any]) -> Any:
    """A copy of a JSON value in which ``***`` stands for everything sensitive.

    Where several schemas can apply (``anyOf``), what one of them hides is hidden. In an object that
    holds something sensitive, keys that the schema does not name are hidden, too: the value may
    have been given under another of a field's names. None stays None.

    Args:
        value: A JSON value.
        schema: Its JSON schema, with ``$defs`` at its root.
    """
    return _Walk(schema, lambda _: MASK).walk(value, [schema])


def sensitive_values(value: Any, schema: Mapping[str, Any]) -> list[Any]:
    """Everything that `mask` would hide: JSON values, whole subtrees where those are marked."""
    found: list[Any] = []

    def collect(part: Any) -> Any:
        found.append(part)
        return part

    _Walk(schema, collect).walk(value, [schema])
    return found


def redact(text: str, values: Iterable[Any]) -> str:
    """A text without sensitive values, each replaced by ``***``.

    Every string and number in ``values`` is replaced wherever it occurs, also as Python's ``repr``
    or JSON would write it. Values shorter than four characters are replaced only where they stand
    as words of their own, or texts would be shredded.
    """
    forms = sorted({form for value in values for form in _forms(value)}, key=len, reverse=True)
    if not forms:
        return text
    patterns = (
        re.escape(form) if len(form) >= _LONG else rf"(?<!\w){re.escape(form)}(?!\w)"
        for form in forms
    )
    return re.sub("|".join(patterns), MASK, text)


def _forms(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _forms(key)
            yield from _forms(item)
    elif isinstance(value, list):
        for item in value:
            yield from _forms(item)
    elif isinstance(value, str):
        if text := value.strip():
            yield text
            yield repr(text)[1:-1]
            yield json.dumps(text)[1:-1]
            yield json.dumps(text, ensure_ascii=False)[1:-1]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


class _Walk:
    """One walk over a value and the schemas that can apply to each part of it."""

    def __init__(self, root: Mapping[str, Any], replace: Callable[[Any], Any]) -> None:
        self._root = root
        self._replace = replace

    def walk(self, value: Any, schemas: Sequence[Any]) -> Any:
        if value is None or not schemas:
            return value
        facets = list(self._facets(schemas))
        if any(is_hidden(facet) for facet in facets):
            return self._replace(value)
        if isinstance(value, dict):
            return {key: self.walk(item, self._of_key(key, facets)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.walk(item, _of_index(at, facets)) for at, item in enumerate(value)]
        return value

    def _facets(self, schemas: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
        """These schemas and what they refer to and choose from, each once."""
        todo, seen = list(schemas), set[int]()
        while todo:
            schema = todo.pop()
            if not isinstance(schema, dict) or id(schema) in seen:
                continue
            seen.add(id(schema))
            yield schema
            if "$ref" in schema:
                todo.append(self._resolve(schema["$ref"]))
            for name in _ALTERNATIVES:
                todo.extend(schema.get(name, ()))

    def _resolve(self, reference: str) -> Any:
        target: Any = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            target = target.get(name) if isinstance(target, dict) else None
        return target

    def _of_key(self, key: str, facets: Sequence[Mapping[str, Any]]) -> list[Any]:
        named = [
            facet["properties"][key] for facet in facets if key in facet.get("properties", {})
        ] + [
            schema
            for facet in facets
            for pattern, schema in facet.get("patternProperties", {}).items()
            if re.search(pattern, key)
        ]
        if named:
            return named
        others = [facet.get("additionalProperties") for facet in facets]
        if any(self._holds_hidden(facet) for facet in facets if "properties" in facet):
            others.append(dict(_HIDDEN))
        return [schema for schema in others if isinstance(schema, dict)]

    def _holds_hidden(self, schema: Mapping[str, Any]) -> bool:
        """Whether anything below is hidden."""
        todo, seen = [schema], set[int]()
        while todo:
            for facet in self._facets([todo.pop()]):
                if id(facet) not in seen:
                    seen.add(id(facet))
                    if is_hidden(facet):
                        return True
                    todo += _children(facet)
        return False


def is_hidden(schema: Mapping[str, Any]) -> bool:
    """Whether a schema itself, not what is below it, marks its values as sensitive."""
    return schema.get("writeOnly") is True or schema.get("format") == "password"


def _of_index(index: int, facets: Iterable[Mapping[str, Any]]) -> list[Any]:
    found = []
    for facet in facets:
        prefix = facet.get("prefixItems", ())
        found.append(prefix[index] if index < len(prefix) else facet.get("items"))
    return [schema for schema in found if isinstance(schema, dict)]


def _children(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = [
        *schema.get("properties", {}).values(),
        *schema.get("patternProperties", {}).values(),
        *schema.get("prefixItems", ()),
        schema.get("additionalProperties"),
        schema.get("items"),
    ]
    return [child for child in found if isinstance(child, dict)]
