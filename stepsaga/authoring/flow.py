"""What stands in a saga's class body besides steps: choices, parallel branches, maps, waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from stepsaga.authoring.data import ItemDeclaration, Reference, SagaData
from stepsaga.authoring.place import class_body, here
from stepsaga.authoring.standin import Standin
from stepsaga.authoring.step import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Sequence as List
    from datetime import datetime, timedelta

    from stepsaga.errors import Source

MOST_ITEMS: Final = 100
"""How many items a map may have where its author does not say."""


class Nested(Standin):
    """The base of what holds other nodes, or is a node without a handler."""

    __slots__ = ("source",)

    source: Source

    def __init__(self) -> None:
        under_way = class_body()
        self.source = under_way[2] if under_way else here()
        if under_way:
            under_way[1].steps.append(self)

    def parts(self) -> Iterator[tuple[str, object]]:
        """What is directly inside, by the names that the author gave; a lone one may have none."""
        yield from ()

    def __root__(self) -> tuple[object, tuple[str, ...]]:
        return self, ()

    def __repr__(self) -> str:
        return type(self).__name__


class Sequence(Nested):
    """Nodes one after the other, where one stands: in a branch.

    As in ``flight=Sequence(hold=Step(...), book=Step(...))``.
    """

    __slots__ = ("nodes",)

    def __init__(self, **nodes: object) -> None:
        super().__init__()
        self.nodes = nodes

    def parts(self) -> Iterator[tuple[str, object]]:
        """What is directly inside; see `Nested.parts`."""
        yield from self.nodes.items()


class When(Nested):
    """What `when` returns: a branch of a choice, with its condition."""

    __slots__ = ("condition", "lone", "nodes")

    def __init__(self, condition: object, lone: tuple[object, ...], nodes: dict[str, Any]) -> None:
        super().__init__()
        self.condition = condition
        self.lone = lone
        self.nodes = nodes

    def parts(self) -> Iterator[tuple[str, object]]:
        """What is directly inside; see `Nested.parts`."""
        yield from (("", node) for node in self.lone)
        yield from self.nodes.items()


def when(condition: bool, *node: object, **nodes: object) -> When:
    """A branch of a `Choice`: what runs where a condition is true.

    Args:
        condition: A comparison of saga data, or `all_of`, `any_of`, `not_`, `is_in`, `is_present`.
            Where what it looks at is absent or None, a comparison is false.
        node: One node, which takes the branch's name.
        nodes: Or several by name, in the order in which they run.
    """
    return When(condition, node, nodes)


class Choice(Nested):
    """At most one of several branches: the first whose condition is true.

    As in ``review = Choice(risky=when(charge.result.risk >= 70, Step(...)))``. A step in a branch
    is known to later steps as one that may be None.

    Args:
        otherwise: What runs where no condition is true; nothing where it is not given.
        branches: What `when` returns, by name, in the order in which they are asked.
    """

    __slots__ = ("branches", "otherwise")

    def __init__(self, *, otherwise: object = None, **branches: When) -> None:
        super().__init__()
        self.branches: Mapping[str, object] = branches
        self.otherwise = otherwise

    def parts(self) -> Iterator[tuple[str, object]]:
        """What is directly inside; see `Nested.parts`."""
        yield from self.branches.items()
        if self.otherwise is not None:
            yield "otherwise", self.otherwise


class Parallel(Nested):
    """Branches that run at the same time, and always join before anything goes on.

    As in ``dispatch = Parallel(label=Step(...), invoice=Step(...))``. Where one fails, the others
    run to their end, and then all are undone, side by side.

    Args:
        branches: A node each, by name; `Sequence` for several.
    """

    __slots__ = ("branches",)

    def __init__(self, **branches: object) -> None:
        super().__init__()
        self.branches = branches

    def parts(self) -> Iterator[tuple[str, object]]:
        """What is directly inside; see `Nested.parts`."""
        yield from self.branches.items()


class Map(Nested):
    """The same nodes for each item of a list, side by side; they always join.

    As in ``labels = Map(order.items, label=Step(print_label), at_most=10)``. Outside, a step's
    result is the list of its results, in the order of the items. Each item is a lane of its own.

    Args:
        over: A list of the input, of an earlier step's result, or of an outer map's item.
        item: The name of the parameter by which handlers take the item.
        at_most: How many items run at the same time; 0 for as many as Step Functions runs.
        most: How many items there may be: an input or a result with more is refused.
        nodes: By name, in the order in which they run.
    """

    __slots__ = ("at_most", "item_name", "most", "nodes", "over")

    item: ClassVar[Any] = SagaData(Reference(ItemDeclaration(), (), Any))
    """In conditions, waits, ``takes`` and inner maps: the item of the map that they are in."""

    def __init__(
        self,
        over: List[object],
        *,
        item: str = "item",
        at_most: int = 0,
        most: int = MOST_ITEMS,
        **nodes: object,
    ) -> None:
        super().__init__()
        self.over = over
        self.item_name = item
        self.at_most = at_most
        self.most = most
        self.nodes = nodes

    def parts(self) -> Iterator[tuple[str, object]]:
        """What is directly inside; see `Nested.parts`."""
        yield from self.nodes.items()


class Wait(Nested):
    """A pause that costs nothing while it lasts.

    Args:
        time: How long, as a timedelta; or saga data: until an aware datetime, or for so many whole
            seconds (an int that its model keeps from being negative).
    """

    __slots__ = ("time",)

    def __init__(self, time: timedelta | datetime | int) -> None:
        super().__init__()
        self.time: object = time


FlowNode = Step[Any] | Nested


def inside(node: object) -> Iterator[tuple[str, object]]:
    """Everything below a node, at any depth, by the names that the author gave."""
    if isinstance(node, Nested):
        for name, part in node.parts():
            yield name, part
            yield from inside(part)
