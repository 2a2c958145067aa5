"""Image classifiers that are fair to patients: mask search, repair and audit on the Hugging Face stack."""

from importlib import import_module
from typing import Any

_HOMES = {
    "DataArguments": "data.arguments",
    "load_fair_dataset": "data.table",
    "Mask": "masks.mask",
    "MaskConfig": "masks.config",
    "apply_mask": "masks.mask",
    "FairTrainer": "trainer.fair",
    "FairTrainingArguments": "trainer.arguments",
    "LearningRate": "search.run",
    "MaskSearchSpace": "search.space",
    "fisher_importance": "importance.fisher",
    "soft_mask": "masks.soft_mask",
    "SoftMaskCallback": "masks.soft_mask_callback",
    "EvalModeCallback": "masks.eval_mode",
    "fairness_metrics": "audits.compute",
    "audit": "audits.audit",
    "audit_attributes": "audits.attributes",
    "AuditDocument": "audit_document",
    "PredictionArguments": "data.scored_arguments",
    "read_scored": "data.scored",
    "score_dataset": "scoring",
    "ScoredSpec": "data.scored_arguments",
    "compare": "audits.comparison",
    "fixed": "metrics.thresholds",
    "youden": "metrics.thresholds",
    "Record": "record",
    "push": "hub",
    "FairTuneError": "errors",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hf_fairtune' has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
