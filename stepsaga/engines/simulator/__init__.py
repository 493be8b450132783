"""Step Functions in one process, with a virtual clock: it interprets the compiled text.

definition (text) -> states -> interpreter -> history
                       |           |
  fields, expressions -+           +- integrations -> functions -> runtime -> handlers
"""

from __future__ import annotations

from stepsaga.engines.simulator.engine import Simulator

__all__ = ["Simulator"]
