"""Numbers of 8 bits with a scale and a zero point, and products of them.

Products are computed in float64, where sums of products of 8 bits are exact.

Source: github.com/onnx/onnx, "Operators".
"""

from __future__ import annotations

import flambeau as fl

from ...tensor import Tensor
from .call import Call, operator
from .narrow import narrow, narrowed, saturated
from .types import dtype_of
from .windows import conv

__all__: list[str] = []


def _along(values: Tensor, x: Tensor, call: Call) -> Tensor:
    """Scales or zero points of the whole, of an axis or of blocks, beside `x`."""
    axis = call.get("axis", 1)
    block = call.get("block_size", 0)
    if block and values.ndim == x.ndim:
        wide = values.repeat_interleave(block, axis)
        return wide.narrow(axis, 0, x.shape[axis])
    if values.numel() == 1:
        return values.reshape(())
    return _lined(values, x.ndim, axis)


def _lined(values: Tensor, ndim: int, axis: int) -> Tensor:
    shape = [1] * ndim
    shape[axis] = -1
    return values.reshape(shape)


def _saturated(x: Tensor, kind: fl.dtype) -> Tensor:
    """Round to the nearest integer that the dtype has, halves to even ones."""
    limits = fl.iinfo(kind)
    return fl.clamp(fl.round(x), limits.min, limits.max).to(kind)


@operator("QuantizeLinear")
def quantize(call: Call) -> Tensor:
    """Return round(x / scale) + zero point, within the dtype's bounds."""
    x, zero, told = call[0], call.optional(2), call.get("output_dtype", 0)
    found, kind = x / _along(call[1], x, call).to(x.dtype), narrow(told)
    if kind is None or kind.held is not fl.float32:
        found = fl.round(found)
    found = found.double()
    if zero is not None:
        found = found + _along(zero, x, call)
    if kind is None:
        own = fl.uint8 if zero is None else zero.dtype
        return _saturated(found, dtype_of(told) if told else own)
    if kind.held is fl.float32:
        return narrowed(found, kind, bool(call.get("saturate", 1)))
    return saturated(found, kind)


@operator("DequantizeLinear")
def dequantize(call: Call) -> Tensor:
    """Return (x - zero point) * scale."""
    x, scale, zero = call[0], call[1], call.optional(2)
    found = x.to(fl.float32)
    if zero is not None:
        found = found - _along(zero, x, call).to(fl.float32)
    return (found * _along(scale, x, call)).to(scale.dtype)


@operator("DynamicQuantizeLinear")
def dynamic_quantize(call: Call) -> tuple[Tensor, Tensor, Tensor]:
    """Quantize to uint8 by the range of the elements, which 0 belongs to."""
    x = call[0]
    nothing = fl.zeros((), dtype=x.dtype)
    least, most = fl.minimum(x.min(), nothing), fl.maximum(x.max(), nothing)
    scale = (most - least) / 255
    zero = _saturated(-least / scale, fl.uint8)
    return _saturated(fl.round(x / scale) + zero, fl.uint8), scale, zero


def _from_zero(call: Call, at: int, zero_at: int, axis: int) -> Tensor:
    x, zero = call[at].double(), call.optional(zero_at)
    if zero is None:
        return x
    return x - (
        zero if zero.numel() == 1 or zero.ndim > 1 else _lined(zero, x.ndim, axis)
    )


@operator("MatMulInteger")
def matmul_integer(call: Call) -> Tensor:
    """Multiply matrices of 8-bit integers."""
    a, b = _from_zero(call, 0, 2, -2), _from_zero(call, 1, 3, -1)
    return (a @ b).to(fl.int32)


@operator("ConvInteger")
def conv_integer(call: Call) -> Tensor:
    """Convolve 8-bit integers."""
    x, w = _from_zero(call, 0, 2, 1), _from_zero(call, 1, 3, 0)
    return conv(Call("Conv", [x, w], call.attributes, call.opset)).to(fl.int32)


def _rescaled(call: Call, found: Tensor, scale: Tensor, at: int) -> Tensor:
    """Quantize a product, whose scale and zero point are the inputs from `at` on."""
    zero = call[at + 1]
    return _saturated(fl.round(found * (scale / call[at].double())) + zero, zero.dtype)


@operator("QLinearMatMul")
def qlinear_matmul(call: Call) -> Tensor:
    """Multiply quantized matrices, and quantize the product."""
    a, b = _from_zero(call, 0, 2, -2), _from_zero(call, 3, 5, -1)
    scale = _row_scale(call[1].double()) * call[4].double()
    return _rescaled(call, a @ b, scale, 6)


def _row_scale(scale: Tensor) -> Tensor:
    return scale.unsqueeze(-1) if scale.ndim == 1 and scale.numel() > 1 else scale


@operator("QLinearConv")
def qlinear_conv(call: Call) -> Tensor:
    """Convolve quantized images, and quantize the result."""
    x, w, bias = _from_zero(call, 0, 2, 1), _from_zero(call, 3, 5, 0), call.optional(8)
    found = conv(Call("Conv", [x, w], call.attributes, call.opset))
    if bias is not None:
        found = found + _lined(bias.double(), found.ndim, 1)
    scale = call[1].double() * _along(call[4].double(), found, Call("", [], {}, 0))
    return _rescaled(call, found, scale, 6)
