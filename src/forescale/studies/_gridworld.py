"""Replay Q-learning on a slippery grid, many agents at once, each with its own update rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

SIDE = 10
STATES = SIDE * SIDE
GOAL = STATES - 1
#: Chance of moving as meant, and of slipping to each side.
MOVES = np.array([0.8, 0.1, 0.1])
GAMMA = 0.97
#: An episode also ends by chance, so that no agent walks forever.
GIVE_UP = 0.01
EPSILON = 0.5
RATE = 0.3
#: The greedy policy must be worth this share of the best one's value, over all starts.
THRESHOLD = 0.9
#: Updates per step of data: half octaves up to 2, which are fitted, then 4 and 8.
RATIOS = np.array([*2.0 ** np.arange(-2.0, 1.1, 0.5), 4.0, 8.0])
#: Policies are valued at steps in this ratio; the crossing is interpolated.
SPACING = 1.15


def _reach() -> Index:
    """Where action a leads from s, by outcome of the slip: shape (STATES, 4, 3)."""
    to = np.empty((STATES, 4, 3), np.int64)
    steps = ((-1, 0), (0, 1), (1, 0), (0, -1))
    for s in range(STATES):
        for a in range(4):
            for k, turn in enumerate((0, 1, 3)):
                down, right = steps[(a + turn) % 4]
                row = min(max(s // SIDE + down, 0), SIDE - 1)
                column = min(max(s % SIDE + right, 0), SIDE - 1)
                to[s, a, k] = row * SIDE + column
    return to


REACH = _reach()


def _matrices() -> Array:
    """Transition probabilities, shape (4, STATES, STATES); nothing follows the goal."""
    p = np.zeros((4, STATES, STATES))
    for a in range(4):
        for k in range(3):
            np.add.at(p[a], (np.arange(STATES), REACH[:, a, k]), MOVES[k])
    p[:, GOAL] = 0.0
    return p


P = _matrices()
OTHERS = np.arange(STATES) != GOAL


def worth(policy: Index) -> Array:
    """Mean value over all starts of deterministic policies, shape (..., STATES) to (...)."""
    p = P[policy, np.arange(STATES)]
    # Reaching the goal pays one, discounted once; the system is exact, not iterated.
    pay = GAMMA * p[..., GOAL]
    value = np.linalg.solve(np.eye(STATES) - GAMMA * p, pay[..., None])[..., 0]
    return np.asarray(value[..., OTHERS].mean(-1))


def best() -> float:
    """Mean value over all starts of the best policy, by value iteration."""
    value = np.zeros(STATES)
    for _ in range(400):
        value[GOAL] = 1.0
        value = (GAMMA * P @ value).max(0)
    return float(value[OTHERS].mean())


def steps_to_threshold(
    ratios: Array, agents: int, *, seed: int, replay: bool = True, limit: int = 1 << 16
) -> Array:
    """Environment steps each agent needs, shape (ratios, agents); `limit` where it needs more.

    Args:
        ratios: Updates per environment step of each group of agents.
        agents: Agents per ratio, differing in their chances only.
        seed: Seed of everything random.
        replay: Updates draw from all that was seen; else each repeats the newest step.
        limit: Steps after which an agent is given up.
    """
    rng = np.random.default_rng([seed, 2025])
    ratio = np.repeat(ratios, agents)
    n = len(ratio)
    target = THRESHOLD * best()
    # Tiny differences break ties, another way for each agent.
    q = 1e-6 * rng.random((n, STATES * 4))
    state = rng.integers(0, GOAL, n)
    seen = np.empty((n, 4096), np.int32)
    leads = REACH.reshape(-1, 3)
    need = np.full(n, float(limit))
    alive = np.arange(n)
    before, before_at, look_at = np.zeros(n), 0, 200
    actions = np.arange(4)
    chance = np.empty((0, 4, n))
    for t in range(1, limit + 1):
        if (t - 1) % 512 == 0:
            chance = rng.random((512, 4, n))
        wander, pick, slip, fate = chance[(t - 1) % 512][:, alive]
        here = state[alive] * 4
        greedy = q[alive[:, None], here[:, None] + actions].argmax(1)
        pair = here + np.where(wander < EPSILON, (4 * pick).astype(np.int64), greedy)
        after = leads[pair, (slip > MOVES[0]).astype(np.int64) + (slip > MOVES[0] + MOVES[1])]
        if t > seen.shape[1]:
            seen = np.concatenate([seen, np.empty_like(seen)], axis=1)
        seen[alive, t - 1] = pair * STATES + after
        # What is left of `wander` above epsilon is a fresh chance; below it, rescaled too.
        ends = (after == GOAL) | (pick * 4 % 1 < GIVE_UP)
        state[alive] = np.where(ends, (fate * GOAL).astype(np.int64), after)
        due = np.floor(t * ratio[alive]) - np.floor((t - 1) * ratio[alive])
        for j in range(int(due.max())):
            who = alive[due > j]
            drawn = (rng.random(len(who)) * t).astype(np.int64) if replay else t - 1
            old, new = np.divmod(seen[who, drawn], STATES)
            ahead = q[who[:, None], new[:, None] * 4 + actions].max(1)
            goal = GAMMA * np.where(new == GOAL, 1.0, ahead)
            q[who, old] += RATE * (goal - q[who, old])
        if t >= look_at:
            value = worth(q[alive].reshape(-1, STATES, 4).argmax(2))
            done = value >= target
            gained = np.maximum(value - before[alive], 1e-12)
            part = np.clip((target - before[alive]) / gained, 0.0, 1.0)
            need[alive[done]] = (before_at + part * (t - before_at))[done]
            before[alive], before_at, look_at = value, t, int(SPACING * t) + 1
            alive = alive[~done]
            if not alive.size:
                break
    return need.reshape(len(ratios), agents)
