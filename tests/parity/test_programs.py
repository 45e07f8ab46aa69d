"""torchvision's own definitions of networks under the alias, beside torch."""

from __future__ import annotations

import pytest
from parity.borrowed import Borrower
from parity.builders import torchvision_entry
from parity.torchvision_oracle import torchvision
from parity.zoo import compare

# A builder or two of each kind; `python -m parity.zoo torchvision` compares them all.
NAMES = [
    "lraspp_mobilenet_v3_large",
    "mobilenet_v3_small",
    "r3d_18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
]


@pytest.fixture(scope="module")
def borrower() -> Borrower:
    """flambeau under torch's names, imported once."""
    return Borrower()


@pytest.mark.parametrize("name", NAMES)
def test_networks_agree(borrower: Borrower, name: str) -> None:
    found = compare(torchvision_entry(name), borrower)
    assert found.agree, found


def test_networks_are_torchvisions_own(borrower: Borrower) -> None:
    with borrower.active():
        import torchvision.models.resnet as borrowed

        import flambeau

        assert issubclass(borrowed.ResNet, flambeau.nn.Module)
        assert borrowed.__file__ == torchvision.models.resnet.__file__
    assert borrowed.ResNet is not torchvision.models.ResNet
