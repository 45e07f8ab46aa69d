"""What of torch is out of scope, why, and what to do instead: one list.

It answers where a program uses such a name, and docs/coverage.md is made from it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

__all__ = ["OUT_OF_SCOPE", "PAGE", "absence", "reason_against"]

# The page that lists what there is.
PAGE = "docs/coverage.md"

# Why a name is out of scope: patterns of names, without the "torch." before them.
OUT_OF_SCOPE: dict[str, tuple[str, ...]] = {
    "there is one device, the CPU; `torch.cuda.is_available()` is False": (
        "Tensor.cuda",
        "Tensor.xpu",
        "Tensor.ipu",
        "Tensor.mtia",
        "Tensor.is_ipu",
        "Tensor.is_mtia",
        "Tensor.is_maia",
        "Tensor.is_vulkan",
        "Tensor.is_xla",
        "Tensor.record_stream",
    ),
    "sparse tensors; leave the conversion out, and compute with dense ones": (
        "Tensor.*sparse*",
        "Tensor.*coalesce*",
        "Tensor.*indices",
        "Tensor.values",
        "Tensor.*mkldnn*",
        "Tensor.smm",
        "Tensor.sspaddmm",
        "torch.sparse_*",
        "torch.*indices_copy",
        "torch.values_copy",
        "torch.hspmm",
        "torch.smm",
        "torch.sspaddmm",
    ),
    "quantization; compute with bfloat16 for less memory": (
        "Tensor.q_*",
        "Tensor.qscheme",
        "Tensor.int_repr",
        "Tensor.dequantize",
        "torch.dequantize",
        "torch.fake_quantize_*",
        "torch.quantize*",
    ),
    "complex numbers of 16-bit floats; use complex64": ("Tensor.chalf",),
    "named dimensions, and dimensions that are objects; use numbers": (
        "Tensor.name",
        "Tensor.index",
    ),
    "nested tensors; pad the sequences": ("Tensor.to_padded_tensor",),
    "8-bit floating point; use bfloat16": ("nn.functional.scaled_*",),
    "torch has removed what they did: they only say so": (
        "Tensor.eig",
        "Tensor.lstsq",
        "Tensor.solve",
        "Tensor.symeig",
        "Tensor.volatile",
    ),
    "TorchScript; call the functions from Python": (
        "torch.fork",
        "torch.wait",
        "torch.import_ir_module*",
        "torch.merge_type_from_type_comment",
        "torch.parse_*",
        "torch.unify_type_list",
    ),
    "sizes and branches for tracing; use Python's numbers, `if` and `while`": (
        "torch.sym_*",
        "torch.cond",
        "torch.while_loop",
    ),
    "eigenvectors by iteration; `linalg.eigh` computes all of them": ("torch.lobpcg",),
    "reductions of segments; use `scatter_reduce`": ("torch.segment_reduce",),
    "tracing by other compilers, and the inside of torch's own": (
        "Tensor.as_subclass",
        "Tensor.module_load",
        "Tensor.reinforce",
        "Tensor.storage*",
        "Tensor.untyped_storage",
        "Tensor.set_",
        "Tensor.grad_dtype",
        "Tensor.hash_tensor",
        "Tensor.slice_inverse",
        "Tensor.output_nr",
        "func.functionalize",
        "func.debug_unwrap",
        "optim.swap_in_optimizer_params_and_state",
        "nn.functional.assert_int_or_pair",
        "nn.functional.conv_tbc",
        "torch.compiled_with_cxx11_abi",
        "torch.conv_tbc",
        "torch.from_file",
        "torch.get_device_module",
        "torch.hash_tensor",
        "torch.init_num_threads",
        "torch.is_storage",
        "torch.native_channel_shuffle",
        "torch.thread_safe_generator",
    ),
}

# The same of names that docs/coverage.md does not list.
_UNLISTED: dict[str, tuple[str, ...]] = {
    "quantization; compute with bfloat16 for less memory": (
        "torch.q*int*",
        "nn.quantized",
        "nn.qat",
        "nn.quantizable",
        "nn.intrinsic",
    ),
    "several processes; `distributed.is_available()` is False": (
        "distributed.*",
        "nn.parallel.*",
    ),
    "nested tensors; pad the sequences": ("torch.nested",),
}


def reason_against(owner: str, name: str) -> str | None:
    """Return why a name of torch is out of scope, if it is.

    Args:
        owner: the module or class without "torch." before it; "torch" for torch itself.
        name: the name in it.

    Example:
        >>> reason_against("Tensor", "to_sparse")
        'sparse tensors; leave the conversion out, and compute with dense ones'
    """
    whole = f"{owner}.{name}"
    for reasons in (OUT_OF_SCOPE, _UNLISTED):
        for reason, patterns in reasons.items():
            if any(fnmatchcase(whole, pattern) for pattern in patterns):
                return reason
    return None


def absence(owner: str, name: str) -> str:
    """Return what to add to the message about a name that is not there.

    Example:
        >>> absence("torch", "no_such")
        ': docs/coverage.md tells what there is'
    """
    reason = reason_against(owner, name)
    why = "" if reason is None else f" (out of scope: {reason})"
    return f": {PAGE} tells what there is{why}"
