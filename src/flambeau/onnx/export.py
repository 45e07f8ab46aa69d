"""Writing a model as an ONNX file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..graph import Node
from ..nn import Module
from ..tensor import Tensor
from .exporter import Exporter
from .files import write_model
from .library import onnx
from .rules import RULES, WHOLE
from .rules.whole import is_whole
from .trace import Trace, trace
from .writer import element_type

__all__ = ["export"]


def export(
    model: Callable[..., Any],
    inputs: Tensor | Sequence[Tensor],
    path: str | os.PathLike[str],
    dynamic_batch: bool = True,
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    fold_batch_norm: bool = False,
) -> None:
    """Write what a model computes, and its parameters, to an ONNX file (opset 18).

    The model is recorded once in evaluation mode on inputs like those given; nothing
    is computed. Constants have the names of parameters and nodes those of modules. The
    file is checked, and is complete or not there; more than 2 GiB of weights lie beside
    it, in `path`.data.

    Args:
        model: a module, or a function of tensors.
        inputs: an input or several; only shapes and dtypes count.
        path: the file.
        dynamic_batch: dimension 0 of every input may have any size in the file.
        input_names: names of the inputs; "input" or "input_0", "input_1" ... if None.
        output_names: names of the outputs; "output" or "output_0", ... if None.
        fold_batch_norm: put batch norm into the weights of the convolution before it.

    Raises:
        ImportError: the onnx package is not installed.
        NotImplementedError: an operation has no form in ONNX here; names it.
        RuntimeError: the model looks at values that depend on its inputs, or what it
            computes depends on the batch in a way that the file cannot say.
        ValueError: the number of names is not that of the inputs or outputs.

    Source: torch's page "torch.onnx", whose function has this name.

    Example:
        >>> import flambeau as torch, onnx, tempfile
        >>> from flambeau import nn
        >>> path = tempfile.mkdtemp() + "/net.onnx"
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        >>> torch.onnx.export(net, torch.zeros(1, 3, 8, 8), path)
        >>> [node.op_type for node in onnx.load(path).graph.node]
        ['Conv', 'Relu']
    """
    onnx()
    tensors = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    _check_inputs(tensors, dynamic_batch)
    with _evaluating(model):
        first, second = _traces(model, tensors, dynamic_batch)
        _write(
            Exporter(first, second, RULES, WHOLE, fold_batch_norm),
            first,
            path,
            _names("input_names", input_names, _numbered("input", len(tensors))),
            _names("output_names", output_names, list(first.outputs)),
            dynamic_batch,
        )


def _check_inputs(tensors: list[Tensor], dynamic_batch: bool) -> None:
    if not tensors:
        raise ValueError("onnx.export: inputs is empty; give at least one tensor")
    for at, each in enumerate(tensors):
        if not isinstance(each, Tensor):
            raise TypeError(
                f"onnx.export: inputs[{at}] must be a Tensor, not {type(each).__name__}"
            )
        if dynamic_batch and not each.ndim:
            raise ValueError(
                f"onnx.export: inputs[{at}] has no dimensions, so no batch; export "
                "with dynamic_batch=False"
            )


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Put a module, and all in it, into evaluation mode for a while."""
    modules = list(model.modules()) if isinstance(model, Module) else []
    modes = [each.training for each in modules]
    try:
        for each in modules:
            each.training = False
        yield
    finally:
        for each, mode in zip(modules, modes):
            each.training = mode


def _traces(
    model: Callable[..., Any], tensors: list[Tensor], dynamic_batch: bool
) -> tuple[Trace, Trace | None]:
    if not dynamic_batch:
        return trace(model, tensors, is_whole), None
    # primes that no layer has as a size, so that what follows the batch shows
    return tuple(  # type: ignore[return-value]
        trace(model, [_with_batch(each, size) for each in tensors], is_whole)
        for size in (101, 103)
    )


def _with_batch(x: Tensor, size: int) -> Tensor:
    return x.new_zeros(()).expand(size, *x.shape[1:])


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}_{at}" for at in range(count)]


def _names(argument: str, given: Sequence[str] | None, default: list[str]) -> list[str]:
    if given is None:
        return default
    if len(given) != len(default):
        raise ValueError(
            f"onnx.export: {argument} has {len(given)} names, but there are "
            f"{len(default)}; give one for each"
        )
    return list(given)


def _write(
    exporter: Exporter,
    run: Trace,
    path: str | os.PathLike[str],
    input_names: list[str],
    output_names: list[str],
    dynamic_batch: bool,
) -> None:
    writer = exporter.writer
    for each in output_names:
        writer.name(each)
    values = exporter.run(input_names)
    writer.scope = ""
    for name, value in zip(output_names, values, strict=True):
        # an output that is an input, a constant or another output needs a node
        if value in output_names or not writer.rename(value, name):
            writer.add_named("Identity", value, name)
    inputs = _descriptions(input_names, run.inputs, dynamic_batch)
    outputs = _descriptions(output_names, list(run.outputs.values()), dynamic_batch)
    model = writer.model("flambeau", inputs, outputs)
    write_model(model, path)


def _descriptions(names: list[str], nodes: list[Node], dynamic: bool) -> list[Any]:
    """What the file says of inputs or outputs: name, dtype and shape."""
    describe = onnx().helper.make_tensor_value_info
    return [
        describe(
            name,
            element_type(node.dtype),
            ["batch", *node.shape[1:]] if dynamic and node.ndim else list(node.shape),
        )
        for name, node in zip(names, nodes, strict=True)
    ]
