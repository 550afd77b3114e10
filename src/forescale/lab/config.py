"""Everything that decides a run, as a value with a name of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from forescale.errors import BadOption
from forescale.lab._io import Setting

Settings = dict[str, Setting]


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One training run.

    Args:
        task: Name of a task.
        model: Name of a model.
        size: The model's dial.
        steps: Optimizer steps.
        batch: Examples (sequences, for tokens) in a step.
        lr: Peak learning rate, at the base width where the init scales rates; None for the
            optimizer's own.
        optimizer: Name of an optimizer.
        init: Name of an init.
        schedule: Name of a schedule.
        warmup: Share of the steps in which the rate rises.
        rules: Names of rules, with their settings.
        probes: Names of probes, with their settings, that are read at every evaluation.
        seed: Seed of the weights and of the order of the data.
        accumulate: Parts in which a batch is computed, where it does not fit the memory.
        dtype: "float32", or "bfloat16" for the matrix products.
        marks: Evaluations per factor of ten in steps.
        until: Validation accuracy at which an evaluation ends the run; None for all the steps.
        base: Size at which rates were tuned.
        task_settings, model_settings, optimizer_settings, schedule_settings: What is not at
            its default.
    """

    task: str
    model: str = "gpt"
    size: int = 1
    steps: int = 1000
    batch: int = 16
    lr: float | None = None
    optimizer: str = "adamw"
    init: str = "mup"
    schedule: str = "cosine"
    warmup: float = 0.05
    rules: dict[str, Settings] = msgspec.field(default_factory=lambda: {"clip": {}})
    probes: dict[str, Settings] = {}
    seed: int = 0
    accumulate: int = 1
    dtype: Literal["float32", "bfloat16"] = "float32"
    marks: int = 10
    until: float | None = None
    base: int = 1
    task_settings: Settings = {}
    model_settings: Settings = {}
    optimizer_settings: Settings = {}
    schedule_settings: Settings = {}

    @property
    def key(self) -> str:
        """Sixteen hex digits that name this run: the same run has the same name anywhere."""
        plain = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(plain.encode()).hexdigest()[:16]

    @property
    def seedless(self) -> str:
        """The name that this run and those that differ from it in the seed alone have in common."""
        return msgspec.structs.replace(self, seed=0).key

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain values."""
        plain = dict(msgspec.to_builtins(self))
        if not self.probes:
            # Probes change no number: a run without them keeps the name it had before there were.
            del plain["probes"]
        if self.until is None:
            del plain["until"]
        return plain


def config(values: Mapping[str, Any], *, where: str = "") -> Config:
    """A configuration from plain values, checked.

    Args:
        values: Names and values of the fields.
        where: What they were read from, for messages.

    Raises:
        BadOption: If a field is unknown, missing or of the wrong kind, or a number makes no run.
    """
    try:
        found = msgspec.convert(dict(values), Config)
    except msgspec.ValidationError as error:
        fields = ", ".join(Config.__struct_fields__)
        raise BadOption(
            f"this is no run: {error}", where=where, fix=f"the fields are {fields}"
        ) from None
    for name in ("size", "steps", "batch", "accumulate", "marks", "base"):
        if getattr(found, name) < 1:
            raise BadOption(f"{name} is {getattr(found, name)}", where=where, fix="give 1 or more")
    if found.batch % found.accumulate:
        raise BadOption(
            f"a batch of {found.batch} cannot be computed in {found.accumulate} equal parts",
            where=where,
            fix="let accumulate divide batch",
        )
    if found.lr is not None and not found.lr > 0:
        raise BadOption(f"lr is {found.lr:g}", where=where, fix="give a positive rate")
    if found.until is not None and not 0 < found.until <= 1:
        raise BadOption(f"until is {found.until:g}", where=where, fix="give an accuracy, as 0.99")
    if not 0 <= found.warmup < 1:
        raise BadOption(f"warmup is {found.warmup:g}", where=where, fix="give a share of the run")
    return found
