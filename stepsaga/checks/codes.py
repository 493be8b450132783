"""Every code that a saga's class can give, and its title. Each is explained in docs/errors.md.

A code keeps its meaning for ever. The codes of the definition itself, S601 and up, are those of
`stepsaga.asl.rules`: they mean a mistake of the compiler, not of an author.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "S101": "The saga has no input",
        "S102": "The saga has several inputs",
        "S103": "The saga has no steps",
        "S104": "A name is assigned twice",
        "S105": "A name that cannot be used",
        "S106": "A name that is too long",
        "S107": "Saga data used as a plain Python value",
        "S108": "A field that is not there",
        "S109": "Saga data tested in a way that Python cannot see",
        "S110": "Saga data kept in the class",
        "S111": "A step without a place of its own",
        "S112": "The source of the class cannot be read",
        "S113": "A saga inherits from a saga",
        "S114": "Almost a declaration",
        "S115": "A part with nothing in it",
        "S116": "Something in a branch that cannot stand there",
        "S201": "A handler that cannot be imported by name",
        "S202": "A handler that is a coroutine or a generator",
        "S203": "A parameter that cannot be filled by name",
        "S204": "A parameter that nothing provides",
        "S205": "A parameter that two things provide",
        "S206": "An annotation that is missing or cannot be read",
        "S207": "takes names a parameter that it cannot fill",
        "S208": "takes gives what is not known",
        "S209": "A handler in the script that is being run",
        "S210": "takes names a field that can be absent",
        "S211": "An input that nobody validates first",
        "S212": "A condition that cannot be decided",
        "S213": "A map over what is no list",
        "S214": "A wait for what is no time",
        "S301": "A type that does not fit",
        "S302": "A type without a JSON form",
        "S303": "A type that cannot read its own JSON",
        "S304": "A secret handed to a type that forgets it",
        "S401": "An effect that nothing undoes",
        "S402": "A compensation that does not accept None",
        "S403": "A compensation that would never run",
        "S404": "A second pivot",
        "S405": "A pivot in doubt",
        "S406": "A probe where nothing is in doubt",
        "S407": "A pivot with a probe and a compensation",
        "S408": "Options that do not go together",
        "S409": "A function that would undo by doing it again",
        "S410": "A probe that returns something else",
        "S411": "A point of no return inside of a branch",
        "S412": "A claim that does not hold",
        "S413": "A question after the point of no return",
        "S414": "A child that cannot be undone",
        "S415": "A child after the point of no return",
        "S416": "A child that is no saga, or whose result is not certain",
        "S501": "A duration without a unit",
        "S502": "A duration out of range",
        "S503": "A retry without a number of attempts",
        "S504": "Pauses out of range",
        "S505": "Errors that a retry cannot name",
        "S506": "The deadline is too early",
        "S507": "An execution of more than a year",
        "S508": "A definition that is too long",
        "S509": "A history that is too long",
        "S510": "Too many steps",
        "S511": "Functions that share a name",
        "S512": "An option that is not True or False",
        "S513": "A number out of range",
        "S514": "A question whose times or answers do not fit",
        "S515": "A question that is sent nowhere",
        "S550": "Items whose model has no name",
        "S551": "Tolerated failures out of range",
        "S552": "A file that is no S3Object",
        "S553": "A distributed map where it cannot stand",
        "S554": "Something that a distributed map cannot hold",
    }
)
