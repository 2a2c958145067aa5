"""Rows that name neither classes nor groups, as stock trains on: the model's classes, and codes of any number."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Value
from sklearn.metrics import roc_auc_score
from transformers import EvalPrediction

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.audits.compute import scores_from_logits
from hf_fairtune.families.head import MULTI_LABEL
from hf_fairtune.methods.full import Full
from hf_fairtune.scoring import class_scores
from hf_fairtune.trainer.classes import check_weights, fit_classes, scored_logits
from hf_fairtune.trainer.group_metrics import GroupMetrics
from tests.conftest import table, tiny_vit
from tests.trainer.test_fair import arguments

CLASSES = ["bkl", "mel", "nv"]


@pytest.mark.parametrize("findings", [False, True])
def test_rows_that_name_nothing_have_the_models_classes(tmp_path: Path, findings: bool) -> None:
    """Labels are numbers, as are the groups, which begin at 1: what stock trains on is trained on, and scored."""
    draw, rows = np.random.default_rng(0), table(96)
    labels = draw.integers(0, 2, (96, 3)).astype(np.float32) if findings else draw.integers(0, 3, 96)
    columns = {
        "pixel_values": rows.with_format(None)["pixel_values"][:],
        "labels": labels.tolist(),
        "groups": draw.integers(1, 3, 96),
    }
    plain = Dataset.from_dict(columns).with_format("torch")
    model = tiny_vit(num_labels=3)
    model.config.problem_type = MULTI_LABEL if findings else None
    model.config.id2label = dict(enumerate(CLASSES))
    args = arguments(tmp_path, metric_for_best_model="macro_auc")
    run = FairTrainer(model, args, method=Full(), train_dataset=plain, eval_dataset=plain)
    found = run.evaluate()
    for own in range(3):
        name, scores = CLASSES[own], scored_logits(run, run.predict(plain).predictions)[:, own]
        truth = labels[:, own] if findings else labels == own
        by_group = [roc_auc_score(truth[columns["groups"] == g], scores[columns["groups"] == g]) for g in (1, 2)]
        assert [found[f"eval_auc_{name}_{g}"] for g in (1, 2)] == pytest.approx(by_group)
        assert found[f"eval_min_group_auc_{name}"] == pytest.approx(min(by_group))
    named = plain.cast_column("groups", ClassLabel(names=["-", "a", "b"]))
    wrong = arguments(tmp_path, metric_for_best_model="auc_gap_df")
    with pytest.raises(FairTuneError, match="`metric_for_best_model`: `auc_gap_df` is not a metric"):
        FairTrainer(model, wrong, method=Full(), train_dataset=named, eval_dataset=named)


def test_a_search_by_a_class_that_only_the_model_names(tmp_path: Path) -> None:
    rows = table(96).cast_column("labels", Value("int64"))
    rows = rows.map(lambda row, place: {"labels": place % 3}, with_indices=True)
    run = FairTrainer(
        model_init=lambda: tiny_vit(num_labels=3), args=arguments(tmp_path), train_dataset=rows, eval_dataset=rows
    )
    best = run.hyperparameter_search(n_trials=1, compute_objective="min_group_auc_LABEL_1", selection="one_se")
    assert 0 < best.objective < 1


@pytest.mark.parametrize("findings", [False, True])
def test_codes_without_rows_are_not_compared(findings: bool) -> None:
    draw = np.random.default_rng(0)
    labels, groups = draw.integers(0, 2, (200, 2)), draw.integers(0, 3, 200)
    logits, classes = labels + draw.normal(size=(200, 2)), ("u", "v") if findings else ()
    truth = labels if findings else labels[:, 1]

    def found(codes: np.ndarray) -> dict[str, float]:
        return GroupMetrics(classes=classes)(EvalPrediction(predictions=logits, label_ids=(truth, codes)))

    wanted, got = found(groups), found(2 * groups + 1)
    assert np.isfinite(wanted["min_group_auc"])
    for key in ("auc", "min_group_auc", "auc_gap", "min_group_auc_low", "equalized_odds_difference", "accuracy_gap"):
        assert got[key] == wanted[key]
    assert got["worst_group"] == 2 * wanted["worst_group"] + 1


def test_a_model_of_findings_for_two_classes_is_one_of_classes() -> None:
    """Its classes' scores are ranked as the training meant them, by the softmax and not by one of the sigmoids."""
    model, logits = tiny_vit(), np.array([[-3.0, -1.0], [2.0, 1.0]])
    model.config.problem_type = MULTI_LABEL
    fit_classes(model, SimpleNamespace(task="binary", label_names=["no", "yes"]))
    np.testing.assert_allclose(class_scores(model, logits)[:, 1], scores_from_logits(logits))


def test_weights_that_are_not_as_many_as_the_models_classes_are_refused(tmp_path: Path) -> None:
    rows = table().cast_column("labels", Value("int64"))
    args = arguments(tmp_path, class_weights=["1", "2"])
    with pytest.raises(FairTuneError, match=r"has 2 numbers, the model 3 classes; give one each\.$"):
        FairTrainer(tiny_vit(num_labels=3), args, method=Full(), train_dataset=rows, eval_dataset=rows)
    run = FairTrainer(tiny_vit(), args, method=Full(), train_dataset=rows, eval_dataset=rows)
    run.train()
    check_weights(findings := tiny_vit(num_labels=3), [1, 2, 3])
    findings.config.problem_type = MULTI_LABEL
    check_weights(findings, [1, 2] * 3)
    with pytest.raises(FairTuneError, match="the model 3 findings; give two each"):
        check_weights(findings, [1, 2, 3])
