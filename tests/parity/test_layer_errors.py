"""Wrong calls of layers get an error of the type that torch raises."""

import warnings

import pytest
import torch
from wrong_calls import ACTIVATION, LINEAR, NORM, RESIZE, Wrong
from wrong_linear_losses import LINEAR_LOSS
from wrong_losses import LOSS
from wrong_margin import MARGIN
from wrong_sampling import SAMPLING
from wrong_sequences import ATTENTION, RECURRENT

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


@pytest.mark.parametrize("wrong", ERRORS.values(), ids=ERRORS.keys())
def test_the_type_is_that_of_torch(wrong: Wrong) -> None:
    with warnings.catch_warnings(), pytest.raises(Exception) as caught:
        warnings.simplefilter("ignore")
        wrong.call(torch, torch.nn, torch.nn.functional)
    assert caught.type is wrong.error
