"""Byte-level GPT, its corpus and its training loop; shared by the byte recipes.

The loop is the whole method: AdamW, linear warm-up, cosine to zero, so every run is
*finished* and its last loss may be compared with any other run's (a point in the
middle of a cosine may not).
"""

from __future__ import annotations

import hashlib
import math
import sysconfig
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONTEXT = 128
BATCH = 16  # windows; 2048 bytes
VAL_WINDOWS = 2048  # 262 144 bytes
CURVE_WINDOWS = 256  # every eighth of them, for the points along a curve
# Character tables and the manual's text are not source code.
LEFT_OUT = {"site-packages", "dist-packages", "__pycache__", "encodings", "pydoc_data"}


def read_sources(root: Path, suffixes: tuple[str, ...], left_out: set[str]) -> list[bytes]:
    """Text files under `root`, each content once, in the order of their hashes."""
    found: dict[str, bytes] = {}
    for path in root.rglob("*"):
        inside = path.relative_to(root)
        # _sysconfigdata holds the paths of the machine Python was built on.
        if path.suffix not in suffixes or "_sysconfigdata" in path.name:
            continue
        if left_out.intersection(inside.parts) or not path.is_file():
            continue
        content = path.read_bytes()
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            continue
        found[hashlib.sha256(content).hexdigest()] = content
    return [found[h] for h in sorted(found)]


def split(files: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation streams: one file in twenty, chosen by its hash, validates."""
    streams: tuple[list[bytes], list[bytes]] = ([], [])
    for content in files:
        salted = hashlib.sha256(b"forescale" + content).digest()[0]
        streams[salted % 20 == 0].append(content + b"\0")
    train, val = (np.frombuffer(b"".join(s), dtype=np.uint8) for s in streams)
    return train, val


@cache
def stdlib() -> tuple[np.ndarray, np.ndarray]:
    """Source of the running Python's standard library, tests included."""
    return split(read_sources(Path(sysconfig.get_paths()["stdlib"]), (".py",), LEFT_OUT))


@cache
def cpp() -> tuple[np.ndarray, np.ndarray]:
    """C++ headers of the installed torch."""
    headers = Path(torch.__file__).parent / "include"
    return split(read_sources(headers, (".h", ".hpp", ".cuh"), set()))


def windows(stream: np.ndarray) -> np.ndarray:
    """Non-overlapping windows with one byte more for the last target, shape (n, 129)."""
    n = (len(stream) - 1) // CONTEXT
    starts = np.arange(n)[:, None] * CONTEXT
    return stream[starts + np.arange(CONTEXT + 1)]


def spread(rows: np.ndarray, n: int) -> Tensor:
    """`n` rows evenly spread over all of them."""
    return torch.from_numpy(rows[np.linspace(0, len(rows) - 1, n).astype(int)].astype(np.int64))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x_btd: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        b, t, d = x_btd.shape
        qkv = self.qkv(F.rms_norm(x_btd, (d,))).view(b, t, 3, self.heads, d // self.heads)
        left, right = qkv[:, :, :2].chunk(2, dim=-1)
        turned = torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)
        mixed = F.scaled_dot_product_attention(
            turned[:, :, 0].transpose(1, 2),
            turned[:, :, 1].transpose(1, 2),
            qkv[:, :, 2].transpose(1, 2),
            is_causal=True,
        )
        x_btd = x_btd + self.out(mixed.transpose(1, 2).reshape(b, t, d))
        return x_btd + self.down(F.relu(self.up(F.rms_norm(x_btd, (d,)))).square())


class ByteGPT(nn.Module):
    """Pre-norm, RoPE, squared ReLU, tied embedding; every parameter sits in a matmul."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(256, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        half = width // heads // 2
        angle = torch.arange(CONTEXT)[:, None] * 100.0 ** (-torch.arange(half) / half)
        self.register_buffer("cos", angle.cos()[:, None, None, :], persistent=False)
        self.register_buffer("sin", angle.sin()[:, None, None, :], persistent=False)
        nn.init.normal_(self.embed.weight, std=0.5 * width**-0.5)
        for block in self.blocks:
            nn.init.normal_(block.qkv.weight, std=width**-0.5)
            nn.init.normal_(block.up.weight, std=width**-0.5)
            nn.init.zeros_(block.out.weight)
            nn.init.zeros_(block.down.weight)

    def forward(self, inputs_bt: Tensor, targets_bt: Tensor) -> Tensor:
        """Mean cross-entropy in nats per byte."""
        x_btd = self.embed(inputs_bt)
        x_btd = F.rms_norm(x_btd, x_btd.shape[-1:])
        for block in self.blocks:
            x_btd = block(x_btd, self.cos, self.sin)
        logits = F.linear(F.rms_norm(x_btd, x_btd.shape[-1:]), self.embed.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets_bt.flatten())


def sizes(model: ByteGPT) -> dict[str, int]:
    """Total and non-embedding parameters."""
    total = sum(p.numel() for p in model.parameters())
    return {"params": total, "params_nonembed": total - model.embed.weight.numel()}


def optimizer(model: ByteGPT) -> torch.optim.Optimizer:
    groups = [
        {"params": list(model.blocks.parameters()), "weight_decay": 0.1},
        {"params": list(model.embed.parameters()), "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)


def cosine(step: int, steps: int) -> float:
    """Share of the peak learning rate at 0-based `step`; ends at zero."""
    warmup = max(8, min(steps // 10, 200))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 + 0.5 * math.cos(math.pi * (step - warmup) / (steps - warmup))


@torch.no_grad()
def evaluate(model: ByteGPT, rows: Tensor) -> np.ndarray:
    """Loss of each group of 16 windows; the mean is the loss of the set."""
    return np.array([model(r[:, :-1], r[:, 1:]).item() for r in rows.split(16)])


def train(
    model: ByteGPT,
    rows: np.ndarray,
    steps: int,
    lr: float,
    curve_rows: Tensor,
    schedule=cosine,
    compiled: bool = False,
) -> tuple[list[list[float]], float]:
    """Train `model` on `rows` in their order, 16 windows a step.

    Returns:
        The curve as [step, lr, loss] at steps spaced by sqrt 2 from 16 on, and the
        training loss averaged over the last twentieth of the run.
    """
    forward = model
    if compiled:
        torch._dynamo.reset()  # past eight sizes in one process it would give up silently
        forward = torch.compile(model, dynamic=False)
    opt = optimizer(model)
    marks = {round(16 * 2 ** (i / 2)) for i in range(60)} | {steps}
    curve, losses = [], []
    for step in range(steps):
        batch = torch.from_numpy(rows[step * BATCH : (step + 1) * BATCH].astype(np.int64))
        for group in opt.param_groups:
            group["lr"] = lr * schedule(step, steps)
        loss = forward(batch[:, :-1], batch[:, 1:])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        losses.append(loss.item())
        if step + 1 in marks:
            at = opt.param_groups[0]["lr"]
            curve.append([step + 1, at, float(evaluate(model, curve_rows).mean())])
    return curve, float(np.mean(losses[-max(8, steps // 20) :]))
