"""Where a run stands, and what is left of it, on disk."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forescale.lab import optimizers
from forescale.lab.parallel import ALONE, Team

if TYPE_CHECKING:
    from torch import Tensor, nn

    from forescale.lab.rules import Hooks


class Checkpoint:
    """Where a run stands, on disk: one file, replaced as a whole."""

    def __init__(
        self,
        path: Path | None,
        module: nn.Module,
        stepper: optimizers.Steppers,
        hooks: list[Hooks],
        every: float,
        team: Team = ALONE,
    ) -> None:
        self.path, self.module, self.stepper, self.hooks = path, module, stepper, hooks
        self.every, self.last, self.team = every, time.monotonic(), team

    def load(self, device: str) -> tuple[int, list[Any], list[Tensor], float]:
        """Step to go on from, the curve, losses not yet in it, and seconds spent."""
        import torch

        if self.path is None or not self.path.exists():
            return 0, [], [], 0.0
        kept = torch.load(self.path, map_location=device, weights_only=True)
        module, own = kept["module"], dict(self.module.named_parameters())
        shards = self.team.shared(list(module.values()), [own.get(n) for n in module])
        self.module.load_state_dict(dict(zip(module, shards, strict=True)))
        for part, state in zip(self.stepper.parts, kept["stepper"], strict=True):
            params = [p for group in part.param_groups for p in group["params"]]
            of = state["state"]
            shards = self.team.shared(list(of.values()), [params[i] for i in of])
            state["state"] = dict(zip(of, shards, strict=True))
        self.stepper.load_state_dict(kept["stepper"])
        for hook, state in zip(self.hooks, kept["hooks"], strict=True):
            hook.load_state_dict(state)
        return kept["step"], kept["curve"], list(kept["losses"]), kept["seconds"]

    def save(self, step: int, curve: list[Any], losses: list[Tensor], seconds: float) -> None:
        """Write the file where it is time to."""
        import torch

        if self.path is None:
            return
        if not self.team.agree(time.monotonic() - self.last >= self.every):
            return
        kept = self.team.whole(
            {
                "step": step,
                "curve": curve,
                "losses": self.team.mean(losses),
                "seconds": seconds,
                "module": self.module.state_dict(),
                "stepper": self.stepper.state_dict(),
                "hooks": [hook.state_dict() for hook in self.hooks],
            }
        )
        if self.team.leader:
            part = self.path.with_suffix(".pt.part")
            torch.save(kept, part)
            os.replace(part, self.path)
        self.last = time.monotonic()

    def forget(self) -> None:
        """Remove the file of a run that is over."""
        if self.path is not None and self.team.leader:
            self.path.unlink(missing_ok=True)


def keep_weights(path: Path, module: nn.Module, team: Team = ALONE) -> None:
    """Write a module's whole tensors under their names; the file appears when it is whole."""
    from safetensors.torch import save_file

    state = team.whole(dict(module.state_dict()))
    if team.leader:
        part = path.with_suffix(".safetensors.part")
        # Copies: members of a stack are views of one storage, which the format does not know.
        save_file({n: v.detach().cpu().clone().contiguous() for n, v in state.items()}, part)
        os.replace(part, path)
