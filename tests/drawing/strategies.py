"""Any nested graph, as the tests of the drawing need it: shapes and names, no wiring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from stepsaga.graph import Branch, ChoiceNode, Lane, MapNode, ParallelNode, WaitNode
from tests.drawing.graphs import EXPRESS, RISKY, of_order, pivot, saga, step, tail, undoable

if TYPE_CHECKING:
    from stepsaga.graph import Node, SagaGraph

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,79}", fullmatch=True) | st.text(
    min_size=1, max_size=12
)
conditions = st.sampled_from([RISKY, EXPRESS])
leaves: st.SearchStrategy[Node] = st.one_of(
    names.map(undoable),
    names.map(step),
    names.map(tail),
    names.map(pivot),
    names.map(lambda name: pivot(name, probe="find")),
    names.map(lambda name: pivot(name, undo="recall")),
    st.builds(WaitNode, names, st.integers(0, 100_000)),
    st.builds(lambda name: WaitNode(name, until=of_order("when")), names),
)


def _above(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    blocks = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(
        st.builds(
            lambda name, branches, otherwise: ChoiceNode(name, tuple(branches), otherwise),
            names,
            st.lists(st.builds(Branch, names, conditions, blocks), min_size=1, max_size=3),
            blocks,
        ),
        st.builds(
            lambda name, lanes: ParallelNode(name, tuple(lanes), (0,)),
            names,
            st.lists(st.builds(Lane, names, blocks), min_size=1, max_size=3),
        ),
        st.builds(
            lambda name, nodes, most: MapNode(
                name, of_order("lines"), "line", nodes, (0,), most, 100
            ),
            names,
            blocks,
            st.integers(0, 40),
        ),
    )


nodes: st.SearchStrategy[Node] = st.recursive(leaves, _above, max_leaves=12)
sagas: st.SearchStrategy[SagaGraph] = st.builds(
    lambda body, doc: saga(*body, doc=doc), st.lists(nodes, max_size=5), st.text(max_size=100)
)
