"""One run over several processes: each takes its part of the very batch that one would take.

Plain PyTorch, not Fabric or accelerate: the loop asks for five things (wrap, split, sync, mean,
save), which are a few lines each, and a wrapper around the optimizer would hide its state from
the checkpoint, which is the same file for any number of processes.

Source: Li et al. 2020, "PyTorch Distributed: Experiences on Accelerating Data Parallel Training"
(ddp); Zhao et al. 2023, "PyTorch FSDP: Experiences on Scaling Fully Sharded Data Parallel"
(fsdp, here its second form, `fully_shard`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from forescale.errors import BadOption
from forescale.lab import optimizers, rules
from forescale.lab.config import Config

if TYPE_CHECKING:
    from torch import Tensor, nn

Strategy = Literal["ddp", "fsdp"]


@dataclass(frozen=True)
class Parallel:
    """How one run is spread.

    Args:
        processes: Processes of a run, each with a GPU of its own where the device is one.
        strategy: "ddp" keeps the whole model in every process; "fsdp" a shard of each tensor.
        own_gpus: A run of one process, too, has a GPU to itself.
    """

    processes: int = 1
    strategy: Strategy = "ddp"
    own_gpus: bool = False

    def __post_init__(self) -> None:
        if self.processes < 1:
            raise BadOption(f"{self.processes} processes for a run", fix="give 1 or more")
        if self.strategy not in get_args(Strategy):
            known = " or ".join(get_args(Strategy))
            raise BadOption(f"no strategy '{self.strategy}'", fix=f"choose {known}")

    def resources(self, device: str) -> dict[str, int]:
        """What a run asks of an engine, as the engines call it; nothing where it asks for none."""
        if self.processes == 1 and not self.own_gpus:
            return {}
        cuda = device.startswith("cuda")
        return {"cpus": self.processes, **({"gpus": self.processes} if cuda else {})}

    def check(self, config: Config) -> None:
        """Refuse a run that cannot be spread so.

        Raises:
            BadOption: If its batch cannot be split evenly, or its optimizer or a rule needs whole
                tensors where they are sharded.
        """
        if self.processes == 1:
            return
        pieces = self.processes * config.accumulate
        if config.batch % pieces:
            parts = f" in {config.accumulate} parts each" if config.accumulate > 1 else ""
            raise BadOption(
                f"a batch of {config.batch} cannot be split evenly over "
                f"{self.processes} processes{parts}",
                fix=f"choose a multiple of {pieces}",
            )
        if self.strategy == "ddp":
            return
        fix = "choose the strategy ddp"
        if optimizers.get(config.optimizer).whole:
            raise BadOption(
                f"optimizer '{config.optimizer}' needs whole matrices, which fsdp shards", fix=fix
            )
        if config.probes:
            raise BadOption("probes read whole tensors, which fsdp shards", fix=fix)
        for name in config.rules:
            if rules.get(name).whole:
                raise BadOption(f"rule '{name}' needs whole tensors, which fsdp shards", fix=fix)


#: A run is one process, unless told.
SINGLE = Parallel()


class Team:
    """The processes of a run, to the training loop; this one is a single process.

    Every method is called by all processes of a run, in the same order.
    """

    #: This process's number, and how many there are.
    rank, size = 0, 1

    @property
    def leader(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def place(self, module: nn.Module) -> nn.Module:
        """The module as this process keeps it; before its optimizer is made."""
        return module

    def wrap(self, forward: Any) -> Any:
        """What is called in place of the module where gradients are wanted."""
        return forward

    def part(self, x: Tensor) -> Tensor:
        """This process's rows of a batch."""
        return x

    def sync(self, forward: Any, last: bool) -> None:
        """Say whether the next backward pass is the last of a step: gradients travel only then."""

    def pieces(self, x: Tensor, rows: int) -> Sequence[Tensor]:
        """This process's pieces of a set, of at most so many rows; each process has as many."""
        return x.split(rows)

    def sum(self, x: Tensor) -> Tensor:
        """The sum over the processes."""
        return x

    def mean(self, losses: list[Tensor]) -> list[Tensor]:
        """Each loss averaged over the processes."""
        return losses

    def agree(self, yes: bool) -> bool:
        """The leader's answer, on every process: clocks differ."""
        return yes

    def whole(self, state: Any) -> Any:
        """A state with whole tensors; the same file for any number of processes."""
        return state

    def shared(self, state: Any, params: Sequence[nn.Parameter | None]) -> Any:
        """A list of states of parameters, with this process's shard of what is shaped like them."""
        return state


