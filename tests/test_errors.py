"""How an error of a library or of the system is quoted in a line of our own."""

import errno
import os
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub.errors import HfHubHTTPError

from hf_fairtune.errors import FairTuneError, first_line
from hf_fairtune.hub import refusal
from hf_fairtune.scoring import class_logits


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("first\nsecond"), "first"),
        (ValueError("\n\n  first \nsecond"), "first "),
        (ValueError(), "ValueError"),
        (RuntimeError(" \n "), "RuntimeError"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/home/me/table.csv"), "No space left on device"),
        (OSError("no such model\nTraceback"), "no such model"),
        (OSError(), "OSError"),
    ],
)
def test_an_error_is_quoted_in_one_line(error: Exception, line: str) -> None:
    assert first_line(error) == line


def test_a_hub_that_says_nothing_is_quoted_by_its_error() -> None:
    error = HfHubHTTPError("", response=SimpleNamespace(status_code=500, headers={}, request=None))  # type: ignore[arg-type]
    error.args = ("",)
    assert str(error) == ""
    assert refusal(error, "tester/lesions", "http://hub") == "the Hub refused `tester/lesions` (HfHubHTTPError)."


def test_a_model_that_says_nothing_is_quoted_by_its_error() -> None:
    class Silent(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            raise RuntimeError

    with pytest.raises(FairTuneError, match=r"does not take 2 images of 3 x 4 x 4 \(RuntimeError\)"):
        class_logits(Silent(), torch.zeros(2, 3, 4, 4))
