"""Every wording, once: numbers, names, reasons, statuses, verdicts and the rule of sharing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import cache

from ..audits.metrics.metric import card_of, homes
from ..document.audit import ThresholdAudit
from ..document.comparison import ThresholdChange, Verdict
from ..document.data import Role
from ..document.document import Sharing
from ..document.enrichment import Mistake
from ..document.estimate import Estimate, Reason, ReasonKind, Size, Status
from ..document.scalar import Argument
from ..errors import plain

MISSING = "–"
LETTER = re.compile(r"[^\W\d_]")

# What a gap shows, of one question: who is missed, who is alarmed, who is ranked worse.
JUDGED = {
    "beyond": "more than chance explains",
    "alone": "more than chance explains only if taken alone, so a hint",
    "small": "a hint, as a group is small",
    "open": "so it may be chance",
    "unknown": "not judged",
}
WORSE = {"missed": "is missed more often", "alarmed": "has more false alarms", "ranked": "is ranked worse"}
MISTAKES: dict[Mistake, str] = {"missed": "missed", "alarmed": "false alarm"}
VERDICTS = {
    "worst": "{} is clearly served worst",
    "unequal": "Groups are clearly served unequally",
    "open": "No group is clearly served worst",
    "unknown": "These rows do not tell whether a group is served worse",
}
DISAGREE = "Rates and ranking disagree about who is worse served: {} {}, {} has the lowest AUC."
ALIKE = "nor is equality shown"
OPEN = "who is missed more often stays open"
ALL_EQUAL = "The model gives every row the same score: it tells nobody apart, so no number here is about a group."
UNDECIDED = "No rates: at every threshold almost nobody, or almost everybody, of some group is flagged."
UNRATED = "No rates: in no group are both cases found and false alarms known ({})."
READING = (
    "Cases are rows with the finding; false alarms are other rows that are flagged. AUC, the area under the ROC "
    "curve, is the share of pairs, a case and another row, that the scores order rightly: 1 is perfect, 0.5 a coin. "
    "After each difference stands its {}: the true one may be any of these. Each number is rounded for itself. "
    "Several gaps are tested, so each must be larger to count as clear."
)
YOUDEN = "The youden threshold has the highest sum of sensitivity and specificity."
# How a search without a rule of its own chooses.
BY_VALUE = "the best value"
# Where the trials of a search have their values: whether it is cross-fitted.
SEARCHED_ON = {False: "on validation", True: "on train and validation, out of fold"}
COMPARISON_VERDICTS: dict[Verdict, str] = {
    "better": "better for {rose}; no group's AUC can have fallen by more than {margin}.",
    "gain": "better for {rose}; {open}.",
    "level-down": "levelling down. The gap shrank because the AUC fell for {fell}; it rose for nobody.",
    "worse": "worse for {fell}; the AUC rose for nobody.",
    "not shown": "no change of AUC is shown, and none excluded: no group's AUC changed beyond its interval.",
}
ROLES: dict[Role, str] = {
    "positive": "the finding",
    "negative": "no finding",
    "missing": "missing",
    "unknown": "unknown",
    "dropped": "left out, as --uncertain drop says",
    "weightless": "left out, as they weigh nothing",
    "group": "{group}",
    "findings": "findings",
    "trimmed_name": "name without the blanks at its ends",
    "trimmed_path": "paths without the blanks at their ends",
    "encoding": "encoding of the file",
    "separator": "what separates the cells",
    "first_sheet": "first sheet, the only one that is read",
}
STATUSES: dict[Status, str] = {
    "not estimable": "So few cases of a class give next to no information.",
    "weak": "With so few cases of a class, or effective clusters (clusters of equal size that would tell as much), "
    "intervals hold less often than they claim.",
}
LIMITS = {
    "coin": "The AUC of all rows is {}. A coin has 0.5, which the interval does not exclude.",
    "excluded": "Left out of the lowest group and all differences: {}.",
    "threshold": "A threshold that was not fitted on other patients, such as 0.5, may not be the one used in care.",
    "prevalence": "The share with the finding runs from {}. Where groups truly differ in it, flagging equal shares of "
    "them (demographic parity) is not a goal of diagnosis.",
    "class_weights": "Classes were weighted, or drawn equally often, in the training, so that probabilities are not "
    "calibrated to the natural prevalence. AUCs and fitted thresholds do not need that.",
    "audit": "Whether the model saw any of these rows in its training is unknown here; if so, it looks better than it "
    "is.",
    "training": "One training run supports statements on this model, not on the method: another seed gives another "
    "model.",
}
ALWAYS = (
    "The intervals tell how much the numbers could change with other patients from the same place. They do not cover "
    "another hospital, scanner or population, nor another training of the model.",
    "How each attribute was recorded is unknown here: by the patient, by staff, or inferred from an image.",
    "Only the attributes named here were looked at. Within their groups, and for others, the model may be unequal.",
    "AUC within a group does not show how groups rank against each other under a shared threshold; the rates at each "
    "threshold do.",
    "No number here says why groups differ, and none is a permission to use the model.",
)
WEIGHTED = "Rows are weighted by {}: shares, AUCs and gaps are of the population they stand for, counts are of rows."
WORTH = "{} rows are worth {} of equal weight."
SHARING: dict[Sharing | None, str] = {
    None: "The folder share holds the page to be shared.",
    "rates": "Numbers of rows, cases and patients are rounded to 5, or given as <8; all other numbers are exact to "
    "two digits. Numbers that rest on fewer than 10 cases of a class are withheld. This does not hide everything: a "
    "rate and a rounded size still bound how many patients were missed.",
    "auc": "AUCs and verdicts only: sizes, rates and curves are withheld.",
}
DEGENERATE = (
    "degenerate threshold: of some group less than 1 % or more than 99 % are predicted positive, as the interval "
    "shows, so a small difference shows that the model decides nothing, not that it treats groups alike"
)
REASONS: dict[ReasonKind, str] = {
    "too_few": "{few}",
    "not_weighted": "not defined for weighted rows",
    "too_few_groups": "{count} groups take part, too few to compare",
    "excluded": "left out of the comparison",
    "few_trainings": "{count} trainings of {needed} needed, so nothing is known of how they vary",
    "missing_trainings": "{count} of {needed} trainings have no scores, and those that have may be the lucky ones",
    "no_permutations": "no permutation was asked for",
    "no_bootstrap": "no bootstrap replicate was asked for",
    "undefined_in_resamples": "undefined in every resample",
    "same_in_resamples": "the same value in nearly every resample",
    "lost_resamples": "undefined in {count} of {needed} resamples, which are left out",
    "equal_values": "nothing varies",
    "zero_denominator": "the denominator is 0",
    "no_predicted_positive": "nothing is predicted positive",
    "no_log_odds": "a score of exactly 0 or 1 has no log-odds",
    "equal_scores": "all scores are equal",
    "separated": "the scores separate the classes, so no finite slope fits best",
    "nearly_separated": "the scores nearly separate the classes, so no slope was found",
    "no_ranking": "the scores do not rank the rows",
    "no_cut": "no one cut of probabilities decides",
    "few_cases": "{few}",
    "steep_cut": "withheld at a cut above 0.5, where it would tell the exact prevalence",
    "degenerate": DEGENERATE,
    "both_sides": "the interval lies on both sides of the bound",
    "no_interval": "no interval",
    "is_reference": "it is the reference group",
    "no_reference": "there is no reference to compare with",
    "no_probabilities": "the scores are no probabilities",
    "all_excluded": "every group is excluded",
    "harmed": "its AUC fell by more than the margin",
}


def number(value: float | Size | Estimate, digits: int = 2, sign: bool = False) -> str:
    """Write a number, a size, or an estimate with its interval; a dash where it is undefined, and zero unsigned."""
    if isinstance(value, Estimate):
        point, low, high = value.value, number(value.low, digits, sign), number(value.high, digits, sign)
        return number(point, digits, sign) + (f" [{low}, {high}]" if value.defined and value.bounded else "")
    if value is None or isinstance(value, str) or math.isnan(value):
        return value if isinstance(value, str) else MISSING
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def written(value: Argument, digits: int = 4) -> str:
    """Write a fact with so many digits; nothing where it is undefined."""
    if isinstance(value, list):
        return " ".join(written(one, digits) for one in value)
    if value is None or value != value:
        return ""
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def p_value(p: float) -> str:
    """Write a p-value with two digits; never 0."""
    return MISSING if math.isnan(p) else f"{p:#.2g}" if p >= 0.001 else "<0.001"


def percent(share: float) -> str:
    """Write a share of 0 to 1 as "95 %"."""
    return MISSING if math.isnan(share) else f"{f'{100 * share:.1f}'.removesuffix('.0')} %"


def name(text: str, most: int = 120) -> str:
    """Quote a name for the middle of a sentence: shortened, and isolated from the direction of its neighbours."""
    text = plain(text)
    return f'"\u2068{text if len(text) <= most else text[: most - 1] + "…"}\u2069"'


def listed(texts: Sequence[str], most: int = 6, comma: str = "; ") -> str:
    """List texts, of many the first ones."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return comma.join(texts[:most]) + more


