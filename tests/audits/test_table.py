import numpy as np

from hf_fairtune.audits.audit import audit
from hf_fairtune.metrics.thresholds import fixed, youden

from ..metrics.samples import NAMES, split


def test_the_table_shows_every_group_and_number() -> None:
    cut = youden(*split(seed=9)[:2], "validation")
    found = audit(*split((30, 15, 7)), NAMES, thresholds=[fixed(), cut], n_boot=100)
    lines = found.table().splitlines()
    assert lines[0].split()[:4] == ["group", "n", "positives", "AUC"]
    assert lines[1].startswith("a         90         30  ")
    assert "weak (15 positives, fewer than 20)" in lines[2]
    assert "not estimable (7 positives, fewer than 10)" in lines[3]
    assert lines[4].startswith("overall")
    text = found.table()
    for part in (
        "lowest AUC",
        "AUC gap",
        "by chance alone",
        "b - a",
        "equalized odds difference",
        "fitted on validation",
    ):
        assert part in text
    assert not any(line != line.rstrip() for line in lines)
    assert text.isascii()


def test_undefined_numbers_are_dashes_with_reasons() -> None:
    text = audit(*split((30, 25, 0)), NAMES, thresholds=[fixed(2.0)], n_boot=100).table()
    assert "lowest AUC  - (`c`: no positives" in text
    assert "DEGENERATE" in text
    assert "nan" not in text


def test_no_bootstrap_no_brackets() -> None:
    labels, scores, groups = split()
    text = audit(labels, scores, groups, NAMES, n_boot=0).table()
    assert "no interval: n_boot is 0" in text
    assert f"{np.mean(labels):.3f}" not in text
