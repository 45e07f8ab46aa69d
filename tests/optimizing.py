"""Steps of optimizers, beside rules in NumPy that are sent the same gradients."""

import numpy as np

import flambeau as ft

STEPS = 6


def leaf(*values, dtype=None):
    """A parameter with these values."""
    return ft.tensor(values, dtype=dtype or ft.float64, requires_grad=True)


def gradient(weight, step):
    """Some gradient, the same function of the weight for both sides."""
    return np.sin(3 * weight + step)


def run(rule, weight, **options):
    """The weight after each of some steps."""
    param = leaf(*weight)
    optimizer = rule([param], **options)
    history = []
    for step in range(STEPS):
        param.grad = ft.tensor(gradient(param.detach().numpy(), step))
        optimizer.step()
        history.append(param.detach().numpy().copy())
    return np.array(history)


def reference(update, weight):
    """The same, by a generator that is sent gradients and yields new weights."""
    weight = np.array(weight)
    rule = update(weight)
    next(rule)
    history = []
    for step in range(STEPS):
        weight = rule.send(gradient(weight, step))
        history.append(weight)
    return np.array(history)
