"""Recognise spoken digits with a 1-D convolutional network over time.

Shows: Conv1d, BatchNorm1d, MaxPool1d, AdaptiveMaxPool1d, recordings of any length.
Data: 3,000 recordings by six speakers (Free Spoken Digit Dataset), each a sequence of
13 mel-frequency cepstral coefficients; every fifth recording is held out.
Result: 99% right after 8 epochs, in 8 s on one core; the picture shows confusions.
"""

import argparse

import numpy as np
from data import spoken_digits
from pictures import save_grid

import flambeau as torch
import flambeau.nn as nn
from flambeau.utils.data import DataLoader, Dataset


class Recordings(Dataset):
    """Training or held-out recordings, each with its digit; coefficients of mean 0."""

    def __init__(self, train, limit):
        sounds, digits = spoken_digits()
        frames = np.concatenate(sounds, axis=1)
        mean, std = frames.mean(1, keepdims=True), frames.std(1, keepdims=True)
        self.sounds = [torch.from_numpy((s - mean) / std) for s in sounds]
        self.digits = digits.tolist()
        held_out = np.arange(len(digits)) % 5 == 4
        self.indices = np.flatnonzero(held_out != train)[:limit]

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, position):
        index = self.indices[position]
        return self.sounds[index], self.digits[index]


def pad(samples):
    """A batch as long as its longest recording; the others are filled up with 0."""
    sounds, digits = zip(*samples)
    frames = max(sound.shape[1] for sound in sounds)
    padded = [nn.functional.pad(s, (0, frames - s.shape[1])) for s in sounds]
    return torch.stack(padded), torch.tensor(digits)


class SpeechCNN(nn.Module):
    """Three convolutions over time; then the strongest answer at any time."""

    def __init__(self, coefficients=13, channels=32, classes=10):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(coefficients, channels, kernel_size=5, padding=2),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(channels, 2 * channels, kernel_size=3, padding=1),
            nn.BatchNorm1d(2 * channels),
            nn.ReLU(),
            nn.Conv1d(2 * channels, 2 * channels, kernel_size=3, padding=1),
            nn.BatchNorm1d(2 * channels),
            nn.ReLU(),
            nn.AdaptiveMaxPool1d(1),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(2 * channels, classes),
        )

    def forward(self, x):
        return self.layers(x)


def train_epoch(model, loader, optimizer):
    """One pass over the training recordings; the mean loss."""
    model.train()
    total = 0.0
    for sounds, digits in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(sounds), digits)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(digits)
    return total / len(loader.dataset)


@torch.no_grad()
def confusion(model, loader):
    """How often each digit (row) was taken for each digit (column)."""
    model.eval()
    table = np.zeros((10, 10), int)
    for sounds, digits in loader:
        np.add.at(table, (digits.numpy(), model(sounds).argmax(dim=1).numpy()), 1)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--limit", type=int, help="use only N recordings")
    parser.add_argument("--out", default="classify_speech.png", help="confusions")
    args = parser.parse_args()
    torch.manual_seed(0)

    options = {"batch_size": 64, "collate_fn": pad}
    train = DataLoader(Recordings(True, args.limit), shuffle=True, **options)
    test = DataLoader(Recordings(False, args.limit), **options)
    model = SpeechCNN()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    for epoch in range(1, args.epochs + 1):
        print(f"epoch {epoch}: loss {train_epoch(model, train, optimizer):.4f}")

    table = confusion(model, test)
    print(f"held-out accuracy: {np.trace(table) / table.sum():.4f}")
    save_grid(args.out, [[table]], ["spoken (down), recognised (across)"])


if __name__ == "__main__":
    main()
