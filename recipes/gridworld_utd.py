"""Table of the study value_based_rl_utd: steps each Q-learning agent needs on the grid.

    python recipes/gridworld_utd.py --out src/forescale/studies/_tables/gridworld_utd.csv

Ten minutes on one core. `replay` is 1 where updates replay what was seen, 0 in the control,
where each repeats the newest step.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from forescale.studies._gridworld import RATIOS, steps_to_threshold

AGENTS, BATCHES = 64, {1: 6, 0: 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for replay in (1, 0):
        for seed in range(BATCHES[replay]):
            need = steps_to_threshold(RATIOS, AGENTS, seed=seed, replay=bool(replay))
            for i, j in np.ndindex(*need.shape):
                rows.append([replay, f"{RATIOS[i]:.6g}", seed * AGENTS + j, round(need[i, j])])
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["replay", "utd", "agent", "env_steps"], *rows])


if __name__ == "__main__":
    main()
