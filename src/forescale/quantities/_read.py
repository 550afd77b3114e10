"""Numbers, ratios and durations as people write them, read."""

from __future__ import annotations

import math
import re

from forescale.errors import BadOption
from forescale.quantities._write import short

CHINCHILLA_TOKENS_PER_PARAM = 20.0

_SCALES = {
    "": 1.0,
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "million": 1e6,
    "b": 1e9,
    "bn": 1e9,
    "g": 1e9,
    "billion": 1e9,
    "t": 1e12,
    "tn": 1e12,
    "trillion": 1e12,
    "p": 1e15,
}
_NUMBER = re.compile(
    r"""(?P<sign>[+-]?)
        (?P<digits> \d{1,3}(?:[,\s'\u2019]\d{3})+(?:\.\d*)? | [\d_]*\.?[\d_]* )
        (?P<power> e[+-]?\d+ )?
        (?: (?:[x*\u00d7\u00b7]\s*)? (?P<ten>10) \s* (?:\^|\*\*) \s* (?P<exponent>[+-]?\d+) )?
        \s* (?P<scale>k|thousand|mn|m|million|bn|b|g|billion|tn|t|trillion|p)?s?
        \s* (?P<percent>%)?
        \s* (?P<word>params?|parameters?|tokens?|flops?|examples?|steps?)?""",
    re.VERBOSE | re.IGNORECASE,
)


def parse_number(text: str) -> float:
    """The number a person wrote: `7B`, `1.5T`, `6e20`, `1_000`, `1,000,000`, `70 B`, `3%`.

    A comma is a thousands separator here; decimal commas are the reader's business.

    Raises:
        BadOption: If the text is not one finite number.

    >>> parse_number("1.5T"), parse_number("1,000,000"), parse_number("6x10^20")
    (1500000000000.0, 1000000.0, 6e+20)
    """
    clean = text.strip().replace("\u2212", "-")
    fix = "write it like 7B, 1.5T, 400M, 6e20 or 0.001"
    if re.fullmatch(r".*x\s*C", clean, re.IGNORECASE):
        raise BadOption(
            f"'{short(text)}' is a ratio of tokens to parameters, not a number",
            fix="give tokens as a number such as 140B",
        )
    match = _NUMBER.fullmatch(clean)
    value = _value(match) if match else None
    if value is None or not math.isfinite(value):
        raise BadOption(f"'{short(text)}' is not a number", fix=fix)
    return value


def _value(match: re.Match[str]) -> float | None:
    digits = re.sub(r"[,\s_'\u2019]", "", match["digits"])
    if match["ten"] and not digits:
        digits = "1"
    if not re.search(r"\d", digits) or match["digits"].startswith("_"):
        return None
    # float() of the whole literal, not a product, so that 6e20 is exactly 6e20.
    exponent = (match["power"] or "e0")[1:]
    if len(exponent) > 5 or len(match["exponent"] or "") > 5:
        return math.inf
    shift = int(exponent) + int(match["exponent"] or 0)
    shift += round(math.log10(_SCALES[(match["scale"] or "").lower()]))
    shift -= 2 if match["percent"] else 0
    return float(f"{match['sign']}{digits}e{shift}")


_SECONDS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hour": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float:
    """Seconds from `90s`, `10min`, `1.5h`, `2 days` or a plain number of seconds.

    Raises:
        BadOption: If the text is none of these, or not above zero.

    >>> parse_duration("10min"), parse_duration("1.5h")
    (600.0, 5400.0)
    """
    match = re.fullmatch(r"\s*([\d.]+(?:e\d+)?)\s*([a-z]*)\s*", text.lower())
    unit = match[2].removesuffix("s") or "s" if match else ""
    unit = {"day": "d", "minute": "min", "hr": "h", "second": "s"}.get(unit, unit)
    try:
        seconds = float(match[1]) * _SECONDS[unit] if match else math.nan
    except (KeyError, ValueError):
        seconds = math.nan
    if not (seconds > 0 and math.isfinite(seconds)):
        raise BadOption(f"'{short(text)}' is no duration", fix="write it like 90s, 10min or 1.5h")
    return seconds


def parse_ratio(text: str) -> float:
    """Tokens per parameter from `5xC` (multiples of 20), `20:1` or a plain number.

    Raises:
        BadOption: If the text is none of these, or not above zero.

    >>> parse_ratio("5xC"), parse_ratio("20:1")
    (100.0, 20.0)
    """
    clean = text.strip()
    multiple = re.fullmatch(r"(.*?)\s*x\s*C", clean, re.IGNORECASE)
    try:
        if multiple:
            ratio = CHINCHILLA_TOKENS_PER_PARAM * parse_number(multiple[1])
        else:
            ratio = parse_number(re.sub(r"\s*:\s*1$", "", clean))
    except BadOption:
        ratio = math.nan
    if not ratio > 0:
        raise BadOption(
            f"'{short(text)}' is not a ratio of tokens to parameters",
            fix="write 5xC (5 times 20 tokens per parameter), 20:1 or 20",
        )
    return ratio
