"""The rows of a comparison, read from names and mappings."""

import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.methods.method import method_named
from hf_fairtune.protocol.entry import CONTROLS, entries_of


def test_names_presets_and_lists() -> None:
    found = entries_of(
        [
            "full",
            "linear",
            {"method": "sam", "rho": "0.1"},
            {"method": "swift", "mask": ["none", "soft"], "steps": ["head", "both"]},
            '{"name": "dro", "method": "groupdro"}',
        ]
    )
    swift = [f"swift-{mask}-{steps}" for mask in ("none", "soft") for steps in ("head", "both")]
    assert [entry.name for entry in found] == ["full", "linear", "sam", *swift, "dro"]
    assert found[1].method == method_named("fairtune", mask="linear")
    assert found[2].method == method_named("sam", rho=0.1)
    assert found[4].method == method_named("swift", mask="none", steps="both")
    assert [entry.repairs for entry in found] == [False] * 3 + [True] * 4 + [False]


def test_knobs_are_drawn_unless_given() -> None:
    given = [
        {"method": "sam"},
        {"name": "fixed", "method": "sam", "rho": 0.1},
        {"name": "no", "method": "sam", "knobs": []},
    ]
    assert [entry.knobs for entry in entries_of(given)] == [("rho",), (), ()]
    (one,) = entries_of([{"method": "swift", "knobs": ["alpha_head"]}])
    assert one.knobs == ("alpha_head",)
    assert [entry.is_tuned for entry in entries_of(["dfr", "unchanged", "full", "enforced"])][:3] == [
        False,
        False,
        True,
    ]


def test_a_row_has_a_training_and_a_selection_of_its_own() -> None:
    (one,) = entries_of([{"name": "r", "method": "full", "selection": "one_se", "training": {"sampler": "group"}}])
    assert (one.selection, one.training) == ("one_se", {"sampler": "group"})


def test_controls_and_objectives() -> None:
    search, mask = entries_of(CONTROLS)
    assert (search.mode, mask.method) == ("random", method_named("fairtune", mask="random"))
    found = entries_of([{"method": "fairtune", "objective": ["auc", "auc_gap"]}])
    assert [(entry.name, entry.objective) for entry in found] == [
        ("fairtune-auc", "auc"),
        ("fairtune-auc_gap", "auc_gap"),
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["grupdro"], "`methods`: `grupdro` is no method; did you mean `groupdro`"),
        ([{"rho": 1}], "names no `method`; add e.g. method: swift"),
        ([{"method": "sam", "roh": 1}], "`methods: sam`: `roh` is no flag of `methods: sam`; did you mean `rho`"),
        ([{"method": "sam", "rho": -1}], "`rho` is -1; give 0 or more"),
        ([{"method": "sam", "rho": "much"}], "`methods: sam`: argument --rho: invalid float value: 'much'"),
        (["full", "full"], "`methods` has two rows named `full`; give one of them another `name`"),
        (["{method: sam}"], "is no JSON"),
        ([{"name": "../x", "method": "full"}], "the name `../x` is that of a folder, too"),
        ([{"method": "full", "mode": "fast"}], "the mode of `full` is 'fast'; choose from default"),
        ([{"method": "sam", "knobs": ["tho"]}], "`tho` is no knob of the method 'sam' that a search can draw"),
        ([{"method": "sam", "rho": 1, "knobs": ["rho"]}], "`rho` of `sam` is given and a knob to draw"),
        ([{"method": "fairtune", "objective": "ac"}], "`ac`"),
        ([{"method": "full", "selection": "worst"}], "`worst` is not one of the selections"),
        ([{"method": "full", "training": {"samplr": "group"}}], "`samplr` is no flag of"),
        ([], "`methods` is empty; name one or more"),
        ([{"method": ["full", "sam"]}], "`method` is ['full', 'sam'], but takes one value; write a row for each"),
        ([{"method": "full", "mode": ["random"]}], "`mode` is ['random'], but takes one value"),
        ([{"method": "sam", "rho": []}], "`rho` of `sam` is an empty list"),
        ([{"method": "full", "selection": "folds"}], "trains its finalists again; choose another rule"),
        ([{"method": "full", "training": {"seed": 1}}], "`seed` is not free in a comparison; give `seeds`"),
        ([{"method": "full", "training": "group"}], "`training` of `full` is group; write a mapping"),
    ],
)
def test_bad_input_is_one_line(given: list[object], said: str) -> None:
    with pytest.raises(FairTuneError) as error:
        entries_of(given)  # type: ignore[arg-type]
    assert said in str(error.value)
