"""ResNet beside torchvision's: keys, initial weights, outputs, printed form."""

import numpy as np
import pytest
import torch
from parity.torchvision_oracle import torchvision

import flambeau
from flambeau.vision import models

theirs = torchvision.models.resnet

VARIANTS = {
    "basic": ("BasicBlock", {}),
    "bottleneck": ("Bottleneck", {}),
    "grouped": ("Bottleneck", {"groups": 4, "width_per_group": 8}),
    "wide": ("Bottleneck", {"width_per_group": 128, "zero_init_residual": True}),
    "dilated": ("Bottleneck", {"replace_stride_with_dilation": [False, True, True]}),
}


def pair(name: str) -> tuple[models.ResNet, torch.nn.Module]:
    """A small ResNet of both libraries, each built after the same seed."""
    block, options = VARIANTS[name]
    flambeau.manual_seed(5)
    torch.manual_seed(5)
    arguments = ([1, 2, 1, 1], 10)
    return (
        models.ResNet(getattr(models, block), *arguments, **options),
        theirs.ResNet(getattr(theirs, block), *arguments, **options),
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_the_same_seed_gives_the_same_network(name: str) -> None:
    ours, reference = pair(name)
    state, expected = ours.state_dict(), reference.state_dict()
    assert list(state) == list(expected)
    for key, value in expected.items():
        # Normal draws depend on the CPU's vector path.
        np.testing.assert_array_max_ulp(state[key].numpy(), value.numpy(), 4)
    assert str(ours) == str(reference)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("train", [False, True])
def test_the_same_weights_give_the_same_scores(name: str, train: bool) -> None:
    ours, reference = pair(name)
    ours.load_state_dict(
        {
            key: flambeau.tensor(value.numpy())
            for key, value in reference.state_dict().items()
        }
    )
    ours.double().train(train)
    reference.double().train(train)
    image = np.random.default_rng(0).standard_normal((2, 3, 40, 36))
    scores = ours(flambeau.tensor(image)).detach().numpy()
    expected = reference(torch.tensor(image)).detach().numpy()
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-9)


# Those of reasonable size; the others are these functions with other numbers.
NAMES = ["resnet18", "resnet34", "resnet50", "resnext50_32x4d"]


@pytest.mark.parametrize("name", NAMES)
def test_named_models_have_torchvisions_shapes(name: str) -> None:
    with torch.device("meta"):
        reference = getattr(theirs, name)()
    expected = {key: tuple(each.shape) for key, each in reference.state_dict().items()}
    ours = models.get_model(name).state_dict()
    assert {key: tuple(each.shape) for key, each in ours.items()} == expected
