"""Every file of `families/` says what structure does not tell; the file is its `config.model_type`."""

import pytest
from transformers import CONFIG_MAPPING

from hf_fairtune import catalog
from hf_fairtune.families.family import Family


@pytest.mark.parametrize("name", catalog.names("families"))
def test_a_file_differs_from_the_default(name: str) -> None:
    assert name in CONFIG_MAPPING
    family = catalog.find("families", name).FAMILY
    assert isinstance(family, Family)
    assert family != Family()
