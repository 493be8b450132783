"""What the page behind an approval link says of a question: what its handler was given.

It is recorded with the question, so that the page needs none of the saga's models, and nothing of
it has to be in the link. What is sensitive is not among it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from stepsaga.runtime.sensitive import mask, redact
from stepsaga.runtime.texts import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stepsaga.runtime.values import JsonType

MOST_ROWS: Final = 30
LABEL_BYTES: Final = 100
VALUE_BYTES: Final = 300
"""Together they keep what is recorded below a few thousand bytes, mostly below one."""
BETWEEN: Final = " / "
_ALTERNATIVES: Final = ("anyOf", "oneOf", "allOf")


def shown(handler: Callable[..., Any], given: Mapping[str, tuple[JsonType, Any]]) -> dict[str, Any]:
    """What is recorded of a question for its page.

    Args:
        handler: What asks. The first line of its docstring says what it is about.
        given: What it takes of the saga, by parameter: JSON values, and their types.

    Returns:
        ``{"about": "Ask the manager.", "rows": [["Amount", "1200"], ...]}``, texts only.
    """
    secrets = [hidden for kind, value in given.values() for hidden in kind.sensitive(value)]
    rows: list[list[str]] = []
    for name, (kind, value) in given.items():
        masked = mask(value, kind.schema)
        for labels, item in _flat([_words(name)], masked, kind.schema, kind.schema):
            # What stands in a row of its own needs not the parameter's name before it.
            label = BETWEEN.join(labels[1:] or labels)
            rows.append([cut(label, LABEL_BYTES), cut(redact(_text(item), secrets), VALUE_BYTES)])
    if len(rows) > MOST_ROWS:
        rows[MOST_ROWS:] = [["…", f"and {len(rows) - MOST_ROWS} more"]]
    doc = inspect.getdoc(handler) or ""
    return {"about": cut(doc.partition("\n")[0].strip(), VALUE_BYTES), "rows": rows}


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
            return "–"  # noqa: RUF001  # a dash for nothing
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
