"""Tables of the studies that train their runs in the lab, or simulate for minutes.

    python recipes/study_sweeps.py repeated_data --work work/study_sweeps

Minutes for each on one core; killed, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
import importlib
from functools import partial
from pathlib import Path

from forescale.studies import _swept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="+")
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--out", type=Path, help="folder for the tables; the package's own")
    args = parser.parse_args()
    for name in args.studies:
        study = importlib.import_module(f"forescale.studies.{name}")
        if hasattr(study, "configs"):
            say = partial(print, flush=True)
            found = _swept.train(study.configs(0), args.work / name, say)
        else:
            rows = zip(*study.measured(0), strict=True)
            found = dict(zip(study.COLUMNS, rows, strict=True))
        to = args.out / f"{name}.csv" if args.out else _swept.place(name)
        with to.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(study.COLUMNS)
            for row in zip(*(found[c] for c in study.COLUMNS), strict=True):
                writer.writerow([v if isinstance(v, str) else f"{v:.6g}" for v in row])


if __name__ == "__main__":
    main()
