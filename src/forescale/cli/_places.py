"""Options that name places to forecast, shared by the verbs that forecast."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from forescale.cli._options import _list
from forescale.errors import BadOption

Params = Annotated[
    str,
    Parameter(name=["--N", "--params"], help="Parameters: 7B, or 1B,7B,70B.", show_default=False),
]
Tokens = Annotated[
    str, Parameter(name=["--D", "--tokens"], help="Training tokens: 2T.", show_default=False)
]
Flops = Annotated[
    str, Parameter(name=["--C", "--flops"], help="Training FLOPs: 1e24.", show_default=False)
]
At = Annotated[
    tuple[str, ...],
    _list("--at", "NAME=VALUE", "Any other input of the law: examples=1000. Repeat."),
]
Group = Annotated[str | None, Parameter(help="Whose parameters, for a fit --by.")]


def inputs(*, N: str, D: str, C: str, at: tuple[str, ...]) -> dict[str, list[float]]:
    """Places from the words of the options.

    Raises:
        BadOption: If a word is no number, or no place was given.
    """
    from forescale.quantities import parse_number, recognise

    words = {"N": N, "D": D, "C": C}
    for word in at:
        name, equals, value = word.partition("=")
        if not equals:
            raise BadOption(f"'{word}' is not NAME=VALUE", where="--at")
        words[recognise(name.strip()) or name.strip()] = value
    found = {
        name: [parse_number(part) for part in text.split(",") if part.strip()]
        for name, text in words.items()
        if text.strip()
    }
    if not found:
        raise BadOption("no place to forecast was given", fix="as in --N 7B --D 2T or --C 1e24")
    return found
