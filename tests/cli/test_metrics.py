import pytest

from hf_fairtune import catalog
from hf_fairtune.cli.main import main
from hf_fairtune.cli.metrics import ALSO, direction, whole
from hf_fairtune.gate.metrics import known
from hf_fairtune.metrics.metric import PARTS, card

NAMES = catalog.names("metrics")


def test_every_metric_is_listed_once_with_its_direction(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert listed == [*NAMES, "All"]
    assert max(map(len, lines)) <= 119
    text = " ".join(" ".join(lines).split())
    for name in NAMES:
        found = card(catalog.find("metrics", name))
        assert f"{name} {found.title.rstrip('.')}. {direction(found)}" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_card_is_told_whole(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", name]) == 0
    told = " ".join(capsys.readouterr().out.split())
    found = card(catalog.find("metrics", name))
    assert told.startswith(found.title)
    for part in PARTS:
        assert f"{part.capitalize()}: {getattr(found, part)}" in told


@pytest.mark.parametrize("name", ["nothing", "rates", "metric", "../auc", ""])
def test_what_is_no_metric_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "--name", name]) == 2
    assert "choose from" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted({*known()} - {*NAMES}))
def test_what_a_gate_calls_otherwise_has_a_card_too(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", name.upper()]) == 0
    assert capsys.readouterr().out.split() == whole(card(catalog.find("metrics", ALSO[name]))).split()
