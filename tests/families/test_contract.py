"""Every file of `families/` names an architecture's parts; the file is its `config.model_type`."""

import pytest

from hf_fairtune import catalog
from hf_fairtune.families.family import KINDS, family_named


@pytest.mark.parametrize("name", catalog.names("families"))
def test_names_of_every_kind(name: str) -> None:
    family = family_named(name)
    assert set(family.leaves) == set(KINDS)
    assert all(family.leaves.values())
    assert family.head not in family.rest.values()
