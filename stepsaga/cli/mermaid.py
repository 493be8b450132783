"""A state machine as a Mermaid flowchart: what people need to see of it.

Drawn from the compiled definition, so that the picture cannot differ from the machine. States that
only pass on are left out. https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.runtime.call import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INVOKE: Final = "arn:aws:states:::lambda:invoke"
STYLES: Final = (
    "classDef step fill:#eef6ff,stroke:#2563eb,color:#111",
    "classDef pivot fill:#fff7d6,stroke:#b45309,color:#111,stroke-width:3px",
    "classDef undo fill:#fdecec,stroke:#b91c1c,color:#111",
    "classDef ending fill:#f3f4f6,stroke:#4b5563,color:#111",
)
LABELS: Final = {"Rejected": "rejected", "States.ALL": "failed"}
COMPLETED: Final = "completed"
COMPENSATED: Final = "compensated"


def mermaid(definition: Mapping[str, Any]) -> str:
    """The flowchart of a definition, a line a node or an arrow. Dotted arrows are failures."""
    states: Mapping[str, Mapping[str, Any]] = definition["States"]
    tasks = {name: state for name, state in states.items() if _is_call(state)}
    ids = {name: f"s{number}" for number, name in enumerate(tasks, start=1)}
    arrows = [arrow for name, state in tasks.items() for arrow in _arrows(name, state, states)]
    endings = [e for e in (COMPLETED, COMPENSATED) if any(to == e for _, to, _ in arrows)]
    ids |= {ending: ending for ending in endings}
    lines = [_node(ids[name], name, state) for name, state in tasks.items()]
    lines += [f"{ending}([{ending}]):::ending" for ending in endings]
    lines += [f"start(( )) --> {ids[definition['StartAt']]}"]
    lines += [_arrow(ids[source], ids[target], label) for source, target, label in arrows]
    return "\n    ".join(["flowchart TD", *lines, *STYLES]) + "\n"


def _is_call(state: Mapping[str, Any]) -> bool:
    return bool(state["Type"] == "Task" and state.get("Resource") == INVOKE)


def _node(node: str, name: str, state: Mapping[str, Any]) -> str:
    part = state["Parameters"]["Payload"]["part"]
    label = f'"{name.replace(chr(34), "#quot;")}"'
    if part == Part.PIVOT:
        return f"{node}{{{{{label}}}}}:::pivot"
    return f"{node}[{label}]:::{'undo' if part == Part.COMPENSATION else 'step'}"


def _arrows(
    name: str, state: Mapping[str, Any], states: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    yield name, _reached(state, states), ""
    failures: dict[str, str] = {}
    for catcher in state.get("Catch", []):
        # What is too large goes one of the two ways, too: a third arrow would say nothing more.
        if label := LABELS.get(catcher["ErrorEquals"][0]):
            failures[label] = _arrives(catcher["Next"], states)
    if len(failures) > 1 and len(set(failures.values())) == 1:
        failures = {"rejected or failed": next(iter(failures.values()))}
    for label, target in failures.items():
        yield name, target, label


def _reached(state: Mapping[str, Any], states: Mapping[str, Mapping[str, Any]]) -> str:
    if state["Type"] == "Fail":
        return COMPENSATED
    return _arrives(state["Next"], states) if "Next" in state else COMPLETED


def _arrives(name: str, states: Mapping[str, Mapping[str, Any]]) -> str:
    state = states[name]
    return name if _is_call(state) else _reached(state, states)


def _arrow(source: str, target: str, label: str) -> str:
    return f"{source} -. {label} .-> {target}" if label else f"{source} --> {target}"
