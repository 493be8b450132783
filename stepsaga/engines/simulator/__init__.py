"""Step Functions in one process, with a virtual clock: it interprets the compiled text.

definition (text) -> states -> interpreter -> strands -> history
                       |           |
     fields, choices, -+           +- tasks -> integrations -> functions -> runtime -> handlers
     expressions                   |    +- tokens
                                   +- branches -> interpreter, once for each branch or item
"""

from __future__ import annotations

from stepsaga.engines.simulator.engine import Simulator

__all__ = ["Simulator"]
