import math

import numpy as np
from scipy.stats import kstest

from hf_fairtune.audits.audit import audit
from hf_fairtune.audits.evidence import Evidence
from hf_fairtune.audits.group_auc import group_auc
from hf_fairtune.audits.pairs import Pair, audit_pairs
from hf_fairtune.intervals.auc_test import auc_difference_test
from hf_fairtune.intervals.bootstrap import bootstrap
from hf_fairtune.intervals.multiplicity import holm
from hf_fairtune.intervals.power import detectable_difference, wanted_counts
from hf_fairtune.metrics.auc import auc
from hf_fairtune.metrics.rows import check_rows

from ..metrics.samples import NAMES, split


def pairs(
    counts: tuple[int, int, int] = (30, 25, 22), clusters: np.ndarray | None = None, n_boot: int = 0
) -> list[Pair]:
    """Pairs of a small split with these positives by group."""
    return audit(*split(counts), NAMES, n_boot=n_boot, clusters=clusters).pairs


def test_each_pair_has_its_test_and_holms_correction() -> None:
    labels, scores, groups = split()
    found = pairs()
    inside = [groups == g for g in range(3)]
    tests = [auc_difference_test((labels[i], labels[inside[0]]), (scores[i], scores[inside[0]])) for i in inside[1:]]
    assert [pair.p for pair in found] == [test.p for test in tests]
    assert [pair.p_method for pair in found] == ["logit-DeLong t test"] * 2
    assert [pair.p_adjusted for pair in found] == holm(np.array([test.p for test in tests])).tolist()


def test_each_pair_says_what_it_could_have_found() -> None:
    labels, scores, groups = split((30, 300, 22), (60, 3000, 45))
    found = audit(labels, scores, groups, NAMES, n_boot=0).pairs
    value = auc(labels[groups == 1], scores[groups == 1])
    assert [pair.reference for pair in found] == ["b", "b"]
    assert found[1].detectable == detectable_difference(value, (22, 45), (300, 3000))
    assert (found[1].positives_wanted, found[1].negatives_wanted) == wanted_counts(value, (22, 45), (300, 3000))


def test_too_few_cases_have_no_p_and_do_not_count() -> None:
    found = pairs((30, 25, 7))
    assert math.isnan(found[1].p)
    assert math.isnan(found[1].p_adjusted)
    assert found[1].p_method is None
    assert found[1].detectable > found[0].detectable > 0
    assert found[0].p_adjusted == found[0].p
    hollow = pairs((30, 25, 0))[1]
    assert math.isnan(hollow.detectable)
    assert (hollow.positives_wanted, hollow.negatives_wanted) == (None, None)


def test_clusters_count_as_cases() -> None:
    labels, _, groups = split()
    clusters = np.arange(len(labels)) // 2
    found = pairs(clusters=clusters, n_boot=300)
    assert {pair.p_method for pair in found} == {"cluster bootstrap t test"}
    assert all(0 < pair.p <= pair.p_adjusted <= 1 for pair in found)
    assert all(pair.detectable > alone.detectable for pair, alone in zip(found, pairs(), strict=True))
    without = pairs(clusters=clusters)
    assert all(math.isnan(pair.p) and pair.p_method is None for pair in without)


def test_p_is_uniform_with_clusters() -> None:
    """Patients with two images and a level of their own, in two groups."""
    rng = np.random.default_rng(0)
    sick, groups = np.repeat([1, 0, 1, 0], [25, 60, 40, 100]), np.repeat([0, 0, 1, 1], [25, 60, 40, 100])
    clusters = np.repeat(np.arange(len(sick)), 2)
    found = []
    for seed in range(120):
        scores = rng.normal(1.3 * sick)[clusters] + rng.normal(0, 0.3, len(clusters))
        rows = check_rows(sick[clusters], scores, groups[clusters], NAMES[:2], clusters)
        evidence = Evidence(rows, (0, 1), bootstrap(rows, (), 100, seed), 0.95)
        found += [pair.p for pair in audit_pairs(evidence, [group_auc(evidence, code) for code in (0, 1)])]
    assert kstest(found, "uniform").pvalue > 0.05
