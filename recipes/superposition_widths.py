"""Table of the study superposition_width: losses of trained sparse autoencoders.

    to=src/forescale/studies/_tables/superposition_width.csv
    python recipes/superposition_widths.py --out $to

Six minutes on one core. A negative decay draws norms to one (strong superposition), a positive
one to zero (weak).
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from forescale.studies.superposition_width import COLUMNS, measured

SEEDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for seed in range(SEEDS):
            for row in measured(seed):
                writer.writerow([f"{value:.6g}" for value in row])
                file.flush()


if __name__ == "__main__":
    main()
