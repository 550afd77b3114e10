"""The multiverse of published tables: how long it takes, and whose choice the exponent is.

    python benchmarks/multiverse.py FOLDER [--workers 2] [--only porian]

FOLDER holds `chinchilla_epoch.csv` (245 points read off Hoffmann et al. 2022 by Besiroglu et al.
2024) and `porian_isoflop.csv` (15 variants of Porian et al. 2024 in the column `group`, their
settings in `train_set`, `param_count`, `warmup`, `lr_decay`, `hparams`). What is printed is what
`forescale multiverse` prints.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import resource
import time
from pathlib import Path
from typing import Any

from loky import get_reusable_executor

import forescale as fs
from forescale import report
from forescale.cli._output import console

#: The default of the variants is the one that reproduces Kaplan et al. 2020.
KAPLAN = "main_rw_base_long_kaplan_kaplan_train"

#: What is asked: title, file, options.
CASES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "chinchilla: all choices",
        "chinchilla_epoch.csv",
        {"decide": "a > 0.5", "rows": ("in_epoch_240=1",)},
    ),
    (
        "porian: all choices and the 15 variants",
        "porian_isoflop.csv",
        {"vary": ("group",), "decide": "a > 0.6", "default": {"group": KAPLAN}},
    ),
    (
        "porian: the settings of the variants, through parabolas",
        "porian_isoflop.csv",
        {
            "vary": ("param_count", "warmup", "lr_decay", "hparams", "train_set"),
            "without": ("form", "objective", "weights"),
            "hold": {"estimator": "parabolas"},
            "decide": "a > 0.6",
            "default": {
                "param_count": "kaplan",
                "warmup": "long",
                "lr_decay": "kaplan",
                "hparams": "base",
                "train_set": "rw",
            },
        },
    ),
)


def seconds() -> float:
    """CPU seconds of this process and of those it started that have ended."""
    used = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="cases whose title holds this")
    args = parser.parse_args()
    for title, file, options in CASES:
        if args.only not in title:
            continue
        begin, cpu = time.perf_counter(), seconds()
        made = fs.multiverse(args.folder / file, workers=args.workers, **options)
        wall = time.perf_counter() - begin
        # Workers count once they have ended.
        get_reusable_executor().shutdown(wait=True)
        print(f"\n== {title}: {wall:.0f} s on the clock, {seconds() - cpu:.0f} s of CPU\n")
        console().print(report.text(made))


if __name__ == "__main__":
    main()
