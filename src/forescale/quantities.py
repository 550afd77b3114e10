"""Names, units and spellings of what a run table holds, and numbers as people write them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from forescale.errors import BadOption

CHINCHILLA_TOKENS_PER_PARAM = 20.0


@dataclass(frozen=True)
class Quantity:
    """One thing a column can hold.

    Args:
        name: The canonical column name; one letter where the field has one.
        unit: Its unit; "1" for a pure number, "" for a label.
        meaning: One line for help texts.
        aliases: Spellings people use, best first: where a table has two of them,
            the earlier one is read under the canonical name.
        positive: Whether only values above zero make sense to a scaling law.
    """

    name: str
    unit: str
    meaning: str
    aliases: tuple[str, ...] = ()
    positive: bool = False


_LISTED = (
    Quantity(
        "N",
        "params",
        "model parameters, all of them unless the header says otherwise",
        (
            "params",
            "n_params",
            "num_params",
            "parameters",
            "n_parameters",
            "num_parameters",
            "model_params",
            "model_parameters",
            "param_count",
            "parameter_count",
            "parameters_count",
            "model_size",
            "params_opt",
            "n_opt",
        ),
        positive=True,
    ),
    Quantity(
        "N_total",
        "params",
        "all parameters, active or not, with embeddings",
        ("params_total", "total_params", "total_parameters", "n_params_total"),
        positive=True,
    ),
    Quantity(
        "N_nonembed",
        "params",
        "parameters without embeddings (Kaplan's count)",
        (
            "params_nonembed",
            "params_non_embed",
            "non_embedding_params",
            "nonembed_params",
            "non_embed_params",
            "params_non_embedding",
            "nonembedding_parameters",
            "n_params_nonembed",
            "n_non_embedding",
            "params_nonvocab",
            "non_vocab_params",
        ),
        positive=True,
    ),
    Quantity(
        "N_active",
        "params",
        "parameters used for each token (mixture of experts)",
        (
            "params_active",
            "active_params",
            "active_parameters",
            "activated_params",
            "n_params_active",
        ),
        positive=True,
    ),
    Quantity(
        "N_active_nonembed",
        "params",
        "parameters used for each token, without embeddings",
        ("params_active_nonembed", "active_nonembed_params", "active_non_embedding_params"),
        positive=True,
    ),
    Quantity(
        "D",
        "tokens",
        "training tokens seen",
        (
            "tokens",
            "train_tokens",
            "training_tokens",
            "n_tokens",
            "num_tokens",
            "total_tokens",
            "tokens_seen",
            "n_tokens_seen",
            "num_tokens_seen",
            "num_input_tokens_seen",
            "tokens_trained",
            "n_train_tokens",
            "throughput/total_tokens",
            "token_count",
            "tokens_opt",
            "d_opt",
        ),
        positive=True,
    ),
    Quantity(
        "U",
        "tokens",
        "unique training tokens, before any repetition",
        ("unique_tokens", "n_unique_tokens", "num_unique_tokens", "tokens_unique"),
        positive=True,
    ),
    Quantity(
        "C",
        "flops",
        "training compute of the whole run",
        (
            "flops",
            "flop",
            "train_flops",
            "training_flops",
            "total_flops",
            "compute",
            "training_compute",
            "train_compute",
            "compute_flops",
            "flops_6nd",
            "flop_6nd",
            "total_flos",
            "pretrain_flops",
            "pretrain_flops_6nd",
            "flops_budget",
            "flop_budget",
            "compute_budget",
        ),
        positive=True,
    ),
    Quantity(
        "C_nonembed",
        "flops",
        "training compute without the embedding layers",
        ("flops_nonembed", "flops_non_embedding"),
        positive=True,
    ),
    Quantity(
        "L",
        "nats/token",
        "loss: cross-entropy at the end of training, on held-out text",
        (
            "loss",
            "final_loss",
            "loss_final",
            "val_loss",
            "validation_loss",
            "valid_loss",
            "eval_loss",
            "test_loss",
            "val_loss_final",
            "final_val_loss",
            "eval_loss_final",
            "final_eval_loss",
            "validation_metrics/loss",
            "val/lm_loss",
            "eval/paloma/macro_loss",
            "cross_entropy",
            "cross_entropy_loss",
            "crossentropy_loss",
            "ce_loss",
            "nll",
            "nll_loss",
            "lm_loss",
            "log_perplexity",
            "log_ppl",
            "loss_opt",
            "bpb",
            "val_bpb",
            "eval_bpb",
            "bits_per_byte",
            "perplexity",
            "ppl",
            "val_perplexity",
            "val_ppl",
            "eval_perplexity",
            "test_perplexity",
            "train_loss",
            "training_loss",
            "train_loss_final",
            "final_train_loss",
            "loss_metrics/global_avg_loss",
            "train_lm_loss",
            "train_perplexity",
        ),
    ),
    Quantity(
        "n",
        "examples",
        "training examples, where the one scale is generic",
        (
            "examples",
            "n_examples",
            "num_examples",
            "train_examples",
            "training_examples",
            "n_train_examples",
            "n_train",
            "train_size",
            "training_set_size",
            "dataset_size",
        ),
    ),
    Quantity("epochs", "1", "passes over the unique data", ("n_epochs", "num_epochs")),
    Quantity(
        "step",
        "steps",
        "optimizer step at which the row was measured",
        ("_step", "global_step", "iteration", "iter", "train_step", "training_step"),
    ),
    Quantity(
        "S",
        "steps",
        "optimizer steps of the whole run",
        (
            "steps",
            "n_steps",
            "num_steps",
            "train_steps",
            "training_steps",
            "total_steps",
            "max_steps",
        ),
        positive=True,
    ),
    Quantity(
        "batch",
        "tokens",
        "tokens per optimizer step",
        (
            "B",
            "batch_tokens",
            "tokens_per_batch",
            "tokens_per_step",
            "batch_size_tokens",
            "global_batch_tokens",
        ),
        positive=True,
    ),
    Quantity(
        "lr",
        "1",
        "learning rate of the optimizer",
        (
            "learning_rate",
            "lr_peak",
            "peak_lr",
            "max_lr",
            "lr_max",
            "peak_learning_rate",
            "max_learning_rate",
        ),
    ),
    Quantity("seed", "", "random seed of the run", ("random_seed", "rng_seed")),
    Quantity("run", "", "identity of the run", ("run_id", "run_name", "runid", "run_uuid")),
    Quantity(
        "score",
        "1",
        "task score, such as accuracy",
        ("accuracy", "acc", "acc,none", "task_score", "eval_score"),
    ),
    Quantity(
        "err",
        "1",
        "error rate, a share of examples",
        ("error_rate", "test_error", "val_error", "top1_error", "classification_error"),
    ),
    Quantity(
        "tokens_per_param",
        "1",
        "training tokens per parameter",
        ("tokens_per_parameter", "tpp", "token_param_ratio", "tokens_param_ratio"),
        positive=True,
    ),
)

QUANTITIES: Mapping[str, Quantity] = {q.name: q for q in _LISTED}

# Counting conventions of N, in the order in which one may stand in for a missing plain N.
N_CONVENTIONS = ("N", "N_total", "N_nonembed", "N_active", "N_active_nonembed")


def spelling(name: str) -> str:
    """A column name reduced to what carries meaning: lower case, letters and digits only."""
    return re.sub(r"[\W_]+", "", name).lower()


@cache
def _spellings() -> dict[str, str]:
    table: dict[str, str] = {}
    for quantity in _LISTED:
        for word in (quantity.name, *quantity.aliases):
            key = spelling(word)
            if len(key) > 1:
                table.setdefault(key, quantity.name)
    return table


@cache
def _letters() -> dict[str, str]:
    return {word: q.name for q in _LISTED for word in (q.name, *q.aliases) if len(word) == 1}


def recognise(column_name: str) -> str | None:
    """The canonical name of a column header, or None.

    Case, spaces, `_`, `-`, `/` and brackets do not matter; one-letter names are taken as
    written, because `N` is parameters and `n` is examples. A unit in brackets
    (`loss (nats)`) is set aside.

    >>> recognise("eval/Loss"), recognise("num params"), recognise("n"), recognise("zeta")
    ('L', 'N', 'n', None)
    """
    bare = column_name.strip()
    if bare in QUANTITIES:
        return bare
    if bare in _letters():
        return _letters()[bare]
    known = _spellings()
    found = known.get(spelling(bare))
    if found is None:
        without_unit = re.sub(r"\s*[\(\[\{][^\)\]\}]*[\)\]\}]\s*$", "", bare)
        if without_unit != bare and without_unit:
            return recognise(without_unit)
    return found


def rank(name: str, column_name: str) -> int:
    """How good a spelling `column_name` is for quantity `name`; 0 is best."""
    if column_name.strip() == name:
        return 0
    words = [spelling(word) for word in QUANTITIES[name].aliases]
    key = spelling(column_name)
    return 1 + words.index(key) if key in words else len(words) + 1


def unit_of(name: str) -> str:
    """Unit of a quantity by canonical name or alias; "" for what is not known."""
    canonical = recognise(name)
    return QUANTITIES[canonical].unit if canonical else ""


def flops_6nd(N: Any, D: Any) -> Any:
    """Training compute 6ND in FLOPs: 2 for the forward pass, 4 for the backward.

    Leaves attention scores out. Works on numbers and arrays.

    Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models".
    """
    return 6.0 * N * D


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