def reason(found: Reason) -> str:
    """Word one reason, without the group it is about."""
    unit = (found.unit or "cases").replace("_", " ").replace("of others", "of the other groups")
    few = f"{found.count} {unit} of {found.needed} needed" if found.count else f"no {unit}"
    few = f"fewer than {found.needed} {unit}" if found.count is None else few
    return REASONS[found.kind].format(
        few=few, count=found.count if found.count is not None else "some", needed=found.needed
    )


def notes(found: Iterable[Reason]) -> list[str]:
    """Word reasons by group, equal ones once for all their groups."""
    texts: dict[str, dict[str, None]] = {}
    for one in found:
        texts.setdefault("" if one.group is None else name(one.group), {})[reason(one)] = None
    groups: dict[str, list[str]] = {}
    for group, some in texts.items():
        groups.setdefault(", ".join(some), []).extend([group] if group else [])
    said = []
    for text, names in groups.items():
        said.append(f"{listed(names, 6, ', ')}: {text}" if names else text)
    return said


def reasons(found: Iterable[Reason]) -> str:
    """Word reasons in one text, of many the first ones."""
    return listed(notes(found), 3)


@cache
def metric(key: str) -> str:
    """Name a metric by the title of its card; one that is not in this version by its name."""
    return card_of(key).title.partition(":")[0] if key in homes() else key.replace("_", " ").capitalize()


def threshold(found: ThresholdAudit | ThresholdChange, digits: int | None = None) -> str:
    """Name a threshold by how it was chosen and where, and by its value if digits are given."""
    text = f"{found.policy}, fitted on {found.fitted_on}" if found.fitted_on else found.policy
    return text if digits is None or math.isnan(found.value) else f"{text} ({number(found.value, digits)})"
