"""Views, joining, splitting and rearranging beside live torch."""

from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parity.both import Case, check, check_error, names
from parity.expressions import cases, check_layout, check_program, errors

import flambeau
import flambeau.nn.functional

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 3, 4))
SQUARE = rng.normal(size=(3, 3))
LINE = rng.normal(size=5)
ONES = rng.normal(size=(1, 3, 1))
ZERO_D = np.array(1.5)
EMPTY = np.zeros((2, 0, 3))
WHOLE = rng.integers(-9, 9, (2, 3))

VIEWS = [
    *cases(
        [
            "x.view(6, 4)",
            "x.view(-1)",
            "x.view((2, -1))",
            "x.view(2, 3, 2, 2)",
            "x.view(1, 2, 1, 3, 4, 1)",
            "x.permute(2, 0, 1).view(4, 2, 3, 1)",
            "x.permute(2, 0, 1).view(4, 6)",
            "x[:, :, ::2].view(6, 2)",
            "x.reshape(4, 6)",
            "x.transpose(0, 2).reshape(3, 8)",
            "torch.reshape(x, (24,))",
            "x.view_as(x.reshape(24))",
            "x.reshape_as(x.reshape(24))",
            "x.flatten()",
            "x.flatten(1)",
            "x.flatten(0, 1)",
            "x.flatten(-2)",
            "x.transpose(0, 1).flatten(1)",
            "x.ravel()",
            "x.mT.ravel()",
            "x.unflatten(2, (2, -1))",
            "torch.unflatten(x, -1, (-1, 2, 1))",
            "x.unsqueeze(0)",
            "x.unsqueeze(-1)",
            "x.permute(2, 0, 1).unsqueeze(1)",
            "x.expand(5, 2, 3, 4)",
            "x.expand(1, -1, 3, -1)",
            "x.broadcast_to((2, 2, 3, 4))",
            "torch.broadcast_tensors(x, x[0, 0])",
            "x.permute(2, 0, 1)",
            "x.permute((-1, 0, 1))",
            "x.permute(dims=(1, 0, 2))",
            "x.view(size=(4, 6))",
            "torch.permute(x, (1, 2, 0))",
            "x.permute(0, 1, 2)",
            "x.transpose(0, -1)",
            "x.swapaxes(0, 1)",
            "torch.swapdims(x, 1, 2)",
            "x.T",
            "x.mT",
            "x.mH",
            "x.adjoint()",
            "x.movedim(0, -1)",
            "torch.movedim(x, (0, 1), (2, 0))",
            "x.moveaxis((0, 2), (1, 0))",
            "x.narrow(1, 1, 2)",
            "x.narrow(-1, -3, 2)",
            "x.narrow(0, 2, 0)",
            "x.select(1, 2)",
            "torch.select(x, -1, -4)",
            "x.unbind()",
            "x.unbind(2)",
            "x.unfold(2, 2, 1)",
            "x.unfold(1, 3, 2)",
            "x.unfold(-1, 3, 2)",
            "x.unfold(0, 0, 1)",
            "x.as_strided((2, 2), (1, 3))",
            "x.as_strided((3, 3), (1, 1), 2)",
            "x[1].as_strided((2, 2), (1, 2))",
            "x.transpose(0, 2).as_strided((4,), (5,))",
            "x.diagonal()",
            "x.diagonal(1, 1, 2)",
            "x.diagonal(-1, 0, -1)",
            "x.diagonal(9)",
            "x.split(2, 1)",
            "x.split([1, 3], dim=2)",
            "torch.split(x, 3, 2)",
            "x.split_with_sizes((1, 0, 2), 1)",
            "x.chunk(3, -1)",
            "x.chunk(9)",
            "x.tensor_split(3, 2)",
            "x.tensor_split((1, 2), 2)",
            "torch.tensor_split(x, t([1, -1]), 2)",
            "x.tensor_split((3, 1), 2)",
            "torch.tensor_split(x, indices=(1, 2), dim=1)",
            "x.hsplit(sections=1)",
            "x.hsplit(3)",
            "x.vsplit((1,))",
            "x.dsplit(2)",
            "torch.atleast_1d(x)",
            "x.detach()",
        ],
        X,
    ),
    *cases(
        [
            "x.squeeze()",
            "x.squeeze(0)",
            "x.squeeze(1)",
            "x.squeeze((0, -1))",
            "x.mT.squeeze(2)",
            "x.expand(2, -1, 4)",
            "x.expand_as(torch.zeros(4, 3, 2))",
            "x.expand(1, 1, 3, 2)",
            "torch.squeeze(x, dim=2)",
        ],
        ONES,
    ),
    *cases(
        [
            "x.unsqueeze(0)",
            "x.unsqueeze(-1)",
            "x.squeeze()",
            "x.squeeze(0)",
            "x.view(())",
            "x.view(1, 1)",
            "x.reshape(-1)",
            "x.flatten()",
            "x.flatten(0, -1)",
            "x.expand(2, 3)",
            "x.transpose(0, -1)",
            "x.permute(())",
            "x.t()",
            "x.mT",
            "x.T",
            "x.H",
            "x.movedim(0, 0)",
            "x.unfold(0, 1, 1)",
            "torch.atleast_2d(x)",
            "torch.atleast_3d(x, x.view(1))",
        ],
        ZERO_D,
    ),
    *cases(
        [
            "x.view(0, 6)",
            "x.view(3, -1, 2)",
            "x.permute(1, 0, 2)",
            "x.flatten(1)",
            "x.transpose(0, 1)",
            "x.expand(4, 2, 0, 3)",
            "x.narrow(0, 1, 1)",
            "x.split(1, 1)",
            "x.split(0, 1)",
            "x.chunk(2, 1)",
            "x.unbind(2)",
            "x.unsqueeze(2)",
            "x.diagonal()",
            "x.select(0, 1)",
        ],
        EMPTY,
    ),
    *cases(["x.t()", "x.T", "x.H", "x.mT", "x.view(2, 3)", "x[0]"], WHOLE),
    *cases(["torch.atleast_2d([x, x[0]])", "torch.atleast_3d(x)", "x.t()"], LINE),
]
COPIES = [
    *cases(
        [
            "torch.cat([x, x], 1)",
            "torch.cat((x, x * 2, x[:, :, :1]), -1)",
            "torch.cat([x, torch.zeros(0)])",
            "torch.cat([x, x.int()], dim=0)",
            "torch.concat([x, x], axis=2)",
            "torch.concatenate([x])",
            "torch.stack([x, -x])",
            "torch.stack((x, x), dim=-1)",
            "torch.stack([x, x.half()], 2)",
            "torch.hstack([x, x])",
            "torch.vstack([x, x])",
            "torch.dstack([x, x])",
            "torch.column_stack([x, x])",
            "x.repeat(1, 2, 1)",
            "x.repeat(2, 1, 1, 3)",
            "x.repeat(0, 1, 2)",
            "x.tile(2)",
            "torch.tile(x, (2, 1, 1, 2))",
            "x.repeat_interleave(2)",
            "x.repeat_interleave(2, 1)",
            "x.repeat_interleave(t([1, 0, 2]), dim=1)",
            "x.repeat_interleave(t([2]), dim=-1, output_size=8)",
            "x.flip(0)",
            "x.flip((0, -1))",
            "torch.flip(x, [1])",
            "torch.flip(x, dims=(0, 1))",
            "torch.tile(x, dims=(2,))",
            "torch.reshape(x, shape=(-1,))",
            "x.flip(())",
            "x.fliplr()",
            "x.flipud()",
            "x.roll(1)",
            "x.roll(-5, 2)",
            "x.roll((1, -1), (0, 2))",
            "torch.roll(x, 1, 0)",
            "x.roll((1, 1), (2, 2))",
            "x.rot90()",
            "x.rot90(2, (1, 2))",
            "torch.rot90(x, -1, [0, 2])",
            "x.rot90(4)",
            "x.tril()",
            "x.triu(1)",
            "torch.tril(x, diagonal=-1)",
            "x.diag_embed()",
            "torch.diag_embed(x, 1, 0, 2)",
            "x.diag_embed(-2, -1, 0)",
            "torch.diagonal_scatter(x, x[0, :2].mT, 0)",
            "x.diagflat(1)",
            "torch.nn.functional.pad(x, (1, 2))",
            "torch.nn.functional.pad(x, (1, 2, -1, 0, 0, 1), value=3.0)",
        ],
        X,
    ),
    *cases(
        [
            "torch.nn.functional.pad(x, (1, 2), mode='reflect')",
            "torch.nn.functional.pad(x, (1, 2, 1, 1), 'reflect')",
            "torch.nn.functional.pad(x, (-1, 2), 'reflect')",
            "torch.nn.functional.pad(x, (5, 2), 'replicate')",
            "torch.nn.functional.pad(x, (1, -2, 3, 0), 'replicate')",
            "torch.nn.functional.pad(x, (4, 1), 'circular')",
            "torch.nn.functional.pad(x, (-1, 1, 3, 2), 'circular')",
            "torch.nn.functional.pad(x[None], (1, 1, 2, 2, 1, 0), 'reflect')",
        ],
        X,
        order=1,
    ),
    *cases(
        [
            "x.diag()",
            "torch.diag(x, -1)",
            "x.diag(5)",
            "x.tril(-1)",
            "x.triu(-1)",
            "x.rot90(3)",
            "torch.block_diag(x, x[0], x[0, 0], x[:2])",
        ],
        SQUARE,
    ),
    *cases(
        [
            "x.diag()",
            "x.diag(-2)",
            "x.diagflat()",
            "torch.hstack([x, x])",
            "torch.vstack([x, x])",
            "torch.dstack([x, x])",
            "torch.column_stack([x, x.view(5, 1)])",
            "torch.row_stack([x, x])",
            "x.repeat_interleave(t([1, 0, 2, 0, 3]))",
            "x.roll(7)",
            "torch.meshgrid(x, x[:2], indexing='ij')",
            "torch.meshgrid([x, x[:2], x[:3]], indexing='xy')",
            "torch.cartesian_prod(x, x[:2])",
            "torch.cartesian_prod(x)",
            "torch.combinations(x)",
            "torch.combinations(x, 3, True)",
        ],
        LINE,
    ),
    *cases(["torch.combinations(x, 0)"], WHOLE[0]),
    *cases(
        [
            "torch.stack([x, x])",
            "x.repeat(2)",
            "x.repeat(())",
            "x.tile(3)",
            "x.repeat_interleave(3)",
            "x.flip(0)",
            "x.roll(1)",
            "torch.hstack([x, x])",
            "torch.meshgrid(x, x, indexing='ij')",
            "torch.block_diag(x)",
        ],
        ZERO_D,
    ),
    *cases(
        [
            "torch.cat([x, x], 1)",
            "torch.stack([x, x])",
            "x.repeat(2, 2, 2)",
            "x.flip(0, 1)",
            "x.roll(1, 1)",
            "x.roll(1)",
            "x.tril()",
            "torch.nn.functional.pad(x, (0, 0, 1, 1))",
            "torch.block_diag()",
        ],
        EMPTY,
    ),
    *cases(
        [
            "torch.tril_indices(3, 4)",
            "torch.triu_indices(3, 4, 1)",
            "torch.tril_indices(3, 4, -1, dtype=torch.int32)",
            "torch.repeat_interleave(t([1, 0, 3]))",
            "x.tril()",
            "x.diag_embed()",
            "torch.nn.functional.pad(x, (1, 1), value=2)",
            "torch.cat([x, x > 0])",
            "torch.cat([x, x.to(torch.uint8), x.to(torch.int8)])",
        ],
        WHOLE,
    ),
]


