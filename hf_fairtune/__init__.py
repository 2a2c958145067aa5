"""Image classifiers that are fair to patients: mask search, repair and audit on the Hugging Face stack."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .audits.audit import audit as audit
    from .audits.audit_table import audit_table as audit_table
    from .audits.comparison import compare as compare
    from .audits.compute import fairness_metrics as fairness_metrics
    from .audits.replication import replicate as replicate
    from .audits.thresholds import fixed as fixed
    from .audits.thresholds import youden as youden
    from .data.arguments import DataArguments as DataArguments
    from .data.fair_dataset import load_fair_dataset as load_fair_dataset
    from .data.scored import PredictionArguments as PredictionArguments
    from .data.scored import ScoredSpec as ScoredSpec
    from .data.scored import read_scored as read_scored
    from .document.audit import Audit as Audit
    from .document.document import Document as Document
    from .document.estimate import Estimate as Estimate
    from .document.estimate import Reason as Reason
    from .errors import FairTuneError as FairTuneError
    from .hub import push as push
    from .importance.fisher import fisher_importance as fisher_importance
    from .masks.config import MaskConfig as MaskConfig
    from .masks.eval_mode import EvalModeCallback as EvalModeCallback
    from .masks.mask import Mask as Mask
    from .masks.mask import apply_mask as apply_mask
    from .masks.saved_soft_mask import SoftMask as SoftMask
    from .masks.soft_mask import soft_mask as soft_mask
    from .masks.soft_mask_callback import SoftMaskCallback as SoftMaskCallback
    from .methods.method import Method as Method
    from .recipes.recipe import recipe as recipe
    from .scoring import score_dataset as score_dataset
    from .search.space import LearningRate as LearningRate
    from .search.space import MaskSearchSpace as MaskSearchSpace
    from .trainer.arguments import FairTrainingArguments as FairTrainingArguments
    from .trainer.average import WeightAverageCallback as WeightAverageCallback
    from .trainer.baselines import baseline as baseline
    from .trainer.baselines import with_seed as with_seed
    from .trainer.fair import FairTrainer as FairTrainer
    from .trainer.kept_prefix import kept_prefix as kept_prefix

_HOMES = {
    "audit": "audits.audit",
    "audit_table": "audits.audit_table",
    "compare": "audits.comparison",
    "fairness_metrics": "audits.compute",
    "replicate": "audits.replication",
    "fixed": "audits.thresholds",
    "youden": "audits.thresholds",
    "DataArguments": "data.arguments",
    "load_fair_dataset": "data.fair_dataset",
    "PredictionArguments": "data.scored",
    "ScoredSpec": "data.scored",
    "read_scored": "data.scored",
    "Audit": "document.audit",
    "Document": "document.document",
    "Estimate": "document.estimate",
    "Reason": "document.estimate",
    "FairTuneError": "errors",
    "push": "hub",
    "fisher_importance": "importance.fisher",
    "MaskConfig": "masks.config",
    "EvalModeCallback": "masks.eval_mode",
    "Mask": "masks.mask",
    "apply_mask": "masks.mask",
    "SoftMask": "masks.saved_soft_mask",
    "soft_mask": "masks.soft_mask",
    "SoftMaskCallback": "masks.soft_mask_callback",
    "Method": "methods.method",
    "recipe": "recipes.recipe",
    "score_dataset": "scoring",
    "LearningRate": "search.space",
    "MaskSearchSpace": "search.space",
    "FairTrainingArguments": "trainer.arguments",
    "FairTrainer": "trainer.fair",
    "kept_prefix": "trainer.kept_prefix",
    "WeightAverageCallback": "trainer.average",
    "with_seed": "trainer.baselines",
    "baseline": "trainer.baselines",
}
__all__ = list(_HOMES)

if not TYPE_CHECKING:

    def __getattr__(name):
        """Import a public name when it is first used, so that importing the package stays quick."""
        if name not in _HOMES:
            raise AttributeError(f"module 'hf_fairtune' has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

    def __dir__():
        return sorted(__all__)
