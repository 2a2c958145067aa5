"""Figures of a run: what is drawn equals what its document holds."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import same_color

from hf_fairtune.document.document import Document
from hf_fairtune.document.run import MaskBits, MaskLayer
from hf_fairtune.document.search import Search
from hf_fairtune.show import search_history as history
from hf_fairtune.show.drawing import BLUE
from hf_fairtune.show.mask_figures import finished, grid, mask_frequency, mask_layers, mask_map, mask_words

from .conftest import edited, many_trials

GRANULARITIES = {"paper36": 36, "attention12": 12, "layernorm12": 12, "split48": 48, "someone's": 24, "odd": 7}


def artists(axes: Axes, gid: str) -> list[Any]:
    return [a for a in axes.get_children() if a.get_gid() == gid]


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("pattern", [0, 1, 5])
def test_filled_cells_equal_the_mask(granularity: str, pattern: int) -> None:
    bits = [int(pattern and i % pattern == 0) for i in range(GRANULARITIES[granularity])]
    mask = MaskBits(granularity, bits, 12 if len(bits) % 12 == 0 else 0)
    picture = mask_map(mask, 0.5)
    axes, (kinds, cells) = picture.figure.axes[0], grid(mask, mask.bits)
    boxes = {patch.get_gid(): patch for patch in axes.patches}
    for (block, kind), value in [((b, k), cells[b, k]) for b in range(len(cells)) for k in range(len(kinds))]:
        patch = boxes[f"cell-{block}-{kind}"]
        state = "always frozen" if math.isnan(value) else "trained" if value else "frozen"
        assert patch.get_label() == state
        assert same_color(patch.get_facecolor(), BLUE) == (state == "trained")
    assert [int(value) for value in cells.ravel() if not math.isnan(value)] == bits
    assert {boxes[f"fixed-{part}"].get_label() for part in ("embeddings", "norm")} == {"always frozen"}
    assert boxes["fixed-head"].get_label() == "always trained"
    assert "50 %" in axes.get_title(loc="left")


def test_bits_of_the_paper_are_norms_attention_mlp() -> None:
    bits = [0] * 36
    bits[0] = bits[3 * 5 + 1] = bits[3 * 11 + 2] = bits[3 * 6 + 1] = 1
    said = mask_words(MaskBits("paper36", bits, 12))
    assert said == "LayerNorms of block 0; attention of blocks 5–6; MLP of block 11; and the classification head"
    assert mask_words(MaskBits("paper36", [0] * 36, 12)) == "nothing but the classification head"
    assert mask_words(MaskBits("attention12", [1] * 12, 12)).startswith("attention of every block")
    assert grid(MaskBits("split48", [1] * 48, 12), [1] * 48)[0][0] == "first LayerNorm"


@pytest.fixture
def searched(search: Document) -> Search:
    def made(content: dict[str, Any]) -> None:
        many_trials(content)
        trials = content["run"]["search"]["trials"]
        trials[9] |= {"state": "FAIL", "value": None, "values": {}}

    run = edited(search, made).run
    assert run is not None
    assert run.search is not None
    return run.search


def test_history_draws_every_trial_where_it_ended(searched: Search) -> None:
    picture = history.search_history(searched)
    assert picture is not None
    upper, lower = picture.figure.axes
    for word, state in {"complete": "COMPLETE", "pruned": "PRUNED"}.items():
        (dots,) = artists(upper, f"state-{word}")
        want = [(t.number, history.last_value(t)) for t in searched.trials if t.state == state]
        assert dots.get_offsets().tolist() == [list(point) for point in want]
    assert artists(upper, "no-value-failed")[0].get_offsets()[:, 0].tolist() == [9]
    (best,) = artists(upper, "best-so-far")
    assert best.get_ydata()[-1] == max(t.value for t in searched.trials if t.state == "COMPLETE")
    assert list(best.get_ydata()) == sorted(best.get_ydata())
    assert [text.get_text() for text in upper.texts] == [t.preset for t in searched.trials if t.preset]
    winner = artists(lower, f"trial-{searched.best_trial}")[0]
    assert winner.get_linewidth() == max(line.get_linewidth() for line in lower.lines)
    (warm,) = artists(lower, "warm-up")
    assert warm.get_width() == searched.warmup_epochs


def test_a_cross_fitted_search_is_drawn_by_fold(searched: Search) -> None:
    trials = [replace(t, values={"1": 0.5, "2": 0.6, "3": t.value}) for t in searched.trials]
    picture = history.search_history(replace(searched, trials=trials, folds=3, warmup_epochs=0))
    assert picture is not None
    lower = picture.figure.axes[1]
    assert lower.get_xlabel() == "fold"
    assert not artists(lower, "warm-up")
    assert [tick for tick in lower.get_xticks() if 0 < tick < 4] == [1, 2, 3]
    assert "by trial and by fold" in picture.alt
    assert "out of fold" in picture.reading
    assert "epoch" not in picture.reading
    assert "no line shows a model that gets better" in picture.reading


def test_an_infeasible_trial_is_marked_and_never_the_best(searched: Search) -> None:
    plain = history.search_history(searched)
    assert plain is not None
    assert "infeasible" not in plain.alt + plain.reading
    top = max((t for t in searched.trials if t.state == "COMPLETE"), key=lambda t: t.value)
    trials = [replace(t, infeasible=["min_auc"]) if t is top else t for t in searched.trials]
    some = replace(searched, trials=trials)
    picture = history.search_history(some)
    assert picture is not None
    assert "1 infeasible" in picture.alt
    assert "missed a floor" in picture.reading
    upper = picture.figure.axes[0]
    (dots,) = artists(upper, "state-infeasible")
    assert dots.get_offsets().tolist() == [[top.number, top.value]]
    assert top.number not in [number for number, _ in artists(upper, "state-complete")[0].get_offsets().tolist()]
    assert max(value for _, value in history.best_so_far(trials, some)) < top.value
    assert top.number not in [trial.number for trial in finished(some)]


def test_minimised_objective_goes_down(searched: Search) -> None:
    values = [value for _, value in history.best_so_far(searched.trials, replace(searched, direction="minimize"))]
    assert values == sorted(values, reverse=True)


def test_history_needs_a_value_and_draws_epochs_where_there_are_some(searched: Search) -> None:
    empty = [replace(trial, value=math.nan, values={}) for trial in searched.trials]
    assert history.search_history(replace(searched, trials=empty)) is None
    assert history.search_history(replace(searched, trials=[])) is None
    picture = history.search_history(replace(searched, trials=[replace(t, values={}) for t in searched.trials]))
    assert picture is not None
    assert len(picture.figure.axes) == 1


def test_frequency_counts_the_best_quarter(searched: Search) -> None:
    mask = MaskBits("paper36", [1] * 36, 12)
    done = finished(searched)
    assert [trial.value for trial in done] == sorted((trial.value for trial in done), reverse=True)
    picture = mask_frequency(searched, mask)
    assert picture is not None
    for axes, some in zip(picture.figure.axes[:2], (done[: -(-len(done) // 4)], done), strict=True):
        shown = axes.images[0].get_array()
        for bit in range(36):
            share = 100 * sum(trial.mask[bit] for trial in some) / len(some)
            assert shown[bit % 3][bit // 3] == pytest.approx(share)
    assert mask_frequency(replace(searched, trials=done[:7]), mask) is None
    assert mask_frequency(replace(searched, trials=done[:8]), mask) is not None


def test_layers_hold_every_number_of_a_layer(repair: Document) -> None:
    training = repair.model_named(repair.model).training
    assert training is not None
    assert training.soft_mask is not None
    layers = training.soft_mask.layers
    picture = mask_layers(layers)
    assert picture is not None
    left, right = picture.figure.axes
    for key in ("median", "mean"):
        (line,) = artists(left, key)
        assert list(line.get_xdata()) == [getattr(row, key) for row in layers]
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in left.patches]
    assert bars == [pytest.approx((row.low, row.high)) for row in layers]
    for key in ("prediction", "bias"):
        (line,) = artists(right, key)
        assert list(line.get_xdata()) == pytest.approx(
            [getattr(row, key) / row.parameters or math.nan for row in layers], nan_ok=True
        )
    assert [text.get_text() for text in left.get_yticklabels()] == [row.layer for row in layers]


def test_a_layer_without_importance_has_no_marker(tmp_path: Path) -> None:
    layer = MaskLayer("head", 10, 0.5, 0.1, 0.5, 0.9, 0.0, 0.0)
    picture = mask_layers([layer, replace(layer, layer="block", bias=2.0)])
    assert picture is not None
    (line,) = artists(picture.figure.axes[1], "bias")
    assert [math.isnan(x) for x in line.get_xdata()] == [True, False]
    assert mask_layers([layer]) is not None
    assert mask_layers([]) is None
    again = mask_layers([layer, replace(layer, layer="block", bias=2.0)])
    assert again is not None
    first, second = picture.write(tmp_path / "a.png"), again.write(tmp_path / "b.png")
    assert first.read_bytes() == second.read_bytes()
