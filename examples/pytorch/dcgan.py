"""Draw handwritten digits with a deep convolutional generative adversarial network.

Shows: ConvTranspose2d, weight initialisation by `apply`, two optimizers, detach.
"""

import argparse

import torch
import torch.nn as nn
from arrays import digits
from torch.utils.data import DataLoader, TensorDataset


class Generator(nn.Module):
    def __init__(self, noise, width):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(noise, width * 2, 7, 1, 0, bias=False),
            nn.BatchNorm2d(width * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(width * 2, width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(True),
            nn.ConvTranspose2d(width, 1, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, width * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width * 2, 1, 7, 1, 0, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, images):
        return self.main(images).view(-1)


def weights_init(module):
    name = module.__class__.__name__
    if name.find("Conv") != -1:
        nn.init.normal_(module.weight.data, 0.0, 0.02)
    elif name.find("BatchNorm") != -1:
        nn.init.normal_(module.weight.data, 1.0, 0.02)
        nn.init.constant_(module.bias.data, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--limit", type=int, default=5000)
    parser.add_argument("--noise", type=int, default=32)
    parser.add_argument("--width", type=int, default=16)
    args = parser.parse_args()

    torch.manual_seed(0)
    images = torch.from_numpy(digits(args.limit)[0]).unsqueeze(1).float() / 127.5 - 1
    loader = DataLoader(TensorDataset(images), batch_size=64, shuffle=True)
    generator, discriminator = (
        Generator(args.noise, args.width),
        Discriminator(args.width),
    )
    generator.apply(weights_init)
    discriminator.apply(weights_init)
    criterion = nn.BCELoss()
    options = {"lr": 0.0002, "betas": (0.5, 0.999)}
    optimizer_d = torch.optim.Adam(discriminator.parameters(), **options)
    optimizer_g = torch.optim.Adam(generator.parameters(), **options)
    fixed = torch.randn(16, args.noise, 1, 1)

    for epoch in range(args.epochs):
        totals = [0.0, 0.0]
        for (real,) in loader:
            # The discriminator: real images towards 1, drawn ones towards 0.
            discriminator.zero_grad()
            label = torch.full((real.size(0),), 1.0)
            error_real = criterion(discriminator(real), label)
            error_real.backward()
            drawn = generator(torch.randn(real.size(0), args.noise, 1, 1))
            label.fill_(0.0)
            error_drawn = criterion(discriminator(drawn.detach()), label)
            error_drawn.backward()
            optimizer_d.step()
            # The generator: what it draws towards 1.
            generator.zero_grad()
            label.fill_(1.0)
            error = criterion(discriminator(drawn), label)
            error.backward()
            optimizer_g.step()
            totals[0] += (error_real + error_drawn).item()
            totals[1] += error.item()
        losses = [total / len(loader) for total in totals]
        print(f"epoch {epoch + 1}: loss {losses[0]:.6f} generator {losses[1]:.6f}")
    with torch.no_grad():
        sample = generator.eval()(fixed)
    print(f"ink of the drawn digits: {((sample + 1) / 2).mean().item():.4f}")


if __name__ == "__main__":
    main()
