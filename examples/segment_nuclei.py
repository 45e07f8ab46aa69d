"""Find cell nuclei in a microscope image with a U-Net.

Shows: skip connections, ConvTranspose2d; trained on crops, applied to a large image.
Data: one fluorescence image of 512x512 pixels with the nuclei outlined by hand; the
left part gives crops to train on, the right part is held out.
Result: intersection over union 0.89 (the best brightness threshold: 0.79) after 8
epochs, in 35 s on one core; the picture shows the held-out part.
"""

import argparse

import numpy as np
from data import nuclei
from pictures import save_grid

import flambeau as torch
import flambeau.nn as nn
from flambeau.utils.data import DataLoader, Dataset

SPLIT = 352  # columns to train on; the other 160 are held out
CROP = 64  # pixels


def double_conv(inputs, outputs):
    """Two 3x3 convolutions, each normalised and rectified."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """Down twice, up twice, with skips: a small U-Net (arXiv:1505.04597)."""

    def __init__(self, channels=8):
        super().__init__()
        self.down1 = double_conv(1, channels)
        self.down2 = double_conv(channels, 2 * channels)
        self.bottom = double_conv(2 * channels, 4 * channels)
        self.up2 = nn.ConvTranspose2d(4 * channels, 2 * channels, 2, stride=2)
        self.join2 = double_conv(4 * channels, 2 * channels)
        self.up1 = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
        self.join1 = double_conv(2 * channels, channels)
        self.head = nn.Conv2d(channels, 1, kernel_size=1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        fine = self.down1(x)
        middle = self.down2(self.pool(fine))
        x = self.up2(self.bottom(self.pool(middle)))
        x = self.up1(self.join2(torch.cat([middle, x], dim=1)))
        return self.head(self.join1(torch.cat([fine, x], dim=1)))


class Crops(Dataset):
    """Square crops of image and mask at random places, the same in every run."""

    def __init__(self, image, mask, count):
        self.image, self.mask = image, mask
        last = np.array(image.shape[1:]) - CROP
        self.corners = np.random.default_rng(0).integers(last + 1, size=(count, 2))

    def __len__(self):
        return len(self.corners)

    def __getitem__(self, index):
        top, left = self.corners[index].tolist()
        window = (..., slice(top, top + CROP), slice(left, left + CROP))
        return self.image[window], self.mask[window]


def train_epoch(model, loader, optimizer):
    """One pass over the crops; the mean loss of a pixel."""
    model.train()
    total = 0.0
    for image, mask in loader:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(image), mask)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(image)
    return total / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--limit", type=int, default=320, help="how many crops")
    parser.add_argument("--out", default="segment_nuclei.png", help="the masks")
    args = parser.parse_args()
    torch.manual_seed(0)

    image, mask = (torch.from_numpy(each)[None] for each in nuclei())
    image, mask = (image - image.mean()) / image.std(), mask.float()
    crops = Crops(image[..., :SPLIT], mask[..., :SPLIT], args.limit)
    loader = DataLoader(crops, batch_size=16, shuffle=True)
    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for epoch in range(1, args.epochs + 1):
        print(f"epoch {epoch}: loss {train_epoch(model, loader, optimizer):.4f}")

    model.eval()
    image, mask = image[..., SPLIT:], mask[..., SPLIT:] > 0
    with torch.no_grad():
        found = model(image[None])[0] > 0
    overlap = (found & mask).sum().item() / (found | mask).sum().item()
    print(f"held-out intersection over union: {overlap:.4f}")
    shown = [each[0].numpy() for each in (image, mask, found)]
    save_grid(args.out, [shown], ["image", "by hand", "found"])


if __name__ == "__main__":
    main()
