"""Numbers as people read them: rounded to what their errors tell."""

from __future__ import annotations

import math
from collections.abc import Mapping


def format_number(x: float, digits: int = 4) -> str:
    """Short text a person reads and `parse_number` takes back: `7B`, `1.5T`, `6e20`.

    >>> format_number(7e9), format_number(176576256), format_number(6e20), format_number(0.001)
    ('7B', '176.6M', '6e20', '0.001')
    """
    x = float(x)
    if not math.isfinite(x) or x == 0:
        return f"{x:g}"
    rounded = float(f"{x:.{digits - 1}e}")
    x = rounded if math.isfinite(rounded) else math.copysign(1.797e308, x)
    size = abs(x)
    if 1e4 <= size < 1e15:
        for scale, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
            if size >= scale:
                return f"{x / scale:.{max(digits, 3)}g}{letter}"
    if 1e-4 <= size < 1e4:
        return f"{x:.{max(digits, 4)}g}"
    mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def format_error(value: float, sd: float) -> str:
    """`value` with its standard error in brackets, the error setting the digits.

    Particle Data Group rule: the error keeps two digits when its leading digits lie below
    355 and one from there to 949; from 950 it rounds up to 1000, kept as two digits. An
    error of 1 or more beside a fractional value keeps its point. An unknown error prints
    as `(?)`; no error, as for a fixed parameter, prints the value alone.

    >>> format_error(1.7761, 0.0191), format_error(441.3, 38.0), format_error(0.3441, 0.005)
    ('1.776(19)', '440(40)', '0.344(5)')
    """
    value, sd = float(value), abs(float(sd))
    if not math.isfinite(value) or sd == 0:
        return f"{value:.6g}"
    if math.isnan(sd):
        return f"{value:.4g}(?)"
    if math.isinf(sd):
        return f"{value:.4g}(inf)"
    rounded, last = _round_error(sd)
    if math.isinf(rounded):
        return f"{value:.4g}(inf)"
    sd = rounded
    top = max(_decade(value), _decade(sd)) if value else _decade(sd)
    if -5 < top < 6:
        return _bracket(value, sd, last)
    # Far from 1 the zeros say nothing: 1.20(15)e22.
    return f"{_bracket(_shift(value, -top), _shift(sd, -top), last - top)}e{top}"


def _decade(x: float) -> int:
    return int(f"{abs(x):e}".partition("e")[2])


def _shift(x: float, decades: int) -> float:
    mantissa, _, exponent = f"{x:.16e}".partition("e")
    return float(f"{mantissa}e{int(exponent) + decades}")


def _round_error(sd: float) -> tuple[float, int]:
    """The error rounded by the rule and the decade of its last digit."""
    three, _, exponent = f"{sd:.2e}".partition("e")
    lead = round(float(three) * 100)
    if lead >= 950:
        return float(f"1e{int(exponent) + 1}"), int(exponent)
    if lead >= 355:
        return float(f"{sd:.0e}"), int(exponent)
    return float(f"{sd:.1e}"), int(exponent) - 1


def _bracket(value: float, sd: float, last: int) -> str:
    if last >= 0:
        return f"{round(value, -last):.0f}({sd:.0f})"
    error = f"{sd:.{-last}f}" if sd >= 1 else f"{round(_shift(sd, -last))}"
    return f"{value:.{-last}f}({error})"


def short(text: object, limit: int = 40) -> str:
    """User text fit for one line of a message."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def format_place(inputs: Mapping[str, float]) -> str:
    """Inputs of a law as people write them: "N=70B, D=1.4T"."""
    return ", ".join(f"{n}={format_number(v)}" for n, v in inputs.items())
