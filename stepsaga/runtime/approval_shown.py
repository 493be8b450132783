"""What the page behind an approval link says of a question: what its handler was given.

It is recorded with the question, so that the page needs none of the saga's models, and nothing of
it has to be in the link. What is sensitive is not among it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from stepsaga.runtime.sensitive import MASK, mask, redact
from stepsaga.runtime.texts import cut, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stepsaga.runtime.values import JsonType

MOST_ROWS: Final = 30
LABEL_BYTES: Final = 100
VALUE_BYTES: Final = 300
"""Together they keep what is recorded below a few thousand bytes, mostly below one."""
BETWEEN: Final = " / "
MARK: Final = "\ufffd"
"""For a character that is not to be seen, or reverses others."""
_ALTERNATIVES: Final = ("anyOf", "oneOf", "allOf")


def shown(handler: Callable[..., Any], given: Mapping[str, tuple[JsonType, Any]]) -> dict[str, Any]:
    """What is recorded of a question for its page.

    It is what the handler has, not what somebody has sent: defaults are there, and what its model
    does not know is not, for that could look like what it does know.

    Args:
        handler: What asks. The first line of its docstring says what it is about.
        given: What it takes of the saga, by parameter: the types, and what they have read.

    Returns:
        ``{"about": "Ask the manager.", "rows": [["Amount", "1200"], ...]}``, texts only.
    """
    rows = [
        [cut(visible(label, MARK), LABEL_BYTES), cut(visible(value, MARK), VALUE_BYTES)]
        for name, (kind, value) in given.items()
        for label, value in _rows(name, kind, value, alone=len(given) == 1)
    ]
    if len(rows) > MOST_ROWS:
        rows[MOST_ROWS:] = [["…", f"and {len(rows) - MOST_ROWS} more"]]
    doc = inspect.getdoc(handler) or ""
    return {"about": cut(doc.partition("\n")[0].strip(), VALUE_BYTES), "rows": rows}


def _rows(name: str, kind: JsonType, value: Any, *, alone: bool) -> Iterator[tuple[str, str]]:
    """Labels and values of one parameter; its name stands before them where there are others."""
    first = _words(name)
    try:
        written = kind.write(value, name)
        secrets = kind.sensitive(written)
        for labels, item in _flat([], mask(written, kind.schema), kind.schema, kind.schema):
            before = [] if alone and labels else [first]
            yield BETWEEN.join([*before, *labels]), redact(_text(item), secrets)
    except Exception:  # noqa: BLE001  # what is sensitive in it cannot be told
        yield first, MASK


def _flat(
    labels: list[str], value: Any, schema: Any, root: Mapping[str, Any]
) -> Iterator[tuple[list[str], Any]]:
    """Each single value in a value, with the labels that lead to it."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            own = _of_key(schema, key, root)
            yield from _flat([*labels, _label(key, own)], item, own, root)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for number, item in enumerate(value, 1):
            yield from _flat([*labels, str(number)], item, _of_items(schema, root), root)
    else:
        yield labels, value


def _text(value: Any) -> str:
    match value:
        case None | [] | {}:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_text, value))
        case _:
            return str(value)


def _label(key: str, schema: Any) -> str:
    title = schema.get("title") if isinstance(schema, dict) else None
    return title if isinstance(title, str) and title else _words(key)


def _words(name: str) -> str:
    return name.replace("_", " ").strip().capitalize() or name


def _facets(schema: Any, root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A schema, and what it refers to and chooses from, each once."""
    todo, seen = [schema], set[int]()
    while todo:
        one = todo.pop()
        if not isinstance(one, dict) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if name := str(one.get("$ref", "")).removeprefix("#/$defs/"):
            todo.append(root.get("$defs", {}).get(name))
        for alternatives in _ALTERNATIVES:
            todo.extend(one.get(alternatives, ()))


def _of_key(schema: Any, key: str, root: Mapping[str, Any]) -> Any:
    return next(
        (
            one["properties"][key]
            for one in _facets(schema, root)
            if key in one.get("properties", ())
        ),
        None,
    )


def _of_items(schema: Any, root: Mapping[str, Any]) -> Any:
    return next((one["items"] for one in _facets(schema, root) if "items" in one), None)
