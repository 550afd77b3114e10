"""Next byte of the Python standard library's own source: real text on every machine.

Files are taken once each (by content), and one in twenty, chosen by its hash, validates: no
line of a validation file is ever trained on. Character tables and the manual's text are left
out, since they are data and not source code.
"""

from __future__ import annotations

import hashlib
import sysconfig
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.tasks._contract import Data, Task, in_turn

if TYPE_CHECKING:
    from torch import Tensor

LEFT_OUT = {"site-packages", "dist-packages", "__pycache__", "encodings", "pydoc_data"}
#: One file in this many validates.
HELD = 20


@cache
def streams() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Training and validation bytes, the files in the order of their hashes."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found: dict[str, bytes] = {}
    for path in root.rglob("*.py"):
        inside = path.relative_to(root)
        # _sysconfigdata holds the paths of the machine Python was built on.
        if LEFT_OUT.intersection(inside.parts) or "_sysconfigdata" in path.name:
            continue
        content = path.read_bytes()
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            continue
        found[hashlib.sha256(content).hexdigest()] = content
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    for key in sorted(found):
        parts[int(key[:8], 16) % HELD == 0].append(found[key] + b"\0")
    train, held = (np.frombuffer(b"".join(p), dtype=np.uint8) for p in parts)
    return train, held


def windows(stream: NDArray[np.uint8], context: int) -> NDArray[np.uint8]:
    """Windows that do not overlap, one byte longer for the last target, (n, context + 1)."""
    n = (len(stream) - 1) // context
    return np.asarray(stream[np.arange(n)[:, None] * context + np.arange(context + 1)])


@cache
def _split(context: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    train, held = streams()
    return windows(train, context), windows(held, context)


def make(*, context: int, unique: int, repeated: int, share: float, validation: int) -> Data:
    """Windows of source.

    Args:
        context: Bytes in a window.
        unique: Bytes of training text to use, from an order that is the same for any number;
            0 for all.
        repeated: Bytes of it that are set aside and fill `share` of every batch, again and again
            where they are few; 0 for none.
        share: Share of a batch that is taken from them.
        validation: Windows of validation text, evenly spread.

    Raises:
        BadOption: If the library has too little text, or what is repeated leaves none.
    """
    import torch

    rows, rest = _split(context)
    wanted = -(-unique // context) if unique else len(rows)
    if wanted > len(rows) or validation > len(rest):
        raise BadOption(
            f"the standard library has {len(rows) * context} bytes to train on and "
            f"{len(rest)} windows to validate, not {unique} and {validation}",
            fix="ask for less",
        )
    if wanted < len(rows):
        rows = rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:wanted])]
    pool = -(-repeated // context)
    if not 0.0 <= share < 1.0 or pool >= len(rows) or bool(pool) != bool(share):
        raise BadOption(
            f"{repeated} bytes repeated in {share:g} of a batch",
            fix=f"give both: fewer bytes than {len(rows) * context}, and a share from 0 to 1",
        )
    if pool:
        # A spread of windows, not the first: those would all be of one file.
        rows = np.random.default_rng(1).permutation(rows)
    kept = rest[np.linspace(0, len(rest) - 1, validation).astype(int)]

    def split(block: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        tokens = torch.from_numpy(block.astype(np.int64))
        return tokens[:, :-1], tokens[:, 1:]

    def batch(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        again = round(share * size)
        fresh = pool + in_turn(len(rows) - pool, step, size - again, seed)
        if not again:
            return split(rows[fresh])
        # Orders of their own: those of the fresh ones would be made anew at every step.
        often = in_turn(pool, step, again, seed + 7919)
        return split(rows[np.concatenate([often, fresh])])

    return Data(
        io=Tokens(vocab=256, context=context),
        loss="cross_entropy",
        batch=batch,
        validation=split(kept),
        per_example=context,
        unique=len(rows),
    )


TASK = Task(
    name="stdlib_bytes",
    what="Next byte of the Python standard library's own source.",
    source="the running Python's own library",
    make=make,
    settings={"context": 128, "unique": 0, "repeated": 0, "share": 0.0, "validation": 512},
    unit="tokens",
)