#: A run of one process.
ALONE = Team()


class Replicated(Team):
    """Every process has the whole model; gradients are averaged (DistributedDataParallel)."""

    def __init__(self) -> None:
        import torch.distributed as dist

        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def wrap(self, forward: Any) -> Any:
        """The module with hooks that average its gradients while they are computed."""
        from torch.nn.parallel import DistributedDataParallel

        # The seed filled all alike, and buffers are constants: there is nothing to send around.
        return DistributedDataParallel(forward, broadcast_buffers=False, init_sync=False)

    def part(self, x: Tensor) -> Tensor:
        """An equal share of the rows, in their order."""
        return x.chunk(self.size)[self.rank]

    def sync(self, forward: Any, last: bool) -> None:
        """What DDP's own context `no_sync` sets."""
        forward.require_backward_grad_sync = last

    def pieces(self, x: Tensor, rows: int) -> Sequence[Tensor]:
        """An equal share of nearly equal pieces; all of a set that has too few rows to share."""
        each = -(-len(x) // (rows * self.size))
        if len(x) < each * self.size:
            return x.split(rows)
        return x.tensor_split(each * self.size)[self.rank :: self.size]

    def sum(self, x: Tensor) -> Tensor:
        """The sum, the same bits on every process."""
        import torch.distributed as dist

        dist.all_reduce(x)
        return x

    def mean(self, losses: list[Tensor]) -> list[Tensor]:
        """One message for all of them."""
        import torch

        return list((self.sum(torch.stack(losses)) / self.size).unbind()) if losses else []

    def agree(self, yes: bool) -> bool:
        """A byte between the hosts: no GPU waits for it."""
        import torch
        import torch.distributed as dist

        flag = torch.tensor([yes], dtype=torch.uint8)
        dist.broadcast(flag, 0)
        return bool(flag)


class Sharded(Replicated):
    """Every process keeps a shard of each tensor, and gathers a block while it computes it."""

    def __init__(self, device: str) -> None:
        from torch.distributed.device_mesh import init_device_mesh

        super().__init__()
        self.mesh = init_device_mesh(device, (self.size,))

    def place(self, module: nn.Module) -> nn.Module:
        """Its blocks sharded one by one, then what is left."""
        from torch import nn
        from torch.distributed.fsdp import fully_shard

        for blocks in (m for m in module.modules() if isinstance(m, nn.ModuleList)):
            for block in blocks:
                fully_shard(block, mesh=self.mesh, reshard_after_forward=True)
        # By default the outermost would stay gathered after an evaluation, and the next step
        # would not see weights that were changed in between.
        fully_shard(module, mesh=self.mesh, reshard_after_forward=True)
        return module

    def wrap(self, forward: Any) -> Any:
        """The module itself has the hooks."""
        return forward

    def sync(self, forward: Any, last: bool) -> None:
        """Gradients of earlier parts of a step stay where they are."""
        forward.set_requires_gradient_sync(last)

    def whole(self, state: Any) -> Any:
        """Shards gathered, one tensor at a time, on the leader's host."""
        from torch.distributed.tensor import DTensor

        if isinstance(state, DTensor):
            full = state.full_tensor()
            return full.cpu() if self.leader else None
        if isinstance(state, dict):
            return {k: self.whole(v) for k, v in state.items()}
        if isinstance(state, list | tuple):
            return [self.whole(v) for v in state]
        return state

    def shared(self, state: Any, params: Sequence[nn.Parameter | None]) -> Any:
        """Each process takes its rows; nothing travels, since all have read the same file."""
        return [_shard(s, p) for s, p in zip(state, params, strict=True)]


def _shard(state: Any, p: Any) -> Any:
    from torch import Tensor
    from torch.distributed.tensor import DTensor, distribute_tensor

    if isinstance(state, dict):
        return {k: _shard(v, p) for k, v in state.items()}
    if isinstance(p, DTensor) and isinstance(state, Tensor) and state.shape == p.shape:
        return distribute_tensor(state, p.device_mesh, p.placements, src_data_rank=None)
    return state
