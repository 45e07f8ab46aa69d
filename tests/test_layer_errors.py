"""Wrong calls of layers: the error's type, and what its message and notes say."""

import warnings

import pytest
from wrong_calls import ACTIVATION, LINEAR, NORM, RESIZE, Wrong
from wrong_linear_losses import LINEAR_LOSS
from wrong_losses import LOSS
from wrong_margin import MARGIN
from wrong_sampling import SAMPLING
from wrong_sequences import ATTENTION, RECURRENT

import flambeau
from flambeau import nn

ERRORS = (
    ACTIVATION
    | LINEAR
    | NORM
    | RESIZE
    | LOSS
    | LINEAR_LOSS
    | MARGIN
    | RECURRENT
    | ATTENTION
    | SAMPLING
)


def check_error(wrong: Wrong) -> None:
    with warnings.catch_warnings(), pytest.raises(wrong.error) as caught:
        warnings.simplefilter("ignore")  # of sizes that broadcast, before they do not
        wrong.call(flambeau, nn, nn.functional)
    assert caught.type is wrong.error
    notes = getattr(caught.value, "__notes__", [])
    message = "\n".join([str(caught.value), *notes])
    for part in wrong.told:
        assert part in message


@pytest.mark.parametrize("wrong", ERRORS.values(), ids=ERRORS.keys())
def test_errors_say_what_does_not_fit(wrong: Wrong) -> None:
    check_error(wrong)


def test_no_error_or_another_is_seen() -> None:
    def refuse(*libraries: object) -> None:
        raise KeyError("key")

    check_error(Wrong(refuse, KeyError, ("key",)))
    for other in (
        Wrong(lambda *libraries: None, KeyError, ()),
        Wrong(refuse, LookupError, ()),
        Wrong(refuse, KeyError, ("value",)),
    ):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check_error(other)
