"""List the scaling laws, or explain one: formula, when to use it, what it needs."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from forescale.cli import _output

GROUP = "Look up"
EXAMPLE = "forescale laws chinchilla"


def run(
    name: Annotated[str, Parameter(show_default=False)] = "",
    *,
    json: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> None:
    """List the scaling laws, or explain one: its formula, when to use it, what it needs.

    Args:
        name: A law; without one, all are listed.
        json: Print JSON in place of text.
    """
    from forescale import laws

    if not name:
        found = [laws.get(n) for n in laws.names()]
        rows = [
            {"law": f.name, "predicts": f"{f.predicts}({', '.join(f.inputs)})", "what": f.summary}
            for f in found
        ]
        _output.emit([laws.describe(f) for f in found], text=_output.table(rows), json=json)
        return
    law = laws.get(name)
    data = laws.describe(law)
    if json:
        _output.emit(data, json=True)
        return
    parts = "\n".join(
        f"  {p.name:<8} {p.meaning or '':<40} {p.unit:<34} [{p.lower:g}, {p.upper:g}]"
        + (f"  typically {law.typical[p.name]:g}" if p.name in law.typical else "")
        for p in law.params
    )
    _output.emit(
        data,
        text=f"{law.predicts} = {law.formula or 'a program'}\n\n{law.summary}\n{law.when}\n\n"
        f"inputs: {', '.join(f'{i} ({law.unit_of_input(i)})' for i in law.inputs)}\n"
        f"parameters:\n{parts}\n\nLaTeX: {law.latex if law.formula else '-'}\n"
        f"source: {law.source}",
    )
