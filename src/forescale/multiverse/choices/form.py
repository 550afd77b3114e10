"""Which law: those that fit about as well as any and tell what is asked.

Source: Li et al. 2025, "(Mis)Fitting: A Survey of Scaling Law Fitting Techniques in Deep
Learning".
"""

from __future__ import annotations

from dataclasses import replace

from forescale.errors import BadOption, ForescaleError
from forescale.fit import specify
from forescale.forecast import candidates
from forescale.laws import CUSTOM, Law
from forescale.multiverse._analysis import Analysis, Ask, Axis, Change, Choice, Option

#: A law whose noise is this many times the best one's is no reasonable choice.
WORSE = 1.15


def axes(at: Analysis, ask: Ask) -> tuple[Axis, ...]:
    """The laws named, or those worth trying on the table that are not clearly worse."""
    laws = _named(at, ask) if ask.forms else _reasonable(at, ask)
    options = tuple(Option(_word(law), _with(law)) for law in laws)
    return (Axis("form", "which law is fitted", options),)


def _named(at: Analysis, ask: Ask) -> list[Law]:
    laws = [specify(at.runs, name).law for name in ask.forms]
    for law in laws:
        if not ask.quantity.applies(law):
            raise BadOption(
                f"law '{law.name}' does not tell the {ask.quantity.words}",
                fix="leave it out of --forms, or ask for something else with --of",
            )
    others = [law for law in laws if law.formula != at.law.formula]
    return [at.law, *others]


def _reasonable(at: Analysis, ask: Ask) -> list[Law]:
    found = {at.law.formula: at.law}
    for name in candidates(at.rows):
        law = specify(at.runs, name).law
        if law.predicts == at.law.predicts and ask.quantity.applies(law):
            found.setdefault(law.formula, law)
    noise = {}
    for formula, law in found.items():
        try:
            noise[formula] = ask.fitted(replace(at, law=law)).sigma
        except ForescaleError:
            # A law that cannot be fitted to the default runs is none to fit to fewer.
            continue
    best = min(noise.values(), default=0.0)
    return [
        law
        for formula, law in found.items()
        if law is at.law or noise.get(formula, float("inf")) <= WORSE * best
    ]


def _word(law: Law) -> str:
    return law.formula if law.name == CUSTOM else law.name


def _with(law: Law) -> Change:
    return lambda analysis: replace(analysis, law=law)


CHOICE = Choice(
    name="form",
    what="which law is fitted",
    source="Li et al. 2025, (Mis)Fitting: A Survey of Scaling Law Fitting Techniques in Deep "
    "Learning",
    turn=80,
    axes=axes,
)
