"""Learn handwritten digits as a distribution with a variational autoencoder.

Shows: the reparameterisation trick, binary_cross_entropy and a loss of two parts.
"""

import argparse

import torch
from arrays import digits
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class VAE(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.fc1 = nn.Linear(784, 200)
        self.fc21 = nn.Linear(200, code)
        self.fc22 = nn.Linear(200, code)
        self.fc3 = nn.Linear(code, 200)
        self.fc4 = nn.Linear(200, 784)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 784))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--limit", type=int, default=5000)
    parser.add_argument("--code", type=int, default=20)
    args = parser.parse_args()

    torch.manual_seed(0)
    images = torch.from_numpy(digits(args.limit)[0]).float().div_(255)
    held_out, images = images[: len(images) // 5], images[len(images) // 5 :]
    loader = DataLoader(TensorDataset(images), batch_size=128, shuffle=True)
    model = VAE(args.code)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(args.epochs):
        model.train()
        train_loss = 0
        for (data,) in loader:
            optimizer.zero_grad()
            recon_batch, mu, logvar = model(data)
            loss = loss_function(recon_batch, data, mu, logvar)
            loss.backward()
            train_loss += loss.item()
            optimizer.step()
        print(f"epoch {epoch + 1}: loss {train_loss / len(images):.6f}")
    model.eval()
    with torch.no_grad():
        loss = loss_function(model(held_out)[0], held_out, *model(held_out)[1:])
    print(f"held-out loss: {loss.item() / len(held_out):.3f}")


if __name__ == "__main__":
    main()
