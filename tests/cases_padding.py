"""Records of padding layers."""

from typing import Any

import numpy as np
from case import Array, Case, State, grid

SHAPES = {1: (2, 3, 5), 2: (2, 3, 4, 5), 3: (1, 2, 4, 3, 5)}
PADDINGS = {1: (2, 1), 2: (1, 3, 0, 2), 3: (2, 1, 0, 2, 3, 1)}
MODES = {
    "Zero": "constant",
    "Constant": "constant",
    "Reflection": "reflect",
    "Replication": "edge",
    "Circular": "wrap",
}


def padding(
    kind: str, dims: int, amount: Any, shape: tuple[int, ...], **options: Any
) -> Case:
    pairs = (amount,) * 2 * dims if isinstance(amount, int) else amount
    around = list(zip(pairs[::2], pairs[1::2]))[::-1]
    values = {"constant_values": options["value"]} if options else {}

    def meaning(state: State, x: Array) -> Array:
        unpadded = [(0, 0)] * (x.ndim - dims)
        cropped = [slice(-min(low, 0), min(high, 0) or None) for low, high in around]
        if min(pairs) < 0:
            x = x[(..., *cropped)]
        added = [(max(low, 0), max(high, 0)) for low, high in around]
        return np.pad(x, unpadded + added, MODES[kind], **values)

    options = {"padding": amount, **options}
    return Case(f"{kind}Pad{dims}d", (grid(*shape),), meaning, options)


def every() -> dict[str, Case]:
    found = {}
    for kind in MODES:
        more = {"value": -1.5} if kind == "Constant" else {}
        for dims, shape in SHAPES.items():
            name = f"{kind.lower()} pad, {dims}d"
            found[name] = padding(kind, dims, PADDINGS[dims], shape, **more)
            found[f"{name}, one sample"] = padding(kind, dims, 1, shape[1:], **more)
    return found


CASES = {
    **every(),
    "constant pad, cropping": padding(
        "Constant", 2, (-1, 2, 1, -2), (2, 5, 4), value=2
    ),
    "zero pad, cropping": padding("Zero", 1, (-1, -2), (2, 3, 5)),
    "constant pad of integers": Case(
        "ConstantPad1d",
        (np.arange(4).reshape(2, 2),),
        lambda state, x: np.pad(x, [(0, 0), (0, 1)], constant_values=7),
        {"padding": (0, 1), "value": 7},
        smooth=False,
    ),
}
