"""What the stock `Trainer` takes, as types."""

from collections.abc import Callable
from typing import Any, TypeAlias

from datasets import Dataset, IterableDataset
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import IterableDataset as TorchIterableDataset
from transformers import BaseImageProcessor, FeatureExtractionMixin, PreTrainedTokenizerBase, ProcessorMixin

Rows: TypeAlias = TorchDataset[Any] | TorchIterableDataset[Any] | Dataset | IterableDataset
Processor: TypeAlias = PreTrainedTokenizerBase | BaseImageProcessor | FeatureExtractionMixin | ProcessorMixin
Collator: TypeAlias = Callable[[list[Any]], dict[str, Any]]
