"""Complex numbers: parts, arithmetic, gradients, transforms, and what they refuse."""

import numpy as np
import pytest

import flambeau
from flambeau.autograd import grad

Z = np.array([[1 + 2j, -3.5j, 0.25], [2 - 1j, -1 + 0.5j, 3 + 3j]])


def weighted(value):
    """A real number that depends on every part of the result."""
    if not value.is_complex():
        weights = np.arange(1.0, value.numel() + 1).reshape(tuple(value.shape))
        return (value * flambeau.tensor(weights)).sum()
    parts = flambeau.view_as_real(value)
    weights = np.arange(1.0, parts.numel() + 1).reshape(tuple(parts.shape))
    return (parts * flambeau.tensor(weights)).sum()


def measured_slope(function, array, step=1e-6):
    """The gradient by differences along both axes of each number."""
    found = np.zeros(array.shape, complex)
    for place in np.ndindex(array.shape):
        for way in (1, 1j):
            ends = []
            for sign in (1, -1):
                moved = array.astype(complex)
                moved[place] += sign * step * way
                ends.append(weighted(function(flambeau.tensor(moved))).item())
            found[place] += way * (ends[0] - ends[1]) / (2 * step)
    return found


FUNCTIONS = {
    "mul": lambda z: z * (z + 2j),
    "div": lambda z: (1 + 1j) / (z + 4),
    "power": lambda z: (z + 4) ** (0.5 + 1j),
    "square": lambda z: z**2,
    "exp": lambda z: flambeau.exp(z),
    "log": lambda z: flambeau.log(z + 4),
    "sqrt": lambda z: flambeau.sqrt(z + 4),
    "tanh": lambda z: flambeau.tanh(z / 3),
    "acosh": lambda z: flambeau.acosh(z + 4 + 1j),
    "abs": lambda z: abs(z + 4),
    "angle": lambda z: flambeau.angle(z + 5),
    "sgn": lambda z: flambeau.sgn(z + 4),
    "conj": lambda z: z.conj() * z,
    "real": lambda z: z.real * z.imag,
    "matmul": lambda z: z @ z.mH,
    "einsum": lambda z: flambeau.einsum("ij,kj->ik", z, z.conj()),
    "gather": lambda z: z[:, [0, 0, 2]] * z.T.flatten()[1],
    "cumprod": lambda z: flambeau.cumprod(z + 1, 1),
    "mean": lambda z: (z - z.mean()).var(),
    "inverse": lambda z: flambeau.linalg.inv(z[:, :2] + 4 * flambeau.eye(2)),
    "fft": lambda z: flambeau.fft.fft(z, 5),
    "ifft2": lambda z: flambeau.fft.ifft2(z, norm="ortho"),
    "rfft": lambda z: flambeau.fft.rfft(z.real * z.imag),
    "irfft": lambda z: flambeau.fft.irfft(z, 5),
    "irfftn": lambda z: flambeau.fft.irfftn(z),
    "hfft": lambda z: flambeau.fft.hfft(z, norm="forward"),
    "ihfft": lambda z: flambeau.fft.ihfft(abs(z + 4)),
    "eigenvalues": lambda z: flambeau.linalg.eigvals(z @ z.T),
    "eigenvectors": lambda z: abs(flambeau.linalg.eig(z @ z.T).eigenvectors),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_those_of_differences(name):
    z = flambeau.tensor(Z, requires_grad=True)
    (slope,) = grad(weighted(FUNCTIONS[name](z)), z)
    assert slope.dtype is flambeau.complex128
    expected = measured_slope(FUNCTIONS[name], Z)
    np.testing.assert_allclose(slope.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_the_parts_are_views():
    pairs = flambeau.tensor([[1.0, 2.0], [3.0, 4.0]])
    z = flambeau.view_as_complex(pairs)
    z.imag.mul_(10)
    z[0] = 7
    assert pairs.tolist() == [[7.0, 0.0], [3.0, 40.0]]
    assert z.tolist() == [7 + 0j, 3 + 40j]
    pairs[1, 0] = -1
    assert z.real.tolist() == [7.0, -1.0]


def test_a_real_number_keeps_a_real_gradient():
    x = flambeau.tensor([1.0, 2.0], requires_grad=True)
    z = x * flambeau.tensor([1j, 2 - 1j])
    (slope,) = grad((z.abs() ** 2).sum(), x)
    assert slope.dtype is flambeau.float32
    assert slope.tolist() == [2.0, 20.0]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("float32", "complex64", "complex64"),
        ("float64", "complex64", "complex128"),
        ("int64", "complex64", "complex64"),
        ("bfloat16", "complex64", "complex64"),
        ("bool", "complex128", "complex128"),
    ],
)
def test_dtypes_are_promoted(first, second, expected):
    a = flambeau.ones(2, dtype=getattr(flambeau, first))
    b = flambeau.ones(2, dtype=getattr(flambeau, second))
    wanted = getattr(flambeau, expected)
    assert flambeau.promote_types(a.dtype, b.dtype) is wanted
    assert (a + b).dtype is (b * a).dtype is wanted


