"""The contract of a study file, over the whole folder: a new one is tested by being there."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from forescale import studies
from forescale.errors import UnknownName
from forescale.studies import Number, Study, Verdict

NAMES = studies.names()
#: Their false worlds take more than half a second; the true ones are always run.
HEAVY = {
    "accuracy_on_the_curve",
    "adversarial_power_law",
    "batch_prediction",
    "benign_oscillation",
    "bottleneck_and_gap",
    "commuting_limits",
    "comparison_by_laws",
    "compute_optimal_phases",
    "corrupted_labels",
    "critical_periods",
    "deep_linear_dynamics",
    "downstream_log_law",
    "dynamical_model",
    "early_gaussian",
    "early_neuron_alignment",
    "early_warning_signals",
    "explain_scaling",
    "feature_merging",
    "flexible_survival",
    "game_progress",
    "generalisation_valley",
    "git_rebasin",
    "gradient_coherence",
    "group_universality",
    "hessian_outliers",
    "hidden_capabilities",
    "hidden_symmetries",
    "hospital_generalisation",
    "inductive_bias_bits",
    "infinite_depth",
    "influence_functions",
    "intrinsic_dataset_properties",
    "inverse_id_ood",
    "inverse_scaling",
    "irreducible_entropy",
    "kernel_regime",
    "kernel_to_min_norm",
    "lazy_to_rich",
    "learning_curve_regions",
    "linguistic_collapse",
    "local_complexity_drop",
    "machine_learning_multiverse",
    "margin_maximisation",
    "metric_chain",
    "metric_mirage",
    "more_is_better",
    "multilingual_nmt",
    "must_hallucinate",
    "mutual_information_limits",
    "nmt_encoder_decoder",
    "noise_resilient_entropy",
    "nonexchangeable_risk",
    "one_sided_noise",
    "opposing_signals",
    "physics_extrapolation",
    "position_bias",
    "prequential_occam",
    "progress_measures",
    "pruning_by_margin",
    "rectified_finetuning",
    "reusable_holdout",
    "scaling_crossover",
    "sequential_conformal",
    "simplicity_bias_slabs",
    "simpsons_bias",
    "softmax_collapse",
    "steepest_descent_norms",
    "strategic_environments",
    "sum_of_logits_kernel",
    "temporal_consistency",
    "toy_superposition",
    "training_jacobian",
    "unsupervised_pretraining",
    "untrained_frequency",
    "weight_distance_log",
    "zero_gated_residual",
    "zero_initialization",
}


@cache
def verdict(name: str, falsified: bool = False) -> Verdict:
    return studies.run(name, falsified=falsified)


@pytest.mark.parametrize("name", NAMES)
def test_a_study_states_its_claim_its_papers_and_when_it_holds(name: str) -> None:
    study = studies.get(name)
    assert isinstance(study, Study)
    assert study.name == name
    assert study.papers
    for title in study.papers:
        assert title == " ".join(title.split())
        assert not title[0].islower()
        assert not title.endswith(".")
    for said in (study.claim, study.criteria, study.full, study.falsified):
        assert said.strip()
    assert any(c.isdigit() for c in study.criteria)


def test_no_paper_stands_in_two_studies() -> None:
    titles = [title for name in NAMES for title in studies.get(name).papers]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("name", NAMES)
def test_a_verdict_follows_from_numbers_with_intervals_and_survives_json(name: str) -> None:
    # One test, so that whichever process has it makes the verdict once.
    found = verdict(name)
    as_json(found)
    if found.why.startswith("not tested"):
        assert found.verdict == "undecided"
        pytest.skip(found.why)
    assert any(n.limited for n in found.numbers.values())
    assert found.verdict == studies.judge(found.numbers).verdict
    assert found.why == studies.judge(found.numbers).why
    assert found.data
    for n in found.numbers.values():
        assert n.what
        assert np.isfinite(n.value)
        assert n.lo <= n.hi


def as_json(found: Verdict) -> None:
    """It says itself in plain values, and comes back from them."""
    data = json.loads(json.dumps(found.to_dict()))
    assert data["schema"] == 1
    assert {"name", "papers", "verdict", "numbers"} <= set(data)
    assert Verdict.from_dict(data) == found
    assert "\n" not in repr(found)
    assert found.claim in found.summary()
    assert found.name in found._repr_html_()


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in NAMES]
)
def test_a_claim_does_not_hold_where_it_is_false_by_design(name: str) -> None:
    found = verdict(name, falsified=True)
    assert found.verdict != "holds"
    assert found.falsified


# Two that are quick: what they share with the others is the code that draws and judges.
@pytest.mark.parametrize("name", ["learning_curve_regions", "value_based_rl_utd"])
def test_the_same_seed_gives_the_same_verdict(name: str) -> None:
    assert studies.run(name) == verdict(name)
    assert studies.run(name, seed=1) != verdict(name)


def test_a_misspelt_study_is_answered_with_the_one_meant() -> None:
    with pytest.raises(UnknownName, match="did you mean 'multilingual_nmt'"):
        studies.get("multilingual_mt")
    with pytest.raises(UnknownName):
        studies.run_all(["multilingual_nmt", "none_such"])


@pytest.mark.parametrize(
    ("lo", "hi", "word"),
    [(0.1, 0.2, "holds"), (0.4, 0.6, "undecided"), (0.6, 0.7, "fails"), (np.nan, 1, "undecided")],
)
def test_an_interval_that_straddles_its_limit_decides_nothing(lo, hi, word) -> None:
    limited = Number(0.5, lo, hi, most=0.5)
    assert limited.verdict == word
    assert studies.judge({"x": limited, "y": Number(0.0, 0.0, 0.0)}).verdict == word


def test_one_failing_number_fails_the_claim_and_is_named() -> None:
    good, bad = Number(1.0, 0.9, 1.1, least=0.5), Number(9.0, 8.0, 9.5, most=2.0)
    found = studies.judge({"good": good, "bad": bad})
    assert found.verdict == "fails"
    assert found.why.startswith("bad ")
    assert "good" not in found.why


def test_a_claim_without_limits_is_undecided() -> None:
    assert studies.judge({"x": Number(0.0, 0.0, 0.0)}).verdict == "undecided"
