"""Classify handwritten digits; the best model is kept in a checkpoint.

Shows: Dataset, transforms, DataLoader, BatchNorm, a scheduler, saving and resuming.
"""

import argparse
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from arrays import digits
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class Digits(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images = images
        self.labels = labels
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index]
        if self.transform is not None:
            image = self.transform(image[:, :, None])
        return image, int(self.labels[index])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)
        self.fc = nn.Linear(32 * 7 * 7, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        return self.fc(torch.flatten(x, 1))


def train(model, loader, optimizer, scheduler, device):
    model.train()
    total = 0.0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(images)
    return total / len(loader.dataset)


@torch.no_grad()
def test(model, loader, device):
    model.eval()
    right = 0
    for images, labels in loader:
        guesses = model(images.to(device)).argmax(dim=1)
        right += guesses.eq(labels.to(device)).sum().item()
    return right / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--limit", type=int, default=5000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--checkpoint", default="classifier.pt")
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    normalize = transforms.Normalize((0.1307,), (0.3081,))
    plain = transforms.Compose([transforms.ToTensor(), normalize])
    shifted = transforms.Compose([plain, transforms.RandomCrop(28, padding=2)])
    images, labels = digits(args.limit)
    held_out = len(labels) // 5
    data = Digits(images[held_out:], labels[held_out:], shifted)
    loader = DataLoader(data, batch_size=args.batch_size, shuffle=True)
    test_data = Digits(images[:held_out], labels[:held_out], plain)
    test_loader = DataLoader(test_data, batch_size=256)

    model = Net().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    steps = args.epochs * len(loader)
    scheduler = OneCycleLR(optimizer, max_lr=args.lr, total_steps=steps)
    start = 0
    if args.resume and os.path.exists(args.checkpoint):
        state = torch.load(args.checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        start = state["epoch"]
    for epoch in range(start, args.epochs):
        loss = train(model, loader, optimizer, scheduler, device)
        print(f"epoch {epoch + 1}: loss {loss:.6f}")
        state = {
            "epoch": epoch + 1,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
        }
        torch.save(state, args.checkpoint)
    print(f"held-out accuracy: {test(model, test_loader, device):.4f}")


if __name__ == "__main__":
    main()
