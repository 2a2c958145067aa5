"""Figures: what is drawn equals what the record holds."""

import io
from collections.abc import Callable

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from hf_fairtune.record import Record
from hf_fairtune.report import changes, groups, mask_frequency, mask_layers, mask_map, search_history
from hf_fairtune.report.gallery import FIGURES, pictures
from hf_fairtune.report.models import compared
from hf_fairtune.report.paired import changes_by_split
from hf_fairtune.report.sheet import BLUE, GREY, VERMILLION, labels
from hf_fairtune.report.space import grid, words

Make = Callable[..., Record]
SPACES = {"paper36": 36, "attention12": 12, "layernorm12": 12, "split48": 48, "someone's": 24, "odd": 7}


def artists(axes: Axes, gid: str) -> list:
    return [a for a in axes.get_children() if a.get_gid() == gid]


def draw(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("pattern", [0, 1, 5])
def test_filled_cells_equal_the_mask(space: str, pattern: int) -> None:
    bits = [int(pattern and i % pattern == 0) for i in range(SPACES[space])]
    parts = grid(space, bits, 12)
    axes = mask_map.mask_map(parts, 0.5).axes[0]
    filled = {
        patch.get_gid(): int(same_color(patch.get_facecolor(), BLUE))
        for patch in axes.patches
        if patch.get_gid().startswith("cell") and patch.get_label() != "always frozen"
    }
    ordered = [filled[f"cell-{b}-{k}"] for b in range(parts.blocks) for k in range(9) if f"cell-{b}-{k}" in filled]
    assert ordered == bits
    fixed = {patch.get_gid(): patch.get_label() for patch in axes.patches if patch.get_gid().startswith("fixed")}
    assert fixed == {
        "fixed-embeddings": "always frozen",
        "fixed-norm": "always frozen",
        "fixed-head": "always trained",
    }
    assert "50.0 %" in axes.get_title(loc="left")


def test_bits_of_the_paper_are_norms_attention_mlp() -> None:
    bits = [0] * 36
    bits[0] = bits[3 * 5 + 1] = bits[3 * 11 + 2] = bits[3 * 6 + 1] = 1
    said = words("paper36", bits, 12)
    assert said.startswith("LayerNorms of block 0; attention of blocks 5–6; MLP of block 11")
    assert words("paper36", [0] * 36, 12) == "nothing but the classification head"
    assert words("attention12", [1] * 12, 12).startswith("attention of every block")
    assert grid("attention12", [1] * 12, 12).cells[0] == (None, 1, None)


def test_history_draws_every_trial_where_it_ended(make: Make) -> None:
    record = make(2)
    figure = search_history.search_history(record.trials, record.search)
    upper, lower = figure.axes
    for word, state in {"complete": "COMPLETE", "pruned": "PRUNED"}.items():
        (dots,) = artists(upper, f"state-{word}")
        want = [(t["number"], search_history.last_value(t)) for t in record.trials if t["state"] == state]
        assert dots.get_offsets().tolist() == [list(point) for point in want]
    assert len(artists(upper, "no-value")[0].get_offsets()) == sum(t["state"] == "FAIL" for t in record.trials)
    (best,) = artists(upper, "best-so-far")
    assert best.get_ydata()[-1] == max(t["value"] for t in record.trials if t["value"] is not None)
    assert list(best.get_ydata()) == sorted(best.get_ydata())
    assert [text.get_text() for text in upper.texts] == ["full", "linear", "attention", "layernorm"]
    winner = artists(lower, f"trial-{record.search['best_trial']}")[0]
    assert winner.get_linewidth() == max(line.get_linewidth() for line in lower.lines)
    (warm,) = artists(lower, "warm-up")
    assert warm.get_width() == record.search["warmup_epochs"]


def test_minimised_objective_goes_down(make: Make) -> None:
    trials = make(2).trials
    values = [value for _, value in search_history.best_so_far(trials, "minimize")]
    assert values == sorted(values, reverse=True)


def test_history_needs_a_value(make: Make) -> None:
    record = make(2)
    failed = [t | {"state": "FAIL", "value": None, "values": {}} for t in record.trials]
    assert search_history.search_history(failed, record.search) is None
    assert search_history.search_history([], record.search) is None


def test_history_without_epochs_has_one_panel(make: Make) -> None:
    record = make(2)
    figure = search_history.search_history([t | {"values": {}} for t in record.trials], record.search)
    assert len(figure.axes) == 1
    assert draw(figure)


@pytest.mark.parametrize("n_groups", [2, 8, 12])
def test_forest_holds_every_estimate(make: Make, n_groups: int) -> None:
    record = make(n_groups)
    audits = compared(record)
    figure = groups.group_forest(audits, "test")
    axes = figure.axes[0]
    drawn = sorted(float(a.get_xdata()[0]) for a in artists(axes, "estimate"))
    want = [row["auc"] for a in audits.values() for row in a["groups"]]
    want += [a[key]["value"] for a in audits.values() for key in ("auc", "min_group_auc")]
    assert drawn == pytest.approx(sorted(value for value in want if value is not None))
    ends = {
        (round(float(low), 9), round(float(high), 9))
        for low, high in (a.get_xdata() for a in artists(axes, "interval"))
    }
    for audit in audits.values():
        for row in audit["groups"]:
            known = (row["auc_low"] is not None) and (round(row["auc_low"], 9), round(row["auc_high"], 9))
            assert not known or known in ends
    assert draw(figure)


def test_forest_marks_weak_and_not_estimable_groups(make: Make) -> None:
    axes = groups.group_forest(compared(make(8)), "test").axes[0]
    remarks = [a.get_text() for a in artists(axes, "remark")]
    assert sum("weak" in text for text in remarks) == 1
    assert sum("not estimable" in text for text in remarks) == 2
    hollow = [a for a in artists(axes, "estimate") if a.get_markerfacecolor() == "white"]
    assert len(hollow) == 2


def test_forest_names_the_lowest_group_by_its_row(make: Make) -> None:
    record = make(5)
    for entry in record.evaluations:
        entry["audit"]["min_group_auc"]["group"] = entry["audit"]["groups"][4]["group"]
    axes = groups.group_forest(compared(record), "test").axes[0]
    assert "group 5" in artists(axes, "remark")[1].get_text()


def test_labels_cope_with_any_name() -> None:
    drawn = labels(["", "a" * 300, "$x$", "色", "two\nlines"])
    assert drawn[0] == "(empty name)"
    assert max(map(len, drawn[1].splitlines())) <= 27
    assert drawn[2:] == [r"\$x\$", "group 4 (see table)", "two lines"]


def test_frequency_counts_the_best_quarter(make: Make) -> None:
    record = make(2, n_trials=40)
    done = mask_frequency.finished(record.trials, "maximize")
    assert [t["value"] for t in done] == sorted((t["value"] for t in done), reverse=True)
    upper, lower = mask_frequency.mask_frequency(record.trials, "paper36", 12).axes[:2]
    best = -(-len(done) // 4)
    for axes, some in ((upper, done[:best]), (lower, done)):
        shown = axes.images[0].get_array()
        for bit in range(36):
            share = 100 * sum(t["mask"][bit] for t in some) / len(some)
            assert shown[bit % 3][bit // 3] == pytest.approx(share)


def test_frequency_needs_eight_finished_trials(make: Make) -> None:
    complete = [t for t in make(2, n_trials=40).trials if t["state"] == "COMPLETE"]
    assert mask_frequency.mask_frequency(complete[:7], "paper36", 12) is None
    assert draw(mask_frequency.mask_frequency(complete[:8], "paper36", 12))
    only = [t | {"mask": t["mask"][:12]} for t in complete]
    assert draw(mask_frequency.mask_frequency(only, "attention12", 12))


def test_forest_of_changes_holds_every_change(make_repaired: Make) -> None:
    record = make_repaired(4, ("clinic-b", "ddi"))
    found = changes_by_split(record)
    assert list(found) == ["test", "clinic-b", "ddi"]
    panels = changes.change_forest(found).axes
    for axes, (split, held) in zip(panels, found.items(), strict=True):
        assert axes.get_title(loc="left") == f"on {split}"
        items = [held["auc"], held["min_group_auc"], *(row["auc"] for row in held["groups"])]
        drawn = [float(a.get_xdata()[0]) for a in artists(axes, "estimate")]
        assert drawn == pytest.approx([item["value"] for item in items])
        ends = [[float(x) for x in a.get_xdata()] for a in artists(axes, "interval")]
        assert ends == [pytest.approx([item["low"], item["high"]]) for item in items]
        assert [float(x) for x in artists(axes, "zero")[0].get_xdata()] == [0, 0]


def test_colour_and_marker_of_a_change_are_its_sign(make_repaired: Make) -> None:
    held = make_repaired(3, ()).comparisons[0]
    for row, (low, high) in zip(held["groups"], [(0.01, 0.03), (-0.01, 0.03), (-0.03, -0.01)], strict=True):
        row["auc"] |= {"value": (low + high) / 2, "low": low, "high": high}
    axes = changes.change_forest({"test": held}).axes[0]
    drawn = [(a.get_marker(), a.get_color()) for a in artists(axes, "estimate")[2:]]
    assert drawn == [(">", BLUE), ("o", GREY), ("<", VERMILLION)]


def test_changes_that_are_undefined_are_not_drawn(make_repaired: Make) -> None:
    figure = changes.change_forest(changes_by_split(make_repaired(8)))
    remarks = [a.get_text() for a in artists(figure.axes[0], "remark")]
    assert remarks[1] == "undefined"
    assert len(artists(figure.axes[0], "estimate")) == 7
    assert draw(figure)


def test_mask_layers_hold_every_number_of_a_layer(make_repaired: Make) -> None:
    rows = make_repaired().repair["mask"]["layers"]
    left, right = mask_layers.mask_layers(rows).axes
    for key in ("median", "mean"):
        (line,) = artists(left, key)
        assert line.get_xdata().tolist() == [row[key] for row in rows]
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in left.patches]
    assert bars == [pytest.approx((row["low"], row["high"])) for row in rows]
    for key in ("prediction", "bias"):
        (line,) = artists(right, key)
        assert line.get_xdata() == pytest.approx([row[key] / row["parameters"] for row in rows])
    assert [text.get_text() for text in left.get_yticklabels()] == [row["layer"] for row in rows]


def test_a_layer_without_importance_has_no_marker(make_repaired: Make) -> None:
    rows = make_repaired().repair["mask"]["layers"]
    rows[1] |= {"prediction": 0.0, "bias": 0.0}
    figure = mask_layers.mask_layers(rows)
    assert len(artists(figure.axes[1], "bias")[0].get_xdata()) == len(rows) - 1
    nothing = [row | {"prediction": 0.0, "bias": 0.0} for row in rows]
    assert draw(mask_layers.mask_layers(nothing))
    assert mask_layers.mask_layers([]) is None


def test_every_figure_has_words_and_steady_bytes(make: Make, make_repaired: Make) -> None:
    first, again = ([*pictures(make(3)), *pictures(make_repaired(3))] for _ in range(2))
    assert {picture.name for picture in first} == set(FIGURES)
    for one, two in zip(first, again, strict=True):
        assert draw(one.figure) == draw(two.figure)
        assert len(one.alt) > 40
        assert "does not show" in one.reading or "do not" in one.reading or "chance" in one.reading


def test_only_figures_that_apply(make: Make, make_repaired: Make) -> None:
    assert [p.name for p in pictures(make(3, ("full",), 0))] == ["groups"]
    assert pictures(make(3, (), 0)) == []
    assert [p.name for p in pictures(make_repaired(3))] == ["groups", "changes", "mask_layers"]
