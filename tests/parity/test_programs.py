"""Installed packages' own definitions of networks under the alias, beside torch."""

from __future__ import annotations

import pytest
from parity.borrowed import Borrower
from parity.builders import timm_entry, torchvision_entry
from parity.torchvision_oracle import torchvision
from parity.zoo import compare

# A builder or two of each kind; `python -m parity.zoo` compares them all.
TORCHVISION = [
    "lraspp_mobilenet_v3_large",
    "mnasnet0_5",
    "mobilenet_v3_small",
    "r3d_18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
]
TIMM = ["lcnet_035", "resnet10t"]


@pytest.fixture(scope="module")
def borrower() -> Borrower:
    """flambeau under torch's names, imported once."""
    return Borrower("timm")


@pytest.mark.parametrize("name", TORCHVISION)
def test_networks_of_torchvision_agree(borrower: Borrower, name: str) -> None:
    found = compare(torchvision_entry(name), borrower)
    assert found.agree, found
    assert found.host_calls == []


@pytest.mark.parametrize("name", TIMM)
def test_networks_of_timm_agree(borrower: Borrower, name: str) -> None:
    pytest.importorskip("timm", reason="timm is not installed")
    found = compare(timm_entry(name), borrower)
    assert found.agree, found
    assert found.host_calls == []


def test_networks_are_torchvisions_own(borrower: Borrower) -> None:
    with borrower.active():
        import torchvision.models.resnet as borrowed

        import flambeau

        assert issubclass(borrowed.ResNet, flambeau.nn.Module)
        assert borrowed.__file__ == torchvision.models.resnet.__file__
    assert borrowed.ResNet is not torchvision.models.ResNet
