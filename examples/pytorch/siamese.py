"""Tell whether two handwritten digits are the same one with a siamese network.

Shows: shared weights, a Dataset of pairs, BCELoss, StepLR, Adadelta.
"""

import argparse
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from arrays import digits
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset


class Pairs(Dataset):
    def __init__(self, images, labels):
        self.images = torch.from_numpy(images).unsqueeze(1).float() / 255
        self.labels = torch.from_numpy(labels)
        self.groups = [(self.labels == each).nonzero().view(-1) for each in range(10)]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        draw = random.Random(index)
        label = self.labels[index].item()
        same = index % 2 == 0
        if not same:
            label = (label + draw.randint(1, 9)) % 10
        group = self.groups[label]
        other = group[draw.randrange(len(group))]
        target = torch.tensor(1 if same else 0, dtype=torch.float)
        return self.images[index], self.images[other], target


class SiameseNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(16, 32, 5, stride=2),
            nn.ReLU(inplace=True),
            nn.AvgPool2d(2),
        )
        self.fc = nn.Sequential(
            nn.Linear(32 * 2 * 2 * 2, 64), nn.ReLU(inplace=True), nn.Linear(64, 1)
        )
        self.sigmoid = nn.Sigmoid()
        self.fc.apply(self.init_weights)

    def init_weights(self, m):
        if isinstance(m, nn.Linear):
            torch.nn.init.xavier_uniform_(m.weight)
            m.bias.data.fill_(0.01)

    def forward_once(self, x):
        output = self.features(x)
        return output.view(output.size()[0], -1)

    def forward(self, input1, input2):
        both = torch.cat((self.forward_once(input1), self.forward_once(input2)), 1)
        return self.sigmoid(self.fc(both))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--limit", type=int, default=5000)
    args = parser.parse_args()

    torch.manual_seed(0)
    images, labels = digits(args.limit)
    held_out = len(labels) // 5
    test_data = Pairs(images[:held_out], labels[:held_out])
    loader = DataLoader(
        Pairs(images[held_out:], labels[held_out:]), batch_size=64, shuffle=True
    )
    model = SiameseNetwork()
    optimizer = optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
    criterion = nn.BCELoss()
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for first, second, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(first, second).squeeze(), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        print(f"epoch {epoch + 1}: loss {total / len(loader):.6f}")
    model.eval()
    right = 0
    with torch.no_grad():
        for first, second, targets in DataLoader(test_data, batch_size=256):
            outputs = model(first, second).squeeze()
            guesses = torch.where(outputs > 0.5, 1, 0)
            right += guesses.eq(targets.view_as(guesses)).sum().item()
        distance = F.pairwise_distance(
            *[model.forward_once(x) for x in (first, second)]
        )
    print(f"held-out accuracy: {right / len(test_data):.4f}")
    print(f"mean distance of features: {distance.mean().item():.4f}")


if __name__ == "__main__":
    main()
