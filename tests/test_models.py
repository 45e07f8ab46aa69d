"""The models: names, keys, shapes, errors. tests/parity compares the numbers."""

import inspect

import pytest

import flambeau
from flambeau import nn
from flambeau.vision import models


def parameters(model: nn.Module) -> int:
    """The number of parameters of a model."""
    return sum(each.numel() for each in model.parameters())


@pytest.mark.parametrize(
    ("arguments", "image", "features"),
    [
        ({}, (3, 32, 32), 32 * 16 * 16),
        ({"in_channels": 1, "image_size": 28}, (1, 28, 28), 32 * 14 * 14),
        ({"image_size": (9, 14), "num_classes": 3}, (3, 9, 14), 32 * 4 * 7),
    ],
)
def test_simple_cnn_fits_any_image(
    arguments: dict, image: tuple[int, ...], features: int
) -> None:
    model = models.simple_cnn(**arguments)
    assert model.fc1.in_features == features
    scores = model(flambeau.zeros(2, *image))
    assert scores.shape == (2, arguments.get("num_classes", 10))
    assert list(model.state_dict()) == [
        "conv1.weight",
        "conv1.bias",
        "fc1.weight",
        "fc1.bias",
    ]


def test_simple_cnn_starts_like_the_tutorials() -> None:
    flambeau.manual_seed(4)
    conv = nn.Conv2d(3, 32, kernel_size=3, stride=1, padding=1)
    fc = nn.Linear(32 * 16 * 16, 10)
    flambeau.manual_seed(4)
    model = models.SimpleCNN()
    assert model.conv1.weight.tolist() == conv.weight.tolist()
    assert model.fc1.bias.tolist() == fc.bias.tolist()


def test_simple_cnn_refuses_an_image_of_another_size() -> None:
    with pytest.raises(RuntimeError, match="8192"):
        models.simple_cnn()(flambeau.zeros(1, 3, 64, 64))


@pytest.mark.parametrize("size", [1, (32, 1), 0])
def test_simple_cnn_needs_an_image_that_can_be_pooled(size: object) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        models.simple_cnn(image_size=size)


# The counts are those of torchvision's page "Models and pre-trained weights".
COUNTS = {
    "resnet18": 11689512,
    "resnext50_32x4d": 25028904,
}


@pytest.mark.parametrize("name", COUNTS)
def test_resnets_have_their_published_number_of_parameters(name: str) -> None:
    assert parameters(models.get_model(name)) == COUNTS[name]


DILATED = {"replace_stride_with_dilation": [False, False, True]}


def tiny(block: type, **options: object) -> models.ResNet:
    """A ResNet with one block in each stage."""
    return models.ResNet(block, [1, 1, 1, 1], num_classes=7, **options)


@pytest.mark.parametrize("block", [models.BasicBlock, models.Bottleneck])
def test_a_resnet_maps_images_of_any_size_to_scores(block: type) -> None:
    model = tiny(block, in_channels=1)
    for size in ((32, 32), (33, 47)):
        assert model(flambeau.zeros(2, 1, *size)).shape == (2, 7)


def test_the_stride_sits_in_the_3x3_convolution() -> None:
    first = tiny(models.Bottleneck).layer2[0]
    assert first.conv1.stride == (1, 1)
    assert first.conv2.stride == (2, 2)


def test_dilation_in_place_of_stride_keeps_the_size() -> None:
    plain = tiny(models.Bottleneck).eval()
    dilated = tiny(models.Bottleneck, **DILATED).eval()
    image = flambeau.zeros(1, 256, 8, 8)
    assert plain.layer4(plain.layer3(plain.layer2(image))).shape[2:] == (1, 1)
    assert dilated.layer4(dilated.layer3(dilated.layer2(image))).shape[2:] == (2, 2)


def test_zero_init_residual_makes_every_block_the_identity() -> None:
    block = tiny(models.BasicBlock, zero_init_residual=True).layer1[0]
    image = flambeau.rand(2, 64, 4, 4)
    assert block(image).tolist() == image.tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tiny(models.BasicBlock, groups=2), "got 2, 64 and 1; use Bottleneck"),
        (
            lambda: models.ResNet(models.BasicBlock, [1, 1, 1, 2], **DILATED),
            "got 1, 64 and 2; use Bottleneck",
        ),
        (
            lambda: tiny(models.Bottleneck, replace_stride_with_dilation=[True]),
            r"3-element tuple, got \[True\]",
        ),
        (lambda: models.resnet18(weights="DEFAULT"), "no pretrained weights"),
        (lambda: models.get_model("resnet19"), "Unknown model 'resnet19'.*resnet18"),
    ],
)
def test_errors_name_the_value_and_the_fix(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_every_listed_model_can_be_built_for_images() -> None:
    assert {"simple_cnn", "resnet18", "resnet50"} <= set(models.list_models())
    for name in models.list_models():
        builder = getattr(models, name)
        accepted = inspect.signature(builder).parameters
        assert "kwargs" in accepted or "image_size" in accepted


@pytest.mark.parametrize("name", ["simple_cnn", "ResNet18"])
def test_image_classifiers_by_name(name: str) -> None:
    model = models.get_image_classifier(
        name, num_classes=4, in_channels=1, image_size=(28, 20)
    )
    assert model.eval()(flambeau.zeros(1, 1, 28, 20)).shape == (1, 4)
