"""The printed form of a tensor: numbers, brackets, line breaks and suffixes.

The text is torch's to the character. It is made in three steps:

1. a tensor above ``threshold`` elements is cut down to the edges of its axes;
2. one number format is chosen for all the elements left (``_choose_format``);
3. the elements are laid out in nested brackets, then the suffixes follow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Profile = Literal["default", "short", "full"]


@dataclass
class PrintOptions:
    """What the printed form of a tensor depends on besides its values.

    Attributes:
        precision: digits after the decimal point.
        threshold: largest number of elements that is printed in full.
        edgeitems: elements kept at each end of an axis in a summary.
        linewidth: columns after which rows and suffixes are wrapped.
        sci_mode: scientific notation always (True), never (False) or when the
            values call for it (None).
    """

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


options = PrintOptions()

_PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: Profile | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print.

    Arguments left at ``None`` keep their present value, except ``sci_mode``, for
    which ``None`` means that the values decide.

    Args:
        precision: digits after the decimal point.
        threshold: largest number of elements that is printed in full.
        edgeitems: elements kept at each end of an axis in a summary.
        linewidth: columns after which rows and suffixes are wrapped.
        profile: ``"default"``, ``"short"`` or ``"full"``, a starting point which
            the other arguments override.
        sci_mode: scientific notation always, never, or by the values.

    Raises:
        ValueError: ``profile`` is none of the three.

    Source: torch's page ``torch.set_printoptions``.

    Example:
        >>> set_printoptions(precision=2)
        >>> print(format_tensor(np.array([0.123, 4.0]), None))
        tensor([0.12, 4.00])
        >>> set_printoptions(profile="default")
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(
                f"set_printoptions: profile must be one of {list(_PROFILES)}, "
                f"got {profile!r}"
            )
        vars(options).update(vars(_PROFILES[profile]))
    chosen = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    vars(options).update({k: v for k, v in chosen.items() if v is not None})
    options.sci_mode = sci_mode


def format_tensor(
    value: np.ndarray,
    dtype_name: str | None,
    suffixes: Sequence[str] = (),
    prefix: str = "tensor(",
) -> str:
    """Return the text ``repr`` gives for a tensor with these values.

    Args:
        value: the elements; float16 and bfloat16 arrays are welcome.
        dtype_name: the dtype as it is to be printed, or ``None`` if it is the
            default floating dtype. int64 and bool are shown for an empty tensor
            only, since otherwise the elements tell.
        suffixes: what follows size and dtype, such as ``"requires_grad=True"``.
        prefix: what opens the text; its length is the indentation.

    Example:
        >>> print(format_tensor(np.array([1.0, 2.5]), "torch.float64"))
        tensor([1.0000, 2.5000], dtype=torch.float64)
        >>> print(format_tensor(np.zeros((0, 3)), None, ["requires_grad=True"]))
        tensor([], size=(0, 3), requires_grad=True)
    """
    text = prefix + _format_values(value, len(prefix))
    facts = _size_and_dtype(value, dtype_name)
    return _append_suffixes(text, [*facts, *suffixes], len(prefix))


def _size_and_dtype(value: np.ndarray, dtype_name: str | None) -> list[str]:
    """What the elements alone do not tell."""
    facts = []
    hides_size = options.edgeitems == 0 if value.size else value.ndim != 1
    if hides_size:
        facts.append(f"size={value.shape}")
    tells_dtype = value.size > 0 and value.dtype in (np.int64, np.bool_)
    if dtype_name is not None and not tells_dtype:
        facts.append(f"dtype={dtype_name}")
    return facts


def _append_suffixes(text: str, suffixes: Sequence[str], indent: int) -> str:
    """Join with commas, breaking the line before a suffix that would not fit."""
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + 2 > options.linewidth:
            text += ",\n" + " " * indent + suffix
            column = indent + len(suffix)
        else:
            text += ", " + suffix
            column += len(suffix) + 2
    return text + ")"


def _format_values(value: np.ndarray, indent: int) -> str:
    """The nested brackets with the elements."""
    if value.size == 0:
        return "[]"
    kept, is_cut = value, (False,) * value.ndim
    if value.size > options.threshold:
        kept, is_cut = _keep_edges(value)
    if kept.dtype.kind == "c":
        kept = kept.astype(np.complex128)
    elif _is_floating(kept):
        kept = kept.astype(np.float64)
    return _brackets(kept, is_cut, indent, _choose_format(kept))


def _keep_edges(value: np.ndarray) -> tuple[np.ndarray, tuple[bool, ...]]:
    """The first and last ``edgeitems`` of each axis, and which axes lost some."""
    edge = options.edgeitems
    is_cut = tuple(size > 2 * edge for size in value.shape)
    for axis, size in enumerate(value.shape):
        if is_cut[axis]:
            ends = [*range(edge), *range(size - edge, size)]
            value = value.take(np.array(ends, dtype=np.intp), axis)
    return value, is_cut


def _brackets(
    value: np.ndarray,
    is_cut: tuple[bool, ...],
    indent: int,
    element: "_Format",
) -> str:
    """One pair of brackets for each index of each axis, the last axis in rows."""
    if value.ndim == 0:
        return element(value.item())
    if value.ndim == 1:
        items = [element(item) for item in value.tolist()]
        rows = _fill_rows(_with_ellipsis(items, is_cut, " ..."), indent, element.width)
        return f"[{rows}]"
    items = [_brackets(part, is_cut[1:], indent + 1, element) for part in value]
    separator = "," + "\n" * (value.ndim - 1) + " " * (indent + 1)
    return f"[{separator.join(_with_ellipsis(items, is_cut, '...'))}]"


def _with_ellipsis(items: list[str], is_cut: tuple[bool, ...], dots: str) -> list[str]:
    """Mark the place where elements of the first axis were left out."""
    if not is_cut[0]:
        return items
    middle = len(items) // 2
    return [*items[:middle], dots if items else "...", *items[middle:]]


def _fill_rows(items: list[str], indent: int, width: int) -> str:
    """As many elements to a row as fit, each with its comma and space."""
    per_row = max(1, math.floor((options.linewidth - indent) / (width + 2)))
    rows = [items[i : i + per_row] for i in range(0, len(items), per_row)]
    return (",\n" + " " * (indent + 1)).join(", ".join(row) for row in rows)


@dataclass(frozen=True)
class _ElementFormat:
    """How each element prints: a format spec, a common width, a closing point."""

    spec: str
    width: int = 1
    closing_point: bool = False

    def __call__(self, element: float) -> str:
        return self.unpadded(element).rjust(self.width)

    def unpadded(self, element: float) -> str:
        """The digits; a whole float ends in a point, which nan and inf do not."""
        digits = format(element, self.spec)
        return f"{digits}." if self.closing_point and math.isfinite(element) else digits

    def widened(self, elements: np.ndarray) -> "_ElementFormat":
        """The same format, wide enough for every one of these elements."""
        width = max((len(self.unpadded(e)) for e in elements.tolist()), default=1)
        return _ElementFormat(self.spec, width, self.closing_point)


@dataclass(frozen=True)
class _ComplexFormat:
    """How complex elements print: each part by a format of its own."""

    real: _ElementFormat
    imag: _ElementFormat

    @property
    def width(self) -> int:
        """Of both parts and the letter j."""
        return self.real.width + self.imag.width + 1

    def __call__(self, element: complex) -> str:
        imag = self.imag(element.imag).lstrip() + "j"
        return self.real(element.real) + ("" if imag[0] in "+-" else "+") + imag


_Format = _ElementFormat | _ComplexFormat


def _choose_format(value: np.ndarray) -> _Format:
    """The format of real numbers, or of both parts of complex ones."""
    if value.dtype.kind == "c":
        return _ComplexFormat(_real_format(value.real), _real_format(value.imag))
    return _real_format(value)


def _real_format(value: np.ndarray) -> _ElementFormat:
    """Whole numbers, fixed point or scientific, after the range of the values.

    Zeros, infinities and nans have no say; a column of nans can thus be ragged.
    """
    if value.dtype != np.float64:
        return _ElementFormat("").widened(value.ravel())
    decisive = value[np.isfinite(value) & (value != 0)]
    whole = _ElementFormat(".0f", closing_point=True)
    if decisive.size == 0:
        return whole
    if _wants_exponent(decisive):
        return _ElementFormat(f".{options.precision}e").widened(decisive)
    if np.all(decisive == np.ceil(decisive)):
        return whole.widened(decisive)
    return _ElementFormat(f".{options.precision}f").widened(decisive)


def _wants_exponent(decisive: np.ndarray) -> bool:
    """Scientific when fixed point would be too long or lose the small values."""
    if options.sci_mode is not None:
        return options.sci_mode
    magnitude = np.abs(decisive)
    low, high = float(magnitude.min()), float(magnitude.max())
    return high / low > 1000 or high > 1e8 or low < 1e-4


def _is_floating(value: np.ndarray) -> bool:
    """NumPy counts bfloat16 (ml_dtypes) as a void type, hence the second test."""
    return value.dtype.kind == "f" or value.dtype.name == "bfloat16"
