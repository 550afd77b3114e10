"""Column headers: which quantity, in which unit, scaled by how much.

A header may carry its unit (`loss (bits)`, `compute [PF-days]`) or a scale (`params [M]`,
`tokens_B`). Logarithms (`log10_flops`) are recognised only to be refused: which base, and
of what, is the user's to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from forescale.quantities import QUANTITIES, recognise, spelling

_WORDS = {
    "k": 1e3,
    "thousand": 1e3,
    "thousands": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "million": 1e6,
    "millions": 1e6,
    "mil": 1e6,
    "b": 1e9,
    "bn": 1e9,
    "g": 1e9,
    "billion": 1e9,
    "billions": 1e9,
    "t": 1e12,
    "tn": 1e12,
    "trillion": 1e12,
    "trillions": 1e12,
}
_PREFIXES = {
    "mega": 1e6,
    "giga": 1e9,
    "tera": 1e12,
    "peta": 1e15,
    "exa": 1e18,
    "zetta": 1e21,
    "t": 1e12,
    "p": 1e15,
    "e": 1e18,
    "z": 1e21,
    "y": 1e24,
}
_PETAFLOP_DAY = 86400e15
_PLAIN = {
    "tokens",
    "token",
    "params",
    "parameters",
    "flops",
    "flop",
    "steps",
    "examples",
    "count",
    "counts",
    "samples",
}

# Spelling of a loss unit to the name used in tables.
LOSS_UNITS = {
    "nats": "nats/token",
    "nat": "nats/token",
    "natspertoken": "nats/token",
    "natstoken": "nats/token",
    "bits": "bits/token",
    "bit": "bits/token",
    "bitspertoken": "bits/token",
    "bitstoken": "bits/token",
    "bpb": "bits/byte",
    "bitsperbyte": "bits/byte",
    "bitsbyte": "bits/byte",
    "bpc": "bits/char",
    "bitsperchar": "bits/char",
    "bitschar": "bits/char",
    "bitspercharacter": "bits/char",
    "ppl": "perplexity",
    "perplexity": "perplexity",
    "relative": "relative",
    "normalised": "relative",
    "normalized": "relative",
    "delta": "relative",
    "other": "other",
    "mse": "other",
    "squarederror": "other",
}


@dataclass(frozen=True)
class Header:
    """What a column header says.

    Args:
        text: The header as written.
        name: Canonical quantity, None where it is not one we know.
        scale: Factor from cell to canonical unit.
        loss_unit: For a loss, the unit the header names; "" where it names none.
        log: The quantity is under a logarithm.
        doubt: A unit in the header that was not understood.
    """

    text: str
    name: str | None
    scale: float = 1.0
    loss_unit: str = ""
    log: bool = False
    doubt: str = ""


def read_header(text: str) -> Header:
    """The meaning of one header."""
    bare = text.strip()
    name = recognise(_without_unit(bare)[0])
    if name is not None:
        return _with_unit(text, name, _without_unit(bare)[1])
    for base, scale in _scaled(bare):
        found = recognise(base)
        if found is not None and _scalable(found):
            return Header(text, found, scale=scale)
    found = _under_log(bare)
    if found is not None:
        return Header(text, found, log=True)
    return Header(text, None, loss_unit=_loss_unit(bare))


def _without_unit(text: str) -> tuple[str, str]:
    """Header and the unit in its closing brackets."""
    match = re.fullmatch(r"(.*?\S)\s*[\(\[\{]\s*([^\(\)\[\]\{\}]*?)\s*[\)\]\}]", text)
    return (match[1], match[2]) if match else (text, "")


def _with_unit(text: str, name: str, unit: str) -> Header:
    if name == "L":
        in_brackets = LOSS_UNITS.get(spelling(unit), "") if unit else ""
        if unit and not in_brackets:
            return Header(text, name, loss_unit=_loss_unit(text), doubt=unit)
        return Header(text, name, loss_unit=in_brackets or _loss_unit(text))
    if not unit:
        return Header(text, name)
    if re.match(r"(log|ln)", unit, re.IGNORECASE):
        return Header(text, name, log=True)
    scale = unit_scale(unit)
    if scale is None or not _scalable(name):
        known = scale == 1.0
        return Header(text, name, doubt="" if known else unit)
    return Header(text, name, scale=scale)


def unit_scale(unit: str) -> float | None:
    """Factor that a bracketed unit stands for: `M` 1e6, `B tokens` 1e9, `PF-days` 8.64e19.

    Returns:
        The factor; None if the unit is not understood.
    """
    words = [w for w in re.split(r"[\s_]+", unit.strip().lower()) if w not in {"of", "x"}]
    if words and words[-1] in _PLAIN:
        words.pop()
    joined = "".join(words).lstrip("x\u00d7*")
    if not joined:
        return 1.0
    if joined in _WORDS:
        return _WORDS[joined]
    power = re.fullmatch(r"(?:1e|10\^|10\*\*)\+?(\d{1,2})", joined)
    if power:
        return float(f"1e{power[1]}")
    key = spelling(joined)
    if key in {
        "pfdays",
        "pfday",
        "pflopsdays",
        "pflopdays",
        "pfsdays",
        "petaflopdays",
        "petaflopsdays",
        "petaflopsday",
        "pflopsday",
    }:
        return _PETAFLOP_DAY
    flops = re.fullmatch(r"([a-z]+?)(?:flops?|f)", key)
    return _PREFIXES.get(flops[1]) if flops else None


def _scaled(text: str) -> list[tuple[str, float]]:
    """Readings of a header as a name and a trailing scale: `tokens_B`, `params_millions`."""
    readings = []
    pf_days = re.fullmatch(r"(.+?)[_\s-]*pf[_\s-]?(?:s[_\s-]?)?days?", text, re.IGNORECASE)
    if pf_days:
        readings.append((pf_days[1], _PETAFLOP_DAY))
    match = re.fullmatch(r"(.+?)[_\s\-/.]+(?:in[_\s]+)?([A-Za-z]+)", text)
    if match and match[2].lower() in _WORDS:
        readings.append((re.sub(r"[_\s]+in$", "", match[1]), _WORDS[match[2].lower()]))
    prefixed = re.fullmatch(r"(peta|exa|zetta|tera|giga|p|e|z|t)(flops?)", text, re.IGNORECASE)
    if prefixed:
        readings.append((prefixed[2], _PREFIXES[prefixed[1].lower()]))
    return readings


def _scalable(name: str) -> bool:
    return QUANTITIES[name].unit in {"params", "tokens", "flops", "examples", "steps"}


def _under_log(text: str) -> str | None:
    match = re.fullmatch(r"(?:log_?10|log_?2|log|ln)[\s_\-(\[]+(.+?)[\)\]]?", text, re.IGNORECASE)
    found = recognise(match[1]) if match else None
    return found if found in QUANTITIES and found and _scalable(found) else None


def _loss_unit(text: str) -> str:
    """A loss unit that stands in the name itself: `val_bpb`, `perplexity`."""
    key = spelling(text)
    if key.startswith("log"):  # log_perplexity is a loss in nats
        return ""
    if key.endswith("bpb") or "bitsperbyte" in key:
        return "bits/byte"
    if key.endswith("bpc") or "bitsperchar" in key:
        return "bits/char"
    if "perplexity" in key or key.endswith("ppl"):
        return "perplexity"
    if re.search(r"normali[sz]ed|relative|delta|excess", key):
        return "relative"
    return ""


_SPREAD = {
    "se",
    "std",
    "stderr",
    "sd",
    "sem",
    "err",
    "error",
    "ci",
    "lo",
    "hi",
    "lower",
    "upper",
    "min",
    "max",
    "scale",
    "weight",
    "raw",
    "fn",
    "function",
    "type",
    "name",
    "unit",
    "coef",
    "irreducible",
    "aux",
    "balance",
    "spike",
    "spikes",
}


def is_loss_variant(text: str) -> bool:
    """Whether a header names one of several losses: `loss_c4`, `eval/pile/CrossEntropyLoss`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)
    words = [w for w in re.split(r"[\W_]+", spaced.lower()) if w]
    if not words or _SPREAD & set(words):
        return False
    ends = {words[0], words[-1]}
    if "loss" in ends or words[-1] == "ce" or "bpb" in ends:
        return True
    return (
        len(words) > 1
        and words[0] in {"val", "eval", "valid", "test", "final", "mean"}
        and (words[1] == "loss")
    )
