"""Residual networks (He et al. 2015, arXiv:1512.03385) and their two variants.

ResNeXt splits the 3x3 convolution into groups (Xie et al. 2016, arXiv:1611.05431),
Wide ResNet doubles its channels (Zagoruyko and Komodakis 2016, arXiv:1605.07146).
Both are a `ResNet` with other numbers. Names and keys are torchvision's, and so is
the order in which weights are drawn: the same seed gives the same network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import nn
from ...tensor import Tensor

__all__ = [
    "BasicBlock",
    "Bottleneck",
    "ResNet",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]

NormLayer = Callable[[int], nn.Module]


def conv3x3(
    in_channels: int,
    out_channels: int,
    stride: int = 1,
    groups: int = 1,
    dilation: int = 1,
) -> nn.Conv2d:
    """A 3x3 convolution without bias whose stride alone changes the size."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size=3,
        stride=stride,
        padding=dilation,
        dilation=dilation,
        groups=groups,
        bias=False,
    )


def conv1x1(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution without bias."""
    return nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: the block of ResNet-18 and 34.

    ``relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))``

    Args:
        inplanes: channels of the input.
        planes: channels of the output.
        stride: stride of the first convolution.
        downsample: the shortcut, the identity if None.
        groups, base_width, dilation: for `Bottleneck` only; fixed at 1, 64 and 1.
        norm_layer: builds a normalisation layer from a channel count.

    Shape:
        - Input: (N, inplanes, H, W)
        - Output: (N, planes, ceil(H / stride), ceil(W / stride))

    Raises:
        ValueError: groups, base_width or dilation is not the fixed value.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.models import BasicBlock
        >>> BasicBlock(8, 8)(flambeau.zeros(1, 8, 4, 4)).shape
        torch.Size([1, 8, 4, 4])
    """

    expansion: int = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: NormLayer | None = None,
    ) -> None:
        super().__init__()
        if (groups, base_width, dilation) != (1, 64, 1):
            raise ValueError(
                "BasicBlock only supports groups=1, base_width=64 and dilation=1, "
                f"got {groups}, {base_width} and {dilation}; use Bottleneck"
            )
        norm_layer = norm_layer or nn.BatchNorm2d
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm_layer(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm_layer(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + shortcut)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut: the block of ResNet-50 and up.

    The stride sits in the 3x3 convolution, as in torchvision ("ResNet v1.5"); the
    paper has it in the first 1x1. The 3x3 runs at
    ``int(planes * base_width / 64) * groups`` channels.

    Args:
        inplanes: channels of the input.
        planes: a quarter of the channels of the output.
        stride: stride of the 3x3 convolution.
        downsample: the shortcut, the identity if None.
        groups: groups of the 3x3 convolution.
        base_width: channels per group at `planes` = 64.
        dilation: dilation of the 3x3 convolution.
        norm_layer: builds a normalisation layer from a channel count.

    Shape:
        - Input: (N, inplanes, H, W)
        - Output: (N, 4 * planes, ceil(H / stride), ceil(W / stride))

    Example:
        >>> import flambeau
        >>> from flambeau.vision.models import Bottleneck
        >>> Bottleneck(32, 8)(flambeau.zeros(1, 32, 4, 4)).shape
        torch.Size([1, 32, 4, 4])
    """

    expansion: int = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: NormLayer | None = None,
    ) -> None:
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm_layer(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm_layer(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm_layer(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + shortcut)


class ResNet(nn.Module):
    """A residual network: a stem, four stages of blocks, a linear classifier.

    Args:
        block: `BasicBlock` or `Bottleneck`.
        layers: number of blocks of each of the four stages.
        num_classes: number of classes, the length of an output row.
        zero_init_residual: start every block as the identity, by a last
            normalisation layer whose weight is 0 (Goyal et al. 2017,
            arXiv:1706.02677, section 5.1).
        groups: groups of the 3x3 convolutions.
        width_per_group: channels per group in the first stage.
        replace_stride_with_dilation: for each of the last three stages, whether it
            dilates instead of halving the image.
        norm_layer: builds a normalisation layer from a channel count.
        in_channels: channels of the input image; torchvision has 3 only.

    Shape:
        - Input: (N, in_channels, H, W)
        - Output: (N, num_classes), unnormalised scores

    Raises:
        ValueError: replace_stride_with_dilation has not three elements.

    Source: torchvision's page "ResNet".

    Example:
        >>> import flambeau
        >>> from flambeau.vision.models import BasicBlock, ResNet
        >>> net = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=10)
        >>> net(flambeau.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: NormLayer | None = None,
        *,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        dilated = replace_stride_with_dilation or (False, False, False)
        if len(dilated) != 3:
            raise ValueError(
                "replace_stride_with_dilation should be None or a 3-element tuple, "
                f"got {replace_stride_with_dilation}"
            )
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.inplanes = 64
        self.dilation = 1
        self.groups = groups
        self.base_width = width_per_group
        self.conv1 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._stage(block, 64, layers[0], 1, False)
        self.layer2 = self._stage(block, 128, layers[1], 2, dilated[0])
        self.layer3 = self._stage(block, 256, layers[2], 2, dilated[1])
        self.layer4 = self._stage(block, 512, layers[3], 2, dilated[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        self._initialize(zero_init_residual)

    def _stage(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        planes: int,
        blocks: int,
        stride: int,
        dilate: bool,
    ) -> nn.Sequential:
        """The blocks of one stage; only the first changes the size and channels."""
        first_dilation = self.dilation
        if dilate:
            self.dilation, stride = self.dilation * stride, 1
        out_channels = planes * block.expansion
        shortcut = self._shortcut(out_channels, stride)
        shared = self.groups, self.base_width
        stage = [
            block(
                self.inplanes,
                planes,
                stride,
                shortcut,
                *shared,
                first_dilation,
                self._norm_layer,
            )
        ]
        self.inplanes = out_channels
        stage += [
            block(
                out_channels, planes, 1, None, *shared, self.dilation, self._norm_layer
            )
            for _ in range(blocks - 1)
        ]
        return nn.Sequential(*stage)

    def _shortcut(self, out_channels: int, stride: int) -> nn.Sequential | None:
        """A projection where the identity would not fit."""
        if stride == 1 and self.inplanes == out_channels:
            return None
        return nn.Sequential(
            conv1x1(self.inplanes, out_channels, stride), self._norm_layer(out_channels)
        )

    def _initialize(self, zero_init_residual: bool) -> None:
        """Draw the weights as He et al. 2015 (arXiv:1502.01852) do."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(
                    module.weight, mode="fan_out", nonlinearity="relu"
                )
            elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
                for parameter, value in ((module.weight, 1), (module.bias, 0)):
                    if parameter is not None:
                        nn.init.constant_(parameter, value)
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, Bottleneck):
                    nn.init.constant_(module.bn3.weight, 0)
                elif isinstance(module, BasicBlock):
                    nn.init.constant_(module.bn2.weight, 0)

    def forward(self, x: Tensor) -> Tensor:
        """Return one row of class scores per image."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def _resnet(
    block: type[BasicBlock] | type[Bottleneck],
    layers: Sequence[int],
    weights: None,
    **kwargs: Any,
) -> ResNet:
    """Build a ResNet; refuse the pretrained weights that torchvision downloads."""
    if weights is not None:
        raise ValueError(
            f"weights={weights!r}: flambeau carries no pretrained weights; build the "
            "model and call load_state_dict() with those from a file"
        )
    return ResNet(block, layers, **kwargs)


def resnet18(*, weights: None = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Build ResNet-18, 11.7 M parameters; `kwargs` are `ResNet`'s."""
    return _resnet(BasicBlock, (2, 2, 2, 2), weights, **kwargs)


def resnet34(*, weights: None = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Build ResNet-34, 21.8 M parameters; `kwargs` are `ResNet`'s."""
    return _resnet(BasicBlock, (3, 4, 6, 3), weights, **kwargs)


def resnet50(*, weights: None = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Build ResNet-50, 25.6 M parameters; `kwargs` are `ResNet`'s."""
    return _resnet(Bottleneck, (3, 4, 6, 3), weights, **kwargs)


def resnet101(*, weights: None = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Build ResNet-101, 44.5 M parameters; `kwargs` are `ResNet`'s."""
    return _resnet(Bottleneck, (3, 4, 23, 3), weights, **kwargs)


def resnet152(*, weights: None = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Build ResNet-152, 60.2 M parameters; `kwargs` are `ResNet`'s."""
    return _resnet(Bottleneck, (3, 8, 36, 3), weights, **kwargs)


def resnext50_32x4d(
    *, weights: None = None, progress: bool = True, **kwargs: Any
) -> ResNet:
    """Build ResNeXt-50 32x4d, 25.0 M parameters; `kwargs` are `ResNet`'s."""
    kwargs = {"groups": 32, "width_per_group": 4} | kwargs
    return _resnet(Bottleneck, (3, 4, 6, 3), weights, **kwargs)


def resnext101_32x8d(
    *, weights: None = None, progress: bool = True, **kwargs: Any
) -> ResNet:
    """Build ResNeXt-101 32x8d, 88.8 M parameters; `kwargs` are `ResNet`'s."""
    kwargs = {"groups": 32, "width_per_group": 8} | kwargs
    return _resnet(Bottleneck, (3, 4, 23, 3), weights, **kwargs)


def resnext101_64x4d(
    *, weights: None = None, progress: bool = True, **kwargs: Any
) -> ResNet:
    """Build ResNeXt-101 64x4d, 83.5 M parameters; `kwargs` are `ResNet`'s."""
    kwargs = {"groups": 64, "width_per_group": 4} | kwargs
    return _resnet(Bottleneck, (3, 4, 23, 3), weights, **kwargs)


def wide_resnet50_2(
    *, weights: None = None, progress: bool = True, **kwargs: Any
) -> ResNet:
    """Build Wide ResNet-50-2, 68.9 M parameters; `kwargs` are `ResNet`'s."""
    kwargs = {"width_per_group": 128} | kwargs
    return _resnet(Bottleneck, (3, 4, 6, 3), weights, **kwargs)


def wide_resnet101_2(
    *, weights: None = None, progress: bool = True, **kwargs: Any
) -> ResNet:
    """Build Wide ResNet-101-2, 126.9 M parameters; `kwargs` are `ResNet`'s."""
    kwargs = {"width_per_group": 128} | kwargs
    return _resnet(Bottleneck, (3, 4, 23, 3), weights, **kwargs)