def test_numbers_raise_the_category_and_keep_the_width():
    assert (flambeau.ones(1, dtype=flambeau.float64) + 1j).dtype is flambeau.complex128
    assert (flambeau.ones(1, dtype=flambeau.int32) * 1j).dtype is flambeau.complex64
    with pytest.raises(TypeError, match="complex32 is out of scope"):
        flambeau.ones(1, dtype=flambeau.float16) * 1j


def test_they_are_printed_part_by_part():
    z = flambeau.tensor([1 + 2j, -3.5j])
    assert repr(z) == "tensor([1.+2.0000j, -0.-3.5000j])"
    assert "dtype=torch.complex128" in repr(z.to(flambeau.complex128))


def test_large_graphs_go_through_the_compiler():
    """Complex steps are NumPy's in the middle of a plan of kernels."""
    x = flambeau.ones(512, 1024) * 3
    spectrum = flambeau.fft.rfft(x.relu() + 1)
    power = (spectrum.abs() ** 2).mean(0).sqrt()
    expected = np.abs(np.fft.rfft(np.full((512, 1024), 4.0)))
    expected = np.sqrt((expected**2).mean(0))
    np.testing.assert_allclose(power.numpy(), expected, rtol=1e-5, atol=1e-3)


def test_a_replay_computes_them_again():
    step = flambeau.compile(lambda x: flambeau.fft.fft(x).abs() + 1)
    for seed in range(3):
        array = np.random.default_rng(seed).normal(size=(4, 8))
        expected = np.abs(np.fft.fft(array)) + 1
        found = step(flambeau.tensor(array)).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-12)


REAL_ONLY = {
    "relu": flambeau.relu,
    "order": lambda z: z < 1,
    "largest": lambda z: z.max(),
    "sort": flambeau.sort,
    "floor": flambeau.floor,
    "round": flambeau.round,
    "sign": flambeau.sign,
    "softmax": lambda z: flambeau.softmax(z, 0),
    "svd": flambeau.linalg.svd,
    "cholesky": flambeau.linalg.cholesky,
    "convolution": lambda z: flambeau.conv1d(z[None], z[None, :, :2]),
    "loss": lambda z: flambeau.nn.functional.l1_loss(z, z),
}


@pytest.mark.parametrize("name", REAL_ONLY)
def test_what_is_for_real_numbers_refuses_them(name):
    with pytest.raises(NotImplementedError, match="not implemented for 'ComplexFloat'"):
        REAL_ONLY[name](flambeau.ones(2, 3, dtype=flambeau.complex64))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: flambeau.ones(2).imag, "not implemented for tensors with non-complex"),
        (lambda: flambeau.view_as_real(flambeau.ones(2)), "only supported for complex"),
        (lambda: flambeau.view_as_complex(flambeau.ones(3)), "dimension of size 2"),
        (
            lambda: flambeau.tensor([1j], requires_grad=True).sum().backward(),
            "real scalar outputs",
        ),
        (lambda: flambeau.fft.rfft(flambeau.tensor([1j])), "expects a real input"),
        (lambda: flambeau.fft.fft(flambeau.ones(2), 0), "Invalid number of data"),
        (lambda: flambeau.fft.fft(flambeau.ones(2), norm="x"), 'mode: "x"'),
        (lambda: flambeau.fft.fftn(flambeau.ones(2, 2), dim=(0, 0)), "be unique"),
        (lambda: flambeau.stft(flambeau.ones(9), 4), "return_complex"),
        (lambda: flambeau.istft(flambeau.ones(3, 2), 4), "complex-valued input"),
        (lambda: flambeau.tensor([1j], dtype=flambeau.float32), "without overflow"),
        (
            lambda: flambeau.optim.SGD([flambeau.tensor([1j]).requires_grad_()]),
            "does not support complex parameters",
        ),
    ],
)
def test_wrong_calls_say_what_is_wrong(call, message):
    with pytest.raises(RuntimeError, match=message):
        call()


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("size", [16, 12])
def test_the_short_time_transform_is_undone(center, size):
    x = flambeau.tensor(np.random.default_rng(0).normal(size=(2, 64)))
    window = flambeau.hann_window(size, dtype=flambeau.float64) + 0.1
    options = {"win_length": size, "window": window, "center": center}
    spectra = flambeau.stft(x, 16, 4, return_complex=True, **options)
    assert tuple(spectra.shape) == (2, 9, 17 if center else 13)
    if center or size == 16:
        back = flambeau.istft(spectra, 16, 4, length=64, **options)
        np.testing.assert_allclose(back.numpy(), x.numpy(), atol=1e-12)


def test_files_keep_them(tmp_path):
    z = flambeau.tensor(Z)
    flambeau.save({"z": z}, tmp_path / "z.pt")
    found = flambeau.load(tmp_path / "z.pt")["z"]
    assert found.dtype is flambeau.complex128
    np.testing.assert_array_equal(found.numpy(), Z)