@pytest.mark.parametrize("case", VIEWS + COPIES, **names(VIEWS + COPIES))
def test_values_and_gradients(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", VIEWS, **names(VIEWS))
def test_strides(case: Case) -> None:
    check_layout(case)


ERRORS = errors(
    {
        "torch.zeros(2, 3).view(4)": "is invalid for input of size 6",
        "torch.zeros(2, 3).view(-1, -1)": "only one dimension can be inferred",
        "torch.zeros(2, 3).view(-2, 3)": "invalid shape dimension -2",
        "torch.zeros(2, 3).t().view(6)": "Use .reshape(...) instead",
        "torch.zeros(0).view(-1, 0)": "is ambiguous",
        "torch.zeros(2, 3).view()": "view()",
        "torch.zeros(2, 3).view(1.5)": "",
        "torch.zeros(2, 3).reshape(5, -1)": "is invalid for input of size 6",
        "torch.zeros(2, 3).flatten(1, 0)": "start_dim cannot come after end_dim",
        "torch.zeros(2, 3).unflatten(1, (2, -1))": "don't multiply up",
        "torch.zeros(2, 3).unflatten(0, ())": "sizes must be non-empty",
        "torch.zeros(2).squeeze(1)": "Dimension out of range",
        "torch.zeros(2, 2).squeeze((0, 0))": "appears multiple times",
        "torch.zeros(2).unsqueeze(3)": "expected to be in range of [-2, 1]",
        "torch.zeros(2, 3).expand(3)": "must be greater or equal to the number",
        "torch.zeros(2, 3).expand(4, 3)": "must match the existing size (2)",
        "torch.zeros(2).expand(-1, 2)": "isn't allowed in a leading, non-existing",
        "torch.zeros(2, 3).permute(0)": "does not match",
        "torch.zeros(2, 3).permute(0, 0)": "duplicate dims are not allowed",
        "torch.zeros(2, 3).permute(0, 2)": "Dimension out of range",
        "torch.zeros(2, 3).transpose(0, 2)": "Dimension out of range",
        "torch.zeros(2, 3, 1).t()": "expects a tensor with <= 2 dimensions",
        "torch.zeros(2).mT": "only supported on matrices or batches of matrices",
        "torch.zeros(2, 2, 2).H": "only supported on matrices (2-D tensors)",
        "torch.zeros(2, 2).movedim((0, 0), (0, 1))": "repeated dim in `source`",
        "torch.zeros(2, 2).movedim((0,), (0, 1))": "same number of dims",
        "torch.zeros(2).narrow(0, 1, 2)": "exceeds dimension size (2)",
        "torch.zeros(2).narrow(0, 3, 1)": "start out of range",
        "torch.zeros(2).narrow(0, 0, -1)": "length must be non-negative",
        "torch.zeros(()).narrow(0, 0, 1)": "cannot be applied to a 0-dim tensor",
        "torch.zeros(2).select(0, 2)": "index 2 out of range",
        "torch.zeros(()).select(0, 0)": "cannot be applied to a 0-dim tensor",
        "torch.zeros(()).unbind()": "but tensor has no dimensions",
        "torch.zeros(2).unfold(0, 3, 1)": "is 2 but size is 3",
        "torch.zeros(2).unfold(0, 1, 0)": "step is 0 but must be > 0",
        "torch.zeros(2).as_strided((2,), (1, 1))": "mismatch in length of strides",
        "torch.zeros(2).as_strided((2,), (2,))": "storage",
        "torch.zeros(2, 2, requires_grad=True).resize_(3)": "require grad",
        "torch.zeros(2, 2).diagonal(0, 1, 1)": "cannot be identical",
        "torch.zeros(2).diagonal()": "Dimension out of range",
        "torch.cat([])": "expected a non-empty list of",
        "torch.cat([torch.zeros(2), torch.zeros(2, 1)])": "same number of dimensions",
        "torch.cat([torch.zeros(2, 2), torch.zeros(1, 3)])": "except in dimension 0",
        "torch.cat([torch.zeros(())])": "zero-dimensional tensor (at position 0)",
        "torch.cat([torch.zeros(2), 3])": "as element 1",
        "torch.cat(torch.zeros(2))": "",
        "torch.stack([])": "",
        "torch.stack([torch.zeros(2), torch.zeros(1)])": "to be equal size",
        "torch.block_diag(torch.zeros(1, 1, 1))": "2 or fewer dimensions",
        "torch.zeros(2).split(0)": "split_size can only be 0 if dimension size is 0",
        "torch.zeros(2).split(-1)": "be non-negative",
        "torch.zeros(2).split([1, 2])": "to sum exactly to 2",
        "torch.zeros(2).split([3, -1])": "",
        "torch.zeros(()).split(1)": "at least a 1-dimensional tensor",
        "torch.zeros(2).chunk(0)": "to be greater than 0, got: 0",
        "torch.zeros(2).tensor_split(0)": "must be larger than 0, got 0",
        "torch.zeros(()).hsplit(1)": "at least 1 dimension",
        "torch.zeros(2).vsplit(1)": "at least 2 dimension",
        "torch.zeros(2, 3).hsplit(2)": "not divisible by the split_size 2",
        "torch.zeros(2, 2).repeat(2)": "can not be smaller than",
        "torch.zeros(2).repeat(-1)": "negative",
        "torch.zeros(2).repeat_interleave(-1)": "negative",
        "torch.zeros(2).repeat_interleave(t([1, 2, 3]), 0)": "must have the same size",
        "torch.zeros(2).repeat_interleave(t([[1]]), 0)": "0-dim or 1-dim",
        "torch.zeros(2).repeat_interleave(2, 0, output_size=3)": "",
        "torch.zeros(2).flip(0, 0)": "appears multiple times",
        "torch.zeros(2).fliplr()": "Input must be >= 2-d",
        "torch.zeros(()).flipud()": "Input must be >= 1-d",
        "torch.zeros(2).roll(())": "`shifts` required",
        "torch.zeros(2).roll((1, 2), 0)": "shifts and dimensions must align",
        "torch.zeros(()).roll(1, 0)": "but tensor has no dimensions",
        "torch.zeros(2).rot90()": "expected total dims >= 2",
        "torch.zeros(2, 2).rot90(1, (0,))": "expected total rotation dims == 2",
        "torch.zeros(2, 2).rot90(1, (0, -2))": "to be different",
        "torch.zeros(2).tril()": "must have at least 2 dimensions",
        "torch.zeros(2, 2, 2).diag()": "Supports 1D or 2D tensors. Got 3D",
        "torch.zeros(2).diag_embed(0, 1, 1)": "cannot be identical",
        "torch.zeros(2).fill_diagonal_(1)": "must larger than 1",
        "torch.zeros(1, 2, 2).fill_diagonal_(1)": "must be of equal length",
        "torch.diagonal_scatter(torch.zeros(2, 2), torch.zeros(1))": "expected src",
        "torch.meshgrid(t([1]), indexing='zz')": 'must be one of "xy" or "ij"',
        "torch.meshgrid(t([[1]]), indexing='ij')": "Expected 0D or 1D tensor",
        "torch.meshgrid(t([1]), t([1.]), indexing='ij')": "to have the same dtype",
        "torch.cartesian_prod(t([[1]]))": "Expect a 1D vector",
        "torch.combinations(t([[1]]))": "Expect a 1D vector",
        "torch.combinations(t([1]), -1)": "non-negative number",
        "torch.zeros(3, 1).expand(3, 4).add_(1)": "single memory location",
        "torch.nn.functional.pad(torch.zeros(2), (1,))": "must be divisible by 2",
        "torch.nn.functional.pad(torch.zeros(2), (1,) * 4)": "two times the input",
        "torch.nn.functional.pad(torch.zeros(2), (-2, -1))": "",
        "torch.nn.functional.pad(torch.zeros(2, 2), (1, 1), 'odd')": "padding mode",
        "torch.nn.functional.pad(torch.zeros(2), (1, 1), 'reflect')": "not supported",
        "torch.nn.functional.pad(torch.zeros(2, 2), (2, 1), 'reflect')": "less than",
        "torch.nn.functional.pad(torch.zeros(2, 2), (3, 1), 'circular')": "wrapping",
        "torch.nn.functional.pad(torch.zeros(1, 2), (1, 1), 'reflect', 1.)": "value",
    }
)


@pytest.mark.parametrize("error", ERRORS, **names(ERRORS))
def test_errors(error) -> None:
    check_error(error)


PROGRAMS = [
    "y = x.view(-1); y[3] = 9; z = x.t(); z[0].mul_(2)",
    "y = x.reshape(6); y.zero_()",
    "y = x.t().reshape(6); y.zero_()",
    "y = x.t(); y.t_(); y[0] = 5; z = y[1]; y.unsqueeze_(0); z.neg_()",
    "y = x[0]; x.swapaxes_(0, 1); y.add_(1); x.add_(1)",
    "x.resize_as_(torch.zeros(1, 4)); x[0, 0] = 5",
    "y = x.view(6); x.transpose_(0, 1); x[0] = 7; z = x.t(); z.mul_(y.view(2, 3))",
    "y = x[1]; x.unsqueeze_(0); x.squeeze_(); x.mul_(2); y += 1",
    "y = x.diagonal(); y.fill_(3); z = x.diagonal(1); z.copy_(t([1., 2.]))",
    "y = x.expand(2, 2, 3)[1]; y.add_(1)",
    "y = x[:, :1].expand(2, 3)[:, 2]; y.mul_(5)",
    "y = x.unfold(1, 2, 1)[:, 0]; y.zero_()",
    "y = x.as_strided((2, 2), (1, 2)); y.add_(1); z = y.t()[0]; z.zero_()",
    "y = x[1].as_strided((2,), (2,), 0); y.fill_(8)",
    "y = x.split(2, 1); y[0].add_(1); y[1].mul_(3)",
    "y, z = x.unbind(); y.copy_(z); z.zero_()",
    "a, b, c = x.chunk(3, 1); b.copy_(a); c -= b",
    "y = x.movedim(0, 1)[1:].unsqueeze(0).squeeze(0); y[...] = t([[1., 2.], [3., 4.]])",
    "y = x.detach(); y[0] = 1; x[1] = 2",
    "y = x.flatten(); y[0] = 1; z = x.contiguous(); z[0] = 2",
    "y = x.t().contiguous(); y.zero_()",
    "y = x.clone(); y.tril_(); z = x.clone(); z.triu_(1)",
    "x.fill_diagonal_(4); y = x.t(); y.fill_diagonal_(5)",
    "y = torch.zeros(5, 2); y.fill_diagonal_(1, wrap=True)",
    "y = torch.zeros(2, 2, 2); y.fill_diagonal_(1)",
    "y = x[0]; x.resize_(1, 4); x[0, 1] = 9; y[0] = 3",
    "x.resize_(3, 2); x[2] = 1",
    "y = x.T; y[1] = x[:, 0] + 1; x[:, 0] = y[2]",
    "y = x[:, 1:]; z = y[:, 1:]; z += 10; y -= 1; x *= 2",
    "y = x.view(3, 2).t(); z = y.flip(0); y.copy_(z)",
    "y = torch.meshgrid(x[0], x[1], indexing='ij')[0]; x[0] = 1",
    "y = x.narrow(1, 1, 2).view(2, 2, 1); y[0, 0] = 100",
    "y = x.select(1, 1); y.mul_(y); x.sub_(y.clone().view(2, 1))",
    "y = x.swapaxes(0, 1).ravel(); y[0] = 77",
    "y = x[None].expand(1, 2, 3); y.add_(1)",
    "y = x.permute(1, 0)[::2]; y[1] = t(6.)",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_writes_reach_every_alias(program: str) -> None:
    check_program(program, np.arange(6.0).reshape(2, 3))


GRADIENT_PROGRAMS = [
    "y = x * 1; y[0] = y[1] * 2; loss = (y * y).sum()",
    "y = x * 2; z = y.view(-1); z[1:3] = z[:2] + z[3]; loss = (y ** 2).sum()",
    "y = x * 2; y.t_(); y[0].mul_(3); loss = (y ** 3).sum()",
    "y = x * 2; z = y.diagonal(); z.mul_(3); loss = (y ** 2).sum()",
    "y = x * 2; z = y.unfold(1, 2, 1); z[0, 0] = 1; loss = (z ** 2).sum()",
    "y = x + 0; y.expand(3, 2, 3)[1, 0].mul_(x[1]); loss = (y ** 2).sum()",
    "y = x * 1; y[y > 2] = 0; y[y < 2] = y.sum(); loss = (y * y).sum()",
    "y = torch.zeros(2, 3, dtype=x.dtype); y[0] = x[1]; y[1:] = x[0] * 2; "
    "loss = (y * y).sum()",
    "y = x * 1; a, b = y.unbind(); loss = (y * y).sum() + (a * b).sum()",
    "y = x * 1; y.tril_(); y.unsqueeze_(0); loss = (y ** 2).sum()",
    "y = x * 1; y.fill_diagonal_(3); loss = (y ** 2).sum()",
    "y = x * 1; y.as_strided((2,), (2,), 1).mul_(4); loss = (y ** 2).sum()",
    "y = x * 1; y.detach()[0] = 5; loss = (y * x).sum()",
]


@pytest.mark.parametrize("program", GRADIENT_PROGRAMS)
def test_gradients_through_writes(program: str) -> None:
    values = np.arange(1.0, 7).reshape(2, 3)
    grads = []
    for library in (flambeau, torch):
        x = library.tensor(values, requires_grad=True)
        scope = {"torch": library, "x": x}
        exec(program, scope)
        scope["loss"].backward()
        grads.append((scope["loss"].item(), x.grad.numpy()))
    assert grads[0][0] == pytest.approx(grads[1][0], rel=1e-12)
    np.testing.assert_allclose(grads[0][1], grads[1][1], rtol=1e-12)


SIZES = st.integers(0, 4) | st.integers(1, 4)


@st.composite
def view_steps(draw):
    """A shape and expressions that show it in other ways."""
    shape = draw(st.lists(SIZES, min_size=1, max_size=4))
    x = torch.zeros(shape)
    steps = []
    for _ in range(draw(st.integers(1, 5))):
        step = draw(one_step(x))
        try:
            x = eval(step, {"x": x})
        except RuntimeError:  # a view that no strides can express
            continue
        steps.append(step)
    return shape, steps


@st.composite
def one_step(draw, x):
    ndim = x.ndim
    dim = draw(st.integers(-ndim, ndim - 1)) if ndim else 0
    size = x.shape[dim] if ndim else 0
    choices = [f"x.unsqueeze({draw(st.integers(-ndim - 1, ndim))})", "x.squeeze()"]
    if ndim:
        order = draw(st.permutations(range(ndim)))
        choices += [f"x.permute{(*order,)}" if ndim > 1 else "x.permute(0)"]
        choices += [f"x.transpose({dim}, {order[0]})", f"x.flatten({min(dim, 0)})"]
        start = draw(st.integers(0, size))
        step = draw(st.integers(1, 3))
        choices += [f"x.narrow({dim}, {start}, {draw(st.integers(0, size - start))})"]
        choices += [f"x[..., {draw(st.integers(-5, 5))}::{step}]", "x.view(-1)"]
        choices += [f"x.unfold({dim}, {draw(st.integers(0, size))}, {step})"]
    if size:
        choices += [f"x.select({dim}, {draw(st.integers(-size, size - 1))})"]
        choices += [f"x.split({step}, {dim})[-1]"]
    if ndim > 1:
        choices += [f"x.diagonal({draw(st.integers(-2, 2))})", "x.flatten(-2)"]
    if x.numel():
        choices += ["x.expand(2, *x.shape)", "x.unsqueeze(-1).expand(*x.shape, 2)"]
    return draw(st.sampled_from(choices))


@settings(max_examples=300, deadline=None)
@given(view_steps())
def test_random_chains_of_views_have_torchs_strides(chain) -> None:
    shape, steps = chain
    shown = []
    for library in (flambeau, torch):
        x = library.arange(float(prod(shape))).reshape(shape)
        for step in steps:
            x = eval(step, {"x": x})
        shown.append((x.stride(), x.storage_offset(), x.tolist()))
    assert shown[0] == shown[1]
