"""Files for sagas on trial: what distributed maps read their items from, made up."""

from __future__ import annotations

import csv
import json
from importlib import import_module
from io import StringIO
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from stepsaga.graph import ItemSource, Origin, distributed_of
from stepsaga.testing.samples import sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stepsaga.graph import Datum, Distributed, SagaGraph
    from stepsaga.store.objects import Objects

ITEMS: Final = 2
"""Items of a file."""


def put_files(
    graph: SagaGraph, value: Any, results: Mapping[str, Any], objects: Objects | None
) -> None:
    """Put a file with items where an input, or the results of steps, say that one is.

    Args:
        graph: The saga.
        value: Its input, as JSON values.
        results: Of its steps, as JSON values.
        objects: Where to put them.
    """
    for place, many in _files(graph, value, results):
        if objects is not None and isinstance(place, dict):
            content = _content(many)
            objects.put({place.get("key", ""): content}, bucket=place.get("bucket", ""))


def _files(
    graph: SagaGraph, value: Any, results: Mapping[str, Any]
) -> Iterator[tuple[Any, Distributed]]:
    for node, many in distributed_of(graph.nodes):
        if many.source is not ItemSource.LIST:
            yield _found(node.items, value, results), many


def _found(datum: Datum, value: Any, results: Mapping[str, Any]) -> Any:
    found = value if datum.origin is Origin.INPUT else results.get(datum.name)
    for key in datum.path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _content(many: Distributed) -> bytes:
    module, _, name = many.model.partition(":")
    model = attrgetter(name)(import_module(module))
    item = sample(TypeAdapter(model).json_schema(), model, "item")
    if many.source is ItemSource.JSON_LINES:
        return (json.dumps(item) + "\n").encode() * ITEMS
    text = StringIO()
    table = csv.DictWriter(text, list(item))
    table.writeheader()
    table.writerows([item] * ITEMS)
    return text.getvalue().encode()
