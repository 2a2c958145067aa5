"""The public names: all importable, and importing the package costs no torch."""

import subprocess
import sys

import pytest

import hf_fairtune


@pytest.mark.parametrize("name", hf_fairtune.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    assert getattr(hf_fairtune, name).__doc__
    assert name in dir(hf_fairtune)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'magic'"):
        _ = hf_fairtune.magic


def test_importing_is_light() -> None:
    code = "import sys, hf_fairtune; assert not {'torch', 'transformers', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
