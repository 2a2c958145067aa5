import pytest

from hf_fairtune.audits.metrics.metric import PARTS, card_of, homes
from hf_fairtune.cli.main import main
from hf_fairtune.cli.metrics import ALSO, direction, whole


def test_every_metric_is_listed_once_with_its_direction(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert listed == [*homes(), "All"]
    assert max(map(len, lines)) <= 119
    text = " ".join(" ".join(lines).split())
    for name in homes():
        found = card_of(name)
        assert f"{name} {found.title.rstrip('.')}. {direction(found)}" in text


@pytest.mark.parametrize("name", [*homes(), *ALSO])
def test_a_card_is_whole(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", name.upper()]) == 0
    text = " ".join(capsys.readouterr().out.split())
    found = card_of(ALSO.get(name, name))
    assert text == " ".join(whole(found).split())
    assert all(f"{part.capitalize()}: {getattr(found, part)}" in text for part in PARTS)


@pytest.mark.parametrize("name", ["nothing", "metric", "../auc", ""])
def test_what_is_no_metric_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "--name", name]) == 2
    assert "choose from" in capsys.readouterr().err
