"""How far the output logits have drifted from log-probabilities.

The loss sees logits only up to a constant, so nothing but a z-loss holds their level: the
logarithm of the softmax's sum, which is 0 for log-probabilities, can run away late in training,
and takes the precision of the loss with it.

Sources: Chowdhery et al. 2022, "PaLM" (the z-loss, 1e-4 log^2 Z); Wortsman et al. 2024,
"Small-scale proxies for large-scale Transformer training instabilities" (the divergence).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from forescale.probes import Cost, Measure, Probe, Sight


def run(sight: Sight) -> Mapping[str, float]:
    """Level, spread and extremes of the logits over all predictions; no targets are needed.

    The last axis of the outputs counts classes. NaN where a model says no number.
    """
    with torch.no_grad():
        logits = sight.model(sight.batch.inputs)
        logits = logits.reshape(-1, logits.shape[-1]).double()
        level = torch.logsumexp(logits, 1)
        found = {
            "log_partition": level.mean(),
            "divergence": level.square().mean().sqrt(),
            "largest_logit": logits.amax(),
            "least_logit": logits.amin(),
            "mean_logit": logits.mean(),
            "spread": (logits.amax(1) - logits.amin(1)).mean(),
            "above_flat": level.mean() - math.log(logits.shape[1]),
        }
        # One transfer from the device for all.
        values = torch.stack(list(found.values())).tolist()
    if not all(math.isfinite(v) for v in values):
        return dict.fromkeys(found, math.nan)
    return dict(zip(found, values, strict=True))


PROBE = Probe(
    name="logit_size",
    what="How far the output logits have drifted from log-probabilities.",
    measures=(
        Measure("log_partition", "nats", "mean of log Z, the logarithm of the softmax's sum"),
        Measure("divergence", "nats", "root mean square of log Z: logits less log-probabilities"),
        Measure("largest_logit", "nats", "largest logit"),
        Measure("least_logit", "nats", "least logit"),
        Measure("mean_logit", "nats", "mean logit"),
        Measure("spread", "nats", "largest less least logit of a prediction, mean"),
        Measure("above_flat", "nats", "mean of log Z less log of the classes, its value at 0"),
    ),
    run=run,
    cost=Cost(forwards=1),
    source="Wortsman et al. 2024",
)
