"""Learning bare answers makes larger gradients, less alike across layers, than learning steps.

Source: Li, Li & Zhou 2024, "What Happened in LLMs Layers when Trained for Fast vs. Slow Thinking:
A Gradient Perspective".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import median, over_worlds
from forescale.studies._live import Descent, live
from forescale.studies._recorded import simulated

if TYPE_CHECKING:
    from torch import Tensor, nn

Array = NDArray[np.float64]
Tokens = NDArray[np.int64]

#: Summands of a prompt and the modulus, at once their base.
SUMMANDS, BASE = 4, 5
RESPONSES = ("answer", "steps", "random")
#: What a network has read of.
READING = ("answer", "steps")
DEPTH, WIDTH, HEADS = 3, 32, 2
BATCH, LR = 64, 3e-3
#: Examples that are judged, and those of them whose gradients are read.
JUDGED, READ = 512, 8
LOOKS = (100, 300)
WORLDS = 6
#: Where a layer's attention keeps its weights.
PARTS = ("qkv", "out")
COLUMNS = ("response", "world", "step", "loss", "nuclear", "difference", "right")
LEAST = 3.0


def responses(summands: Tokens, kind: str, rng: np.random.Generator) -> Tokens:
    """What is to be told of sums modulo `BASE`, shape (n, 1) or (n, SUMMANDS).

    Args:
        summands: Digits, shape (n, SUMMANDS).
        kind: "answer" tells the sum alone, "steps" the sum of the first, of the first two, and
            so on to the answer, "random" as many tokens, of which only the answer means anything.
        rng: Source of the random ones.
    """
    steps = summands.cumsum(1) % BASE
    if kind == "answer":
        return steps[:, -1:]
    if kind == "random":
        steps = np.concatenate(
            [rng.integers(0, BASE, (len(steps), SUMMANDS - 1)), steps[:, -1:]], axis=1
        )
    return np.asarray(steps)


def drawn(rng: np.random.Generator, count: int, kind: str) -> tuple[Tensor, Tensor]:
    """Prompts with what is told but for its last token, and what is told.

    A prompt ends in a mark that says whether a bare answer is asked for, or steps.
    """
    torch = live()
    summands = rng.integers(0, BASE, (count, SUMMANDS))
    told = responses(summands, kind, rng)
    mark = np.full((count, 1), BASE + (kind != "answer"))
    given = np.concatenate([summands, mark, told[:, :-1]], axis=1)
    return torch.from_numpy(given), torch.from_numpy(told)


def across(norms: Array) -> tuple[float, float]:
    """Mean over layers, and mean absolute difference between neighbouring ones.

    Args:
        norms: One row per layer, one column per matrix of it, shape (layers, parts).
    """
    return float(norms.mean()), float(np.abs(np.diff(norms, axis=0)).mean())


def gradients(module: nn.Module, x: Tensor, y: Tensor) -> Array:
    """Nuclear norms of single examples' gradients, averaged, shape (layers, parts)."""
    from forescale import probes
    from forescale.lab._run import criterion

    loss = criterion("cross_entropy")
    found = np.zeros((DEPTH, len(PARTS)))
    for i in range(len(x)):
        read = probes.read("nuclear_norms", module, (x[i : i + 1], y[i : i + 1]), loss).values
        found += [
            [read[f"gradient_nuclear/blocks.{d}.{part}.weight"] for part in PARTS]
            for d in range(DEPTH)
        ]
    return found / len(x)


def trained(seed: int, looks: Sequence[int]) -> Iterator[tuple[str | float, ...]]:
    """A network that reads as many bare answers as worked ones, and what each does to it.

    Yields at each look and for each response its name, the step, the loss, norms by `across`, and
    the share of right last tokens.
    """
    torch = live()
    from forescale.lab import inits, models
    from forescale.lab._io import Tokens as Io
    from forescale.lab._run import criterion

    io = Io(vocab=BASE + 2, context=2 * SUMMANDS, source=SUMMANDS + 1)
    model = models.get("gpt")
    shape = {"depth": DEPTH, "width": WIDTH, "heads": HEADS}
    torch.manual_seed(seed)
    module = model.make(io, 1, **shape)
    inits.get("mup").apply(module, inits.roles(model, io, 1, shape, 1), seed=seed)
    loss = criterion("cross_entropy")
    descent = Descent(module.parameters(), LR)
    rng = np.random.default_rng([seed, 2410])
    # The same summands judge every kind of response.
    judged = {k: drawn(np.random.default_rng([seed, 2411]), JUDGED, k) for k in RESPONSES}
    for step in range(looks[-1] + 1):
        if step in looks:
            for kind, (x, y) in judged.items():
                with torch.no_grad():
                    scores = module(x)
                    right = float((scores[:, -1].argmax(-1) == y[:, -1]).float().mean())
                    now = float(loss(scores, y))
                yield kind, step, now, *across(gradients(module, x[:READ], y[:READ])), right
        batches = [drawn(rng, BATCH, kind) for kind in READING]
        descent.step(sum((loss(module(x), y) for x, y in batches), torch.zeros(())))


