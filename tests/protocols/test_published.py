"""The papers' numbers in `scripts/protocols/published`: well formed, consistent, and in the papers' text."""

from pathlib import Path

import pandas as pd
import pytest

from hf_fairtune.audits.compute import directions

ROOT = Path(__file__).parent.parent.parent
PUBLISHED = ROOT / "scripts" / "protocols" / "published"
PAPERS = ROOT.parent / "shared" / "papers"
TEXTS = {"fairtune": "fairtune_iclr2024.txt", "swift": "swift_soft_mask.txt"}
COLUMNS = ["table", "dataset", "attribute", "method", "metric", "value", "sd", "unit", "note"]
KEY = ["table", "dataset", "attribute", "method", "metric", "unit", "note"]
# Numbers by table: methods x tasks x metrics, averages and ranks.
COUNTS = {
    "fairtune": {1: 8 * 48, 2: 15, 3: 8 * 80, 4: 6 * 80, 5: 60, 6: 4 * 30},
    "swift": dict(enumerate([120] * 4 + [12, 18, 12, 18, 18], 1)),
}
LARGEST = {"percent": 100, "fraction": 1, "rank": 8}


def texts(paper: str) -> pd.DataFrame:
    """Return a paper's numbers as they are written."""
    return pd.read_csv(PUBLISHED / f"{paper}.csv", dtype=str, keep_default_na=False)


def numbers(paper: str) -> pd.DataFrame:
    """Return a paper's numbers as numbers."""
    found = texts(paper)
    return found.assign(**{name: pd.to_numeric(found[name]) for name in ("table", "value", "sd")})


@pytest.mark.parametrize("paper", TEXTS)
def test_every_row_is_a_number_of_ours(paper: str) -> None:
    found = numbers(paper)
    assert [*found] == COLUMNS
    assert found.table.value_counts().to_dict() == COUNTS[paper]
    assert {*found.metric} <= {*directions()}
    assert not found.duplicated(KEY).any()
    assert {*found.unit} == ({"percent", "rank"} if paper == "fairtune" else {"fraction"})
    assert found.value.between(0, found.unit.map(LARGEST)).all()
    assert found.sd.isna().all() if paper == "fairtune" else found.sd.between(0, 0.2).all()
    assert (found[["dataset", "method"]] != "").all(axis=None)
    assert ((found.attribute == "") == (found.dataset == "average")).all()


@pytest.mark.parametrize("table", [1, 3, 4])
def test_averages_and_ranks_are_those_of_the_rows(table: int) -> None:
    """A slip in one of the rows would move them."""
    found = numbers("fairtune")
    found = found[found.table == table]
    rows, means = found[found.dataset != "average"], found[found.dataset == "average"]
    for _, printed in means.iterrows():
        cells = rows[rows.metric == printed.metric].pivot(
            index=["dataset", "attribute"], columns="method", values="value"
        )
        ranks = cells.rank(axis=1, ascending=not directions()[printed.metric])
        own = (ranks if printed.unit == "rank" else cells)[printed.method].mean()
        assert printed.value == pytest.approx(own, abs=0.15 if printed.unit == "rank" else 0.06)


def test_table_2_is_the_mean_of_table_6() -> None:
    """But for the gap of full fine-tuning, which is not that of table 1."""
    found = numbers("fairtune")
    found = found.assign(objective=found.note.str.extract(r"(objective=\w+)", expand=False).fillna(""))
    five = found.dataset.isin(["fitzpatrick17k", "ham10000", "papila", "ol3i", "oasis"])
    rows = found[five & ((found.table == 6) | ((found.table == 1) & (found.method == "full")))]
    means = rows.groupby(["method", "objective", "metric"]).value.mean()
    for _, printed in found[found.table == 2].iterrows():
        own = means[printed.method, printed.objective, printed.metric]
        odd = (printed.method, printed.metric) == ("full", "auc_gap")
        assert printed.value == (3.7 if odd else pytest.approx(own, abs=0.06))
        assert own == (pytest.approx(4.9) if odd else own)


def test_swift_is_the_same_in_its_ablations() -> None:
    """What one table says of the method, the others repeat."""
    found = numbers("swift")
    cells = ["dataset", "attribute", "metric"]
    main = found[found.table.isin([1, 3]) & (found.method == "swift")].set_index(cells)
    whole = ["swift-soft", "swift-min-max", "swift-both", "swift-mean"]
    again = found[found.method.isin(whole)].set_index(cells)
    assert len(again) == 4 * 6
    for column in ("value", "sd"):
        assert (again[column] == main.loc[again.index, column]).all()


@pytest.mark.parametrize("paper", TEXTS)
def test_every_number_is_in_the_paper(paper: str) -> None:
    """The numbers of a row follow each other there: FairTune's of all methods, SWiFT's of one method and data set."""
    place = PAPERS / TEXTS[paper]
    if not place.is_file():
        pytest.skip(f"{place} is not here: the papers are no part of the project")
    text, found = place.read_text(encoding="utf-8"), texts(paper)
    if paper == "fairtune":
        said = found.note.where(found.table == "5", "").where(~found.note.str.contains("rank"), "rank")
        printed = [
            " " + " ".join(rows.value)
            for _, rows in found.groupby(["table", "dataset", "attribute", "metric", said, "unit"])
        ]
        assert max(map(len, (own.split() for own in printed))) == 8
    else:
        rows = found.groupby(["table", "dataset", "attribute", "method"], sort=False)
        printed = ["".join(own.value + own.sd) for _, own in rows]
        assert {*map(len, printed)} == {30}
    assert not [own for own in printed if own not in text]
