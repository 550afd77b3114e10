"""Diagonal state space model: each channel is filtered by a sum of damped oscillations.

The filter is applied as a convolution by Fourier transform, padded so that nothing wraps
around. Neither it nor the transforms are matrix products, so counts of FLOPs leave them out;
they are a small part.

Source: Gu et al. 2022, "On the Parameterization and Initialization of Diagonal State Space
Models" (S4D).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.models import _decoder
from forescale.lab.models._contract import Model
from forescale.lab.models._decoder import Decoder

#: Range of the channels' time steps at the start, in places.
STEPS = (1e-3, 1e-1)


def lin(n: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary parts of the spectrum S4D-Lin, -1/2 + i pi k, shapes (n,)."""
    k = torch.arange(n, dtype=torch.float64)
    return torch.full_like(k, -0.5), math.pi * k


def legs(n: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary parts of the spectrum S4D-LegS, shapes (n,).

    The eigenvalues of the normal part of the HiPPO-LegS matrix, of which one of each
    conjugate pair is kept.
    """
    root = torch.sqrt(2.0 * torch.arange(2 * n, dtype=torch.float64) + 1.0)
    outer = 0.5 * root[:, None] * root[None, :]
    # The real part is -1/2 for all; what is left is skew-symmetric.
    skew = torch.tril(-outer, -1) + torch.triu(outer, 1)
    imaginary = torch.linalg.eigvalsh(1j * skew)
    return torch.full((n,), -0.5, dtype=torch.float64), imaginary[imaginary > 0].sort().values


def rand(n: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary parts of a spectrum without structure, shapes (n,).

    Decays are log-normal and turns half-normal: the paper's ablation.
    """
    draw = torch.randn(2, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return -draw[0].exp(), draw[1].abs()


SPECTRA = {"lin": lin, "legs": legs, "rand": rand}


class Filters(nn.Module):
    """A filter per channel, of `state` conjugate pairs, and the part of the input let through."""

    def __init__(self, width: int, state: int, spectrum: str) -> None:
        super().__init__()
        # Filled here on the CPU, since a spectrum must be computed; a module that is only
        # counted lies on a device without data.
        with torch.device("cpu"):
            real, imaginary = SPECTRA[spectrum](state)
            low, high = (math.log(s) for s in STEPS)
            steps = torch.linspace(low, high, width)
        device = torch.get_default_device()
        self.log_step = nn.Parameter(steps.float().to(device))
        self.log_decay = nn.Parameter((-real).log().float().repeat(width, 1).to(device))
        self.turns = nn.Parameter(imaginary.float().repeat(width, 1).to(device))
        self.read = nn.Parameter(torch.randn(width, 2 * state) * (2 * state) ** -0.5)
        self.through = nn.Parameter(torch.ones(width))

    def kernel(self, t: int) -> Tensor:
        """The filters' responses, shape (width, t)."""
        step = self.log_step.exp()[:, None]
        a_dn = torch.complex(-self.log_decay.exp(), self.turns)
        c_dn = torch.view_as_complex(self.read.view(*a_dn.shape, 2))
        # Held inputs: the integral of exp(a s) over a step.
        b_dn = ((a_dn * step).exp() - 1.0) / a_dn
        places = torch.arange(t, device=step.device)
        powers = ((a_dn * step)[:, :, None] * places).exp()
        return 2.0 * ((c_dn * b_dn)[:, :, None] * powers).sum(1).real

    def forward(self, x_btd: Tensor) -> Tensor:
        """The channels filtered; same shape."""
        t = x_btd.shape[1]
        # Transforms know no half precision on all devices.
        x_bdt = x_btd.transpose(1, 2).float()
        spectrum = torch.fft.rfft(x_bdt, n=2 * t) * torch.fft.rfft(self.kernel(t), n=2 * t)
        y_bdt = torch.fft.irfft(spectrum, n=2 * t)[..., :t]
        return y_bdt.transpose(1, 2).to(x_btd.dtype) + self.through * x_btd


class Block(_decoder.Block):
    """Filters under a gate of the same place, then the MLP."""

    def __init__(self, width: int, state: int, spectrum: str, gated: bool) -> None:
        super().__init__(
            width,
            gated,
            into=nn.Linear(width, 2 * width, bias=False),
            filters=Filters(width, state, spectrum),
        )

    def mix(self, x_btd: Tensor, *places: Tensor) -> Tensor:
        """Filtered channels times the place's own opening of them (Mehta et al. 2022)."""
        x_btd, open_btd = self.into(x_btd).chunk(2, dim=-1)
        return self.filters(x_btd) * nn.functional.silu(open_btd)


class SSM(Decoder):
    """A decoder of such blocks; the spectra and time steps start as the paper has them."""

    def __init__(self, io: Tokens, width: int, blocks: list[Block]) -> None:
        super().__init__(io, width, blocks)
        self.kept = tuple(
            f"blocks.{i}.filters.{n}"
            for i in range(len(blocks))
            for n in ("log_step", "log_decay", "turns")
        )


def build(io: Tokens, *, depth: int, width: int, state: int, spectrum: str, gated: bool) -> SSM:
    """A state space model.

    Args:
        io: Its inputs and outputs.
        depth: Blocks.
        width: Width of the stream.
        state: Oscillations in each filter.
        spectrum: "lin", "legs" or "rand".
        gated: Multiply each branch by a scalar, which inits such as `rezero` start at zero.

    Raises:
        BadOption: If there is no such spectrum.
    """
    if spectrum not in SPECTRA:
        raise BadOption(f"no spectrum '{spectrum}'", fix=f"one of {', '.join(SPECTRA)}")
    return SSM(io, width, [Block(width, state, spectrum, gated) for _ in range(depth)])


MODEL = Model(
    name="ssm",
    what="Decoder with diagonal state spaces (S4D), applied as convolutions.",
    source="Gu et al. 2022, On the Parameterization and Initialization of Diagonal State Space "
    "Models",
    takes=(Tokens,),
    shape=lambda size: {"depth": 2 + (size - 1) // 3, "width": 16 * size},
    build=build,
    settings={"state": 16, "spectrum": "lin", "gated": False},
)