def measured(
    seed: int, worlds: int = WORLDS, looks: Sequence[int] = LOOKS
) -> Iterator[tuple[str | float, ...]]:
    """Rows of `COLUMNS`: what each kind of response does to a network's gradients as it is learnt.

    Raises:
        NotReached: If torch is not installed.
    """
    torch = live()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for world in range(worlds):
            for kind, *found in trained(worlds * seed + world, looks):
                yield kind, world, *found
    finally:
        torch.set_num_threads(threads)


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Bare answers over steps, in the size of gradients and in how it differs across layers."""
    table, data = simulated(
        "fast_and_slow_thinking",
        COLUMNS,
        measured,
        what="looks at networks",
        rerun=rerun,
        seed=seed,
        progress=progress,
    )

    def at(column: str, kind: str, step: int) -> Array:
        return np.asarray(table[column][(table["response"] == kind) & (table["step"] == step)])

    def over(column: str, kind: str, step: int) -> Array:
        # The worlds pair: the same first weights' seed and the same summands.
        return at(column, "answer", step) / at(column, kind, step)

    # In the false world the steps are no steps: tokens drawn at random before the same answer.
    slow = "random" if falsified else "steps"
    last = LOOKS[-1]
    numbers = {}
    for column, what in (
        ("nuclear", "nuclear norm of attention's gradients"),
        ("difference", "difference of that norm between neighbouring layers"),
    ):
        for step in LOOKS:
            name = column if step == last else f"{column}_{step}"
            numbers[name] = over_worlds(
                over(column, slow, step),
                median,
                seed=seed,
                least=LEAST if step == last else None,
                what=f"{what}, bare answer over steps, after training step {step}",
            )
        numbers[f"{column}_random"] = over_worlds(
            over(column, "random", last),
            median,
            seed=seed,
            what=f"the same {what}, bare answer over random steps, at the end",
        )
    numbers["relative_difference"] = over_worlds(
        over("difference", slow, last) / over("nuclear", slow, last),
        median,
        seed=seed,
        what="difference between layers in units of their mean norm, bare answer over steps",
    )
    for kind in RESPONSES:
        numbers[f"loss_{kind}"] = over_worlds(
            at("loss", kind, last),
            median,
            seed=seed,
            unit="nats/token",
            what=f"loss at the end, response: {kind}",
        )
        numbers[f"right_{kind}"] = over_worlds(
            at("right", kind, last),
            median,
            seed=seed,
            what=f"right last tokens at the end, response: {kind}",
        )
    return judge(numbers, data)


STUDY = Study(
    name="fast_and_slow_thinking",
    papers=(
        "What Happened in LLMs Layers when Trained for Fast vs. Slow Thinking: A Gradient "
        "Perspective",
    ),
    claim="Training on bare answers makes larger gradients, and larger differences of them across "
    "layers, than training on the same answers with the steps that lead to them.",
    criteria=f"After {LOOKS[-1]} steps of training the nuclear norm of attention's gradients, and "
    f"its mean absolute difference between neighbouring layers, are each at least {LEAST:g} times "
    "as large for bare answers as for steps, in the median over networks.",
    check=check,
    full=f"{WORLDS * len(RESPONSES)} transformers trained anew (minutes, needs torch)",
    falsified="the steps are random tokens before the same answer",
    note="A stand-in for a pretrained model: each network reads, from its first step on, as many "
    f"bare answers as worked ones, marked apart, to sums of {SUMMANDS} digits modulo {BASE}; the "
    "gradients of both, and of random steps it never read, are those of the same weights on the "
    f"same {READ} prompts, one at a time. Query, key and value are one matrix here. "
    f"Undecided on the recorded table: after {LOOKS[-1]} steps three of its {WORLDS} networks have "
    "ratios of 8 to 69, the others of 1 to 2, where a few steps are still told wrongly or without "
    "certainty. The ratio goes with the losses, which are given: what is known pulls little. After "
    f"{LOOKS[0]} steps of training, while the worked answers are being learnt, theirs are the "
    "larger gradients in most networks. So are, in a trial, those of a network trained on steps "
    "alone beside one trained on bare answers alone that is still at chance. Random steps of equal "
    "length make larger gradients than the right ones in most networks, so length alone does not "
    "do it. The limit and the steps of training were set after trial networks, before the table; "
    "three networks were added to the first three when these had decided nothing.",
)
