"""The tutorial's code blocks, with the two import lines as the only change.

Each block is text that runs as a program of its own; what the tutorial only assumes to
be there (an input, a model) is given to it. `...` stands where its loops have no body.
"""

from typing import Any

import pytest

import flambeau as torch
import flambeau.nn as nn

IMPORTS = """
import flambeau as torch
import flambeau.nn as nn
"""

SIMPLE_CNN = """
class SimpleCNN(nn.Module):
    def __init__(self):
        super(SimpleCNN, self).__init__()
        self.conv1 = nn.Conv2d(in_channels=3, out_channels=32, kernel_size=3, stride=1, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2, padding=0)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(32 * 16 * 16, 10) # Assuming input images are 32x32 RGB

    def forward(self, x):
        x = self.conv1(x)
        x = self.pool(x)
        x = self.relu(x)
        x = x.view(-1, 32 * 16 * 16) # Flatten the tensor for the fully connected layer
        x = self.fc1(x)
        return x

# Instantiate the model
model = SimpleCNN()
"""  # noqa: E501

CUSTOM_LAYER = """
class MyCustomLayer(nn.Module):
    def __init__(self):
        super(MyCustomLayer, self).__init__()
        # Define layer components here

    def forward(self, x):
        # Define the forward pass here
        return x

model = MyCustomLayer()
output = model(input_data)
"""

LOOPS = """
for param in model.parameters():
    parameters.append(param)

for child in model.children():
    children.append(child)
"""

CONV_LAYER = """
# Convolutional layer with 3 input channels, 32 output channels, a 3x3 filter, stride of 1, and padding of 1
conv_layer = nn.Conv2d(in_channels=3, out_channels=32, kernel_size=3, stride=1, padding=1)

# Assuming input_tensor is a 4D tensor with shape (batch_size, channels, height, width)
output_feature_map = conv_layer(input_tensor)
"""  # noqa: E501

SEQUENTIAL = """
# A sequence of two convolutional layers with ReLU and MaxPooling
model = nn.Sequential(
    nn.Conv2d(in_channels=3, out_channels=32, kernel_size=3, stride=1, padding=1),
    nn.MaxPool2d(kernel_size=2, stride=2),
    nn.Conv2d(in_channels=32, out_channels=64, kernel_size=3, stride=1, padding=1),
    nn.MaxPool2d(kernel_size=2, stride=2)
)
"""

TRANSPOSED = """
# Example of using a ConvTranspose2d layer
conv_transpose_layer = nn.ConvTranspose2d(in_channels=64, out_channels=32, kernel_size=2, stride=2)
output = conv_transpose_layer(input_feature_map)
"""  # noqa: E501

SEPARABLE = """
# Constructing a separable convolution using nn.Conv2d and nn.DepthwiseConv2d
depthwise = nn.Conv2d(in_channels=32, out_channels=32, kernel_size=3, padding=1, groups=32)
pointwise = nn.Conv2d(in_channels=32, out_channels=128, kernel_size=1)

# Applying separable convolution to input tensor
separable_conv_output = pointwise(depthwise(input_tensor))
"""  # noqa: E501


def run(block: str, **given: Any) -> dict[str, Any]:
    """Run a block as a program that finds `given` there, and return its names."""
    names: dict[str, Any] = dict(given)
    exec(IMPORTS + block, names)
    return names


def test_simple_cnn_classifies_a_batch_of_images() -> None:
    model = run(SIMPLE_CNN)["model"]
    scores = model(torch.randn(4, 3, 32, 32))
    assert scores.shape == (4, 10)
    assert scores.isfinite().all()


def test_simple_cnn_is_printed_as_torch_prints_it() -> None:
    assert str(run(SIMPLE_CNN)["model"]) == (
        "SimpleCNN(\n"
        "  (conv1): Conv2d(3, 32, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))\n"
        "  (pool): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, "
        "ceil_mode=False)\n"
        "  (relu): ReLU()\n"
        "  (fc1): Linear(in_features=8192, out_features=10, bias=True)\n"
        ")"
    )


def test_simple_cnn_learns() -> None:
    model = run(SIMPLE_CNN)["model"]
    images, labels = torch.randn(8, 3, 32, 32), torch.arange(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(8):
        loss = nn.CrossEntropyLoss()(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_a_custom_layer_returns_what_its_forward_says() -> None:
    input_data = torch.arange(3)
    names = run(CUSTOM_LAYER, input_data=input_data)
    assert names["output"] is input_data


def test_loops_over_parameters_and_children() -> None:
    model = run(SIMPLE_CNN)["model"]
    names = run(LOOPS, model=model, parameters=[], children=[])
    assert [tuple(each.shape) for each in names["parameters"]] == [
        (32, 3, 3, 3),
        (32,),
        (10, 8192),
        (10,),
    ]
    assert names["children"] == [model.conv1, model.pool, model.relu, model.fc1]


def test_a_convolutional_layer_maps_images_to_feature_maps() -> None:
    names = run(CONV_LAYER, input_tensor=torch.randn(2, 3, 28, 20))
    assert names["output_feature_map"].shape == (2, 32, 28, 20)


def test_the_sequential_halves_the_image_twice() -> None:
    model = run(SEQUENTIAL)["model"]
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 64, 8, 8)


def test_the_transposed_convolution_doubles_the_image() -> None:
    names = run(TRANSPOSED, input_feature_map=torch.randn(2, 64, 8, 8))
    assert names["output"].shape == (2, 32, 16, 16)


def test_the_separable_convolution_is_the_layer_of_that_name() -> None:
    x = torch.randn(2, 32, 8, 8)
    torch.manual_seed(0)
    wanted = run(SEPARABLE, input_tensor=x)["separable_conv_output"]
    assert wanted.shape == (2, 128, 8, 8)
    torch.manual_seed(0)
    layer = nn.SeparableConv2d(32, 128, kernel_size=3, padding=1)
    assert torch.equal(layer(x), wanted)


# What the tutorial warns of, and what the errors say


def told(model: nn.Module, *shape: int) -> str:
    """Return the message and the notes of the error that an input leads to."""
    with pytest.raises(RuntimeError) as caught:
        model(torch.zeros(*shape))
    return "\n".join([str(caught.value), *caught.value.__notes__])


def test_an_image_of_another_size_than_the_linear_layer_assumes() -> None:
    message = told(run(SIMPLE_CNN)["model"], 4, 3, 30, 30)
    assert "shape '[-1, 8192]' is invalid for input of size 28800" in message


def test_an_image_with_its_channels_last() -> None:
    message = told(run(SIMPLE_CNN)["model"], 4, 32, 32, 3)
    assert "expected input[4, 32, 32, 3] to have 3 channels" in message
    assert "input.permute(0, 3, 1, 2)" in message
    assert "conv1 of SimpleCNN: Conv2d(3, 32, kernel_size=(3, 3)" in message


def test_an_image_without_channels() -> None:
    message = told(run(SIMPLE_CNN)["model"], 32, 32)
    assert "Expected 3D (unbatched) or 4D (batched) input to conv2d" in message
    assert "[32, 32]" in message
    assert "conv1 of SimpleCNN" in message


def test_an_image_that_two_pools_leave_nothing_of() -> None:
    message = told(run(SEQUENTIAL)["model"], 1, 3, 3, 3)
    assert "Kernel size can't be greater than actual input size" in message
    assert "3 of Sequential: MaxPool2d" in message


def test_an_unbatched_image_is_a_batch_of_one() -> None:
    assert run(SIMPLE_CNN)["model"](torch.zeros(3, 32, 32)).shape == (1, 10)
