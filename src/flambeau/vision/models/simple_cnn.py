"""SimpleCNN: one convolution, one pool, one linear layer."""

from __future__ import annotations

from ... import nn
from ...tensor import Tensor

__all__ = ["SimpleCNN", "simple_cnn"]

CHANNELS = 32


class SimpleCNN(nn.Module):
    """The smallest network that is still a CNN: convolve, pool, rectify, classify.

    ``fc1(flatten(relu(pool(conv1(x)))))`` with a 3x3 convolution to 32 channels
    that keeps the image size, and a 2x2 max-pool that halves it.

    Args:
        num_classes: number of classes, the length of an output row.
        in_channels: channels of the input image (1 for grey, 3 for RGB).
        image_size: height and width of the input image, one int if it is square.

    Shape:
        - Input: (N, in_channels, H, W) with (H, W) = `image_size`
        - Output: (N, num_classes), unnormalised scores

    Raises:
        ValueError: an argument is too small for the network to exist.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.models import SimpleCNN
        >>> SimpleCNN()(flambeau.zeros(4, 3, 32, 32)).shape
        torch.Size([4, 10])
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 3,
        image_size: int | tuple[int, int] = 32,
    ) -> None:
        super().__init__()
        height, width = (
            (image_size, image_size) if isinstance(image_size, int) else image_size
        )
        if min(height, width) < 2:
            raise ValueError(
                f"SimpleCNN: image_size={image_size} leaves nothing after the 2x2 "
                "pool; height and width must be at least 2"
            )
        self.conv1 = nn.Conv2d(in_channels, CHANNELS, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(CHANNELS * (height // 2) * (width // 2), num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return one row of class scores per image."""
        x = self.relu(self.pool(self.conv1(x)))
        return self.fc1(x.flatten(1))


def simple_cnn(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int | tuple[int, int] = 32,
) -> SimpleCNN:
    """Build a `SimpleCNN`; the arguments are those of the class.

    Example:
        >>> from flambeau.vision.models import simple_cnn
        >>> simple_cnn(in_channels=1, image_size=28).fc1.in_features
        6272
    """
    return SimpleCNN(num_classes, in_channels, image_size)
