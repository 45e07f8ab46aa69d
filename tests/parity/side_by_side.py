"""One program run by both libraries; what it yields is compared as text."""

import pytest

import flambeau.nn  # noqa: F401


def scenarios():
    """A list of pytest parameters, and the decorator that collects functions in it.

    A scenario is a generator that gets a library and yields what a user would see.
    """
    collected = []

    def scenario(function):
        collected.append(pytest.param(function, id=function.__name__))
        return function

    return collected, scenario


def report(function, *args):
    """What a scenario yields, as text."""
    return [shown(each) for each in function(*args)]


def shown(value):
    """Text that is the same in both libraries if the values are."""
    return value if isinstance(value, str) else repr(value)


def error(function, *args, **kwargs):
    """The type and the message of what a call raises."""
    try:
        function(*args, **kwargs)
    except Exception as caught:
        return f"{type(caught).__name__}: {caught}"
    return "no error"
