"""The record schema, and records that keep to it."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import hf_fairtune.record
from hf_fairtune.record import Record

from . import repair_samples, samples

SCHEMA = json.loads((Path(hf_fairtune.record.__file__).parent / "record.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def make() -> Callable[..., Record]:
    """Make sample records, each checked against the schema."""

    def checked(*args: Any, **kwargs: Any) -> Record:
        record = samples.sample(*args, **kwargs)
        jsonschema.validate(asdict(record), SCHEMA)
        return record

    return checked


@pytest.fixture
def make_repaired() -> Callable[..., Record]:
    """Make records of repairs, each checked against the schema."""

    def checked(*args: Any, **kwargs: Any) -> Record:
        record = repair_samples.repaired(*args, **kwargs)
        jsonschema.validate(asdict(record), SCHEMA)
        return record

    return checked


@pytest.fixture
def record(make: Callable[..., Record]) -> Record:
    return make(3)
