"""Commands hit at random moments by SIGKILL, SIGTERM and SIGINT leave what an uninterrupted run leaves."""

import random
from collections.abc import Iterator

import pytest

from hf_fairtune.show.drawing import Picture
from tests.conftest import POINT
from tests.kills.firing import import_all
from tests.kills.targets import TARGETS, Ground
from tests.kills.volley import ENDS, volley

# Of each command, by one signal after another; fewer of those that take longest.
HITS = {"search": 6, "train": 9, "debias": 3, "compare": 3, "audit": 9, "report": 9, "push": 18}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Where the commands run; figures, which take most of their time, are left out of pages and cards."""
    import_all()
    with Ground.prepare(tmp_path_factory.mktemp("kills")) as found, pytest.MonkeyPatch.context() as patch:
        patch.setattr("hf_fairtune.show.card.pictures", lambda _: [])
        patch.setattr(Picture, "image", lambda _: (POINT, 1, 1))
        yield found


@pytest.mark.parametrize("name", HITS)
def test_what_is_left_equals_an_uninterrupted_run(name: str, ground: Ground) -> None:
    found = volley(TARGETS[name], ground, list(ENDS), HITS[name], random.Random(name))
    assert not found.wrong, "\n".join(found.wrong)
    assert len(found.moments) >= HITS[name]
