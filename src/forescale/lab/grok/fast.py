"""The same network, faster: keys and values once per token, and a backward pass by hand.

The last place sees a, b and = alone, so that attention has only 2 n + 1 different rows for n
elements: each brings exp(score) and exp(score) times its value, and an entry of the table is
the sum of three rows, numerators over denominators. Only the last place is computed beyond.
Parameters, their gradients and AdamW's means are flat vectors, updated by one fused call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from forescale.lab.grok import rules
from forescale.lab.grok.losses import LOSSES
from forescale.lab.grok.reference import Ints, Setup, Split, module

#: Scores of attention this far below a head's largest count as this far: exp stays a number, and
#: so does the mean where none of the three tokens is near the largest.
FAR = -70.0


@dataclass(frozen=True, eq=False)
class Entries:
    """Entries of a table as tensors: a and b as rows of the table of tokens, and answers."""

    first: Tensor
    second: Tensor
    right: Tensor


@dataclass(frozen=True, eq=False)
class Pass:
    """What a forward pass leaves behind; R tokens, n entries, h heads."""

    tokens_rd: Tensor
    keys_rd: Tensor
    values_rd: Tensor
    query_d: Tensor
    weight_rh: Tensor
    near_rh: Tensor
    total_nh: Tensor
    mixed_nd: Tensor
    read_nd: Tensor
    neurons_nm: Tensor
    wrote_nd: Tensor
    scores_nv: Tensor


class Fast:
    """The network, its data and its optimizer.

    Args:
        setup: The settings.
        data: The table.
        dtype: Of the weights.
        device: Where to compute.
    """

    def __init__(
        self,
        setup: Setup,
        data: Split,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        self.setup, self.elements, self.device = setup, data.elements, device
        net = module(setup, data.elements).to(device=device, dtype=dtype)
        named = {n: p.detach() for n, p in net.named_parameters()}
        self.flat = nn.Parameter(torch.cat([p.reshape(-1) for p in named.values()]))
        self.flat.grad = torch.zeros_like(self.flat)
        with torch.no_grad():
            self.weights = _views(self.flat, named)
            self.gradients = _views(self.flat.grad, named)
        self.train, self.test = self.entries(data.train), self.entries(data.test)
        self.optimizer = torch.optim.AdamW(
            [self.flat],
            lr=setup.lr,
            betas=setup.betas,
            eps=setup.eps,
            weight_decay=setup.weight_decay,
            fused=True,
        )
        self.rule = rules.make(
            setup.rule,
            list(self.weights.values()),
            list(self.gradients.values()),
            self.flat.grad,
            strength=setup.strength,
            memory=setup.memory,
            window=setup.window,
        )
        self.taken = 0

    def entries(self, rows: Ints) -> Entries:
        """Rows a, b, a o b of a table as tensors on the device."""
        a, b, right = torch.from_numpy(rows).to(self.device).unbind(1)
        return Entries(a.contiguous(), (b + self.elements).contiguous(), right.contiguous())

    @torch.no_grad()
    def run(self, at: Entries) -> Pass:
        """A forward pass over entries."""
        w, n, h = self.weights, self.elements, self.setup.heads
        embed, place = w["embed.weight"], w["place.weight"]
        x = torch.cat([embed[:n] + place[0], embed[:n] + place[1], embed[n:] + place[2]])
        keys, values = x @ w["k.weight"].T, x @ w["v.weight"].T
        query = w["q.weight"] @ x[-1]
        d = len(query)
        scores = (keys * query).view(-1, h, d // h).sum(-1) * (d // h) ** -0.5
        lead = scores - scores.amax(0)
        weight = lead.clamp(min=FAR).exp()
        weighted = (values.view(-1, h, d // h) * weight[..., None]).view(-1, d)
        table = torch.cat([weighted, weight], 1)
        summed = table.index_select(0, at.first)
        summed += table.index_select(0, at.second)
        summed += table[-1]
        total = summed[:, d:]
        mixed = (summed[:, :d].view(-1, h, d // h) / total[..., None]).view(-1, d)
        read = torch.addmm(x[-1], mixed, w["out.weight"].T)
        neurons = torch.addmm(w["up.bias"], read, w["up.weight"].T).relu_()
        wrote = torch.addmm(w["down.bias"], neurons, w["down.weight"].T).add_(read)
        return Pass(
            tokens_rd=x,
            keys_rd=keys,
            values_rd=values,
            query_d=query,
            weight_rh=weight,
            near_rh=lead >= FAR,
            total_nh=total,
            mixed_nd=mixed,
            read_nd=read,
            neurons_nm=neurons,
            wrote_nd=wrote,
            scores_nv=wrote @ w["head.weight"].T,
        )

    @torch.no_grad()
    def gradient(self) -> Tensor:
        """Losses on the training entries, shape (n,); the mean's gradient is left in place."""
        at, w, g = self.train, self.weights, self.gradients
        n, h = self.elements, self.setup.heads
        p = self.run(at)
        d = len(p.query_d)
        losses, on_scores = LOSSES[self.setup.loss](p.scores_nv, at.right)
        torch.mm(on_scores.T, p.wrote_nd, out=g["head.weight"])
        on_stream = on_scores @ w["head.weight"]
        torch.mm(on_stream.T, p.neurons_nm, out=g["down.weight"])
        torch.sum(on_stream, 0, out=g["down.bias"])
        # One pass, where a product with a mask takes three.
        on_neurons = torch.ops.aten.threshold_backward(
            on_stream @ w["down.weight"], p.neurons_nm, 0.0
        )
        torch.mm(on_neurons.T, p.read_nd, out=g["up.weight"])
        torch.sum(on_neurons, 0, out=g["up.bias"])
        on_stream.addmm_(on_neurons, w["up.weight"])
        torch.mm(on_stream.T, p.mixed_nd, out=g["out.weight"])
        on_mixed = (on_stream @ w["out.weight"]).view(-1, h, d // h)
        on_sums = on_mixed.div_(p.total_nh[..., None])
        on_total = -(on_sums * p.mixed_nd.view(on_sums.shape)).sum(-1)
        onto = torch.cat([on_sums.view(-1, d), on_total], 1)
        on_table = torch.zeros_like(p.tokens_rd[:, :1]).expand(-1, d + h).clone()
        on_table.index_add_(0, at.first, onto).index_add_(0, at.second, onto)
        on_table[-1] = onto.sum(0)
        on_weighted = on_table[:, :d].view(-1, h, d // h)
        on_weight = on_table[:, d:] + (on_weighted * p.values_rd.view(on_weighted.shape)).sum(-1)
        on_values = (on_weighted * p.weight_rh[..., None]).view(-1, d)
        # Shifting a head's scores changes no mean, so that the largest is a constant here.
        on_match = on_weight * p.weight_rh * p.near_rh * (d // h) ** -0.5
        on_match = on_match[..., None].expand(-1, -1, d // h).reshape(-1, d)
        on_keys, on_query = on_match * p.query_d, (on_match * p.keys_rd).sum(0)
        torch.mm(on_keys.T, p.tokens_rd, out=g["k.weight"])
        torch.mm(on_values.T, p.tokens_rd, out=g["v.weight"])
        torch.outer(on_query, p.tokens_rd[-1], out=g["q.weight"])
        on_tokens = on_keys @ w["k.weight"] + on_values @ w["v.weight"]
        on_tokens[-1] += on_query @ w["q.weight"] + on_stream.sum(0)
        g["embed.weight"][:n] = on_tokens[:n] + on_tokens[n : 2 * n]
        g["embed.weight"][n] = on_tokens[-1]
        g["place.weight"][0] = on_tokens[:n].sum(0)
        g["place.weight"][1] = on_tokens[n : 2 * n].sum(0)
        g["place.weight"][2] = on_tokens[-1]
        return losses

    def step(self) -> Tensor:
        """Take a step; the losses before it, shape (n,)."""
        losses = self.gradient()
        self.update()
        return losses

    def update(self) -> None:
        """Change the gradient that is in place by the rule, and step along it."""
        with torch.no_grad():
            self.rule.apply()
        warm = self.setup.warmup
        rate = min(self.taken / warm, 1.0) if warm else 1.0
        self.optimizer.param_groups[0]["lr"] = self.setup.lr * rate
        self.optimizer.step()
        self.taken += 1

    def state(self) -> dict[str, Any]:
        """What a resumed run must know."""
        return {
            "flat": self.flat.detach().clone(),
            "optimizer": self.optimizer.state_dict(),
            "rule": dict(self.rule.state),
            "taken": self.taken,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        with torch.no_grad():
            self.flat.copy_(state["flat"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rule.state = {k: v.clone() for k, v in state["rule"].items()}
        self.taken = state["taken"]


def _views(flat: Tensor, named: dict[str, Tensor]) -> dict[str, Tensor]:
    parts = flat.detach().split([p.numel() for p in named.values()])
    return {n: v.view(p.shape) for (n, p), v in zip(named.items(), parts, strict=True)}
