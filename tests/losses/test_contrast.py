"""Who is compared with whom: against the loss on the rows picked out, and scikit-learn's AUC."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from hf_fairtune import catalog
from hf_fairtune.errors import FairTuneError
from hf_fairtune.losses.contrast import Contrast, EachGroup, GroupPair, comparable, contrast_for
from hf_fairtune.losses.loss import bias_loss_named
from hf_fairtune.losses.one_vs_rest import codes

NAMES = catalog.names("losses")


def rows(n_groups: int, n: int = 40, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    p = torch.rand(n, generator=draw, dtype=torch.float64)
    return p, torch.randint(2, (n,), generator=draw), torch.randint(n_groups, (n,), generator=draw)


def chosen(kind: str, p: torch.Tensor, y: torch.Tensor, groups: torch.Tensor) -> Contrast:
    """Return the contrast for two classes."""
    return contrast_for(kind, p.unsqueeze(1), y.unsqueeze(1), groups)


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_is_the_loss_on_the_rows_of_the_two(name: str) -> None:
    p, y, groups = rows(3)
    keep = groups != 1
    loss = bias_loss_named(name)
    got = GroupPair(worst=2, best=0)(loss, p, y, groups)
    assert got.value.item() == pytest.approx(loss(p[keep], y[keep], groups[keep] == 2).value.item())
    assert got.empty == 0


@pytest.mark.parametrize("name", NAMES)
def test_each_group_is_the_mean_against_the_rest(name: str) -> None:
    p, y, groups = rows(3)
    loss = bias_loss_named(name)
    got = EachGroup((0, 1, 2))(loss, p, y, groups)
    assert got.value.item() == pytest.approx(np.mean([loss(p, y, groups == g).value.item() for g in range(3)]))


@pytest.mark.parametrize("name", NAMES)
def test_with_two_groups_both_are_the_plain_loss(name: str) -> None:
    p, y, groups = rows(2)
    loss = bias_loss_named(name)
    plain = loss(p, y, groups == 1).value.item()
    assert EachGroup((0, 1))(loss, p, y, groups).value.item() == pytest.approx(plain)
    assert GroupPair(0, 1)(loss, p, y, groups).value.item() == pytest.approx(plain)


def test_empty_terms_are_summed_over_groups() -> None:
    p, y, groups = torch.rand(4), torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])
    assert EachGroup((0, 1, 2))(bias_loss_named("equalized_odds"), p, y, groups).empty == 2
    assert GroupPair(2, 0)(bias_loss_named("equalized_odds"), p, y, groups).empty == 2


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40)
def test_the_pair_is_lowest_and_highest_auc(seed: int) -> None:
    p, y, groups = rows(4, 60, seed)
    y[:8], groups[:8] = torch.arange(8) % 2, torch.arange(8) // 2
    aucs = {g: roc_auc_score(y[groups == g], p[groups == g]) for g in range(4)}
    pair = chosen("pair", p, y, groups)
    assert isinstance(pair, GroupPair)
    assert aucs[pair.worst] == pytest.approx(min(aucs.values()))
    assert aucs[pair.best] == pytest.approx(max(aucs.values()))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_of_several_classes_the_auc_is_macro(seed: int) -> None:
    """As scikit-learn's one-vs-rest mean, over the classes that every group has."""
    draw = torch.Generator().manual_seed(seed)
    p = torch.randn(60, 4, generator=draw, dtype=torch.float64).softmax(1)
    y, groups = torch.randint(3, (60,), generator=draw), torch.arange(60) % 3
    y[:9] = torch.arange(9) // 3
    own = codes(y, 4)
    aucs = {g: np.mean([roc_auc_score(own[groups == g, c], p[groups == g, c]) for c in range(3)]) for g in range(3)}
    assert comparable(own, groups, [0, 1, 2]).tolist() == [True, True, True, False]
    pair = contrast_for("pair", p, own, groups)
    assert isinstance(pair, GroupPair)
    assert aucs[pair.worst] == pytest.approx(min(aucs.values()))
    assert aucs[pair.best] == pytest.approx(max(aucs.values()))


def test_equal_aucs_still_make_a_pair() -> None:
    assert chosen("pair", torch.zeros(4), torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])) == GroupPair(0, 1)


def test_mean_counts_the_codes() -> None:
    labels, groups = torch.tensor([0, 1] * 3), torch.tensor([0, 0, 1, 1, 2, 2])
    assert chosen("mean", torch.rand(6), labels, groups) == EachGroup((0, 1, 2))


def test_two_different_groups_are_needed() -> None:
    with pytest.raises(FairTuneError, match="both group 1"):
        GroupPair(1, 1)
    with pytest.raises(FairTuneError, match="`codes` are 1"):
        EachGroup((0,))


def test_words() -> None:
    names = ["light", "dark", "other"]
    assert GroupPair(1, 0).describe(names) == "dark against light"
    assert EachGroup((0, 1)).describe(names) == "dark against light"
    assert EachGroup((0, 1, 2)).describe(names) == "each of light, dark, other against the rest"


def test_a_middle_group_without_rows_does_not_count() -> None:
    """As where `--exclude` left it out of the external set: the others are compared as if it had no code."""
    p, y, groups = rows(2)
    apart, names = 2 * groups, ["light", "excluded", "dark"]
    loss = bias_loss_named("equalized_odds")
    assert chosen("pair", p, y, apart) in (GroupPair(0, 2), GroupPair(2, 0))
    mean = chosen("mean", p, y, apart)
    assert mean == EachGroup((0, 2))
    assert mean(loss, p, y, apart).value.item() == EachGroup((0, 1))(loss, p, y, groups).value.item()
    assert mean.describe(names) == "dark against light"
