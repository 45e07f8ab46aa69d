"""Double the size of small images with sub-pixel convolution.

Shows: PixelShuffle, orthogonal initialisation, interpolate, a quality in decibels.
"""

import argparse
from math import log10

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.init as init
from arrays import digits
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, upscale_factor):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(1, 32, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(32, 32, (3, 3), (1, 1), (1, 1))
        self.conv3 = nn.Conv2d(32, 16, (3, 3), (1, 1), (1, 1))
        self.conv4 = nn.Conv2d(16, upscale_factor**2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        self._initialize_weights()

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        x = self.relu(self.conv3(x))
        return self.pixel_shuffle(self.conv4(x))

    def _initialize_weights(self):
        init.kaiming_normal_(self.conv1.weight, nonlinearity="relu")
        init.kaiming_normal_(self.conv2.weight, nonlinearity="relu")
        init.kaiming_normal_(self.conv3.weight, nonlinearity="relu")
        init.xavier_uniform_(self.conv4.weight)


def shrink(images):
    return F.interpolate(images, scale_factor=0.5, mode="bilinear", align_corners=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--limit", type=int, default=2000)
    args = parser.parse_args()

    torch.manual_seed(0)
    images = torch.from_numpy(digits(args.limit)[0]).unsqueeze(1).float() / 255
    held_out, images = images[: len(images) // 5], images[len(images) // 5 :]
    data = TensorDataset(shrink(images), images)
    loader = DataLoader(data, batch_size=32, shuffle=True)
    model = Net(upscale_factor=2)
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    for epoch in range(args.epochs):
        epoch_loss = 0
        for small, large in loader:
            optimizer.zero_grad()
            loss = criterion(model(small), large)
            epoch_loss += loss.item()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: loss {epoch_loss / len(loader):.6f}")
    with torch.no_grad():
        mse = criterion(model(shrink(held_out)), held_out)
        plain = criterion(F.interpolate(shrink(held_out), scale_factor=2.0), held_out)
    psnr, before = 10 * log10(1 / mse.item()), 10 * log10(1 / plain.item())
    print(f"held-out quality: {psnr:.3f} dB, repeated pixels: {before:.3f} dB")


if __name__ == "__main__":
    main()
