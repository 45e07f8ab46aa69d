"""Predict the next moment of spoken digits with an LSTM.

Shows: nn.LSTM, padded and packed sequences, a collate function, gradient clipping.
"""

import argparse

import torch
import torch.nn as nn
from arrays import recordings
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader


class Forecast(nn.Module):
    def __init__(self, features=13, hidden=48):
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, num_layers=2, batch_first=True)
        self.linear = nn.Linear(hidden, features)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True)
        output, _ = self.lstm(packed)
        output, _ = pad_packed_sequence(output, batch_first=True)
        return self.linear(output)


def collate(batch):
    batch = sorted(batch, key=len, reverse=True)
    lengths = torch.tensor([len(each) - 1 for each in batch])
    padded = pad_sequence(batch, batch_first=True)
    mask = torch.arange(int(lengths[0]))[None, :] < lengths[:, None]
    return padded[:, :-1], padded[:, 1:], lengths, mask


def error(model, x, y, lengths, mask):
    squares = (model(x, lengths) - y).pow(2).mean(dim=2)
    return (squares * mask).sum() / mask.sum()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--limit", type=int, default=1000)
    args = parser.parse_args()

    torch.manual_seed(0)
    series = [torch.from_numpy(each) for each in recordings(args.limit)]
    held_out, series = series[: len(series) // 5], series[len(series) // 5 :]
    loader = DataLoader(series, batch_size=32, shuffle=True, collate_fn=collate)
    model = Forecast()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for batch in loader:
            optimizer.zero_grad()
            loss = error(model, *batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / len(loader):.6f}")
    model.eval()
    with torch.no_grad():
        x, y, lengths, mask = collate(held_out)
        found = error(model, x, y, lengths, mask).item()
        same = ((x - y).pow(2).mean(dim=2) * mask).sum().item() / mask.sum().item()
    print(f"held-out error: {found:.4f}, of no change: {same:.4f}")


if __name__ == "__main__":
    main()
