"""Looks at a model that learns."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.lab


def test_an_answer_is_exact_only_where_every_target_is_right() -> None:
    from forescale.studies._looks import exact

    targets = torch.tensor([[0, 1], [1, 1], [2, 0]])
    said = torch.tensor([[0, 1], [1, 2], [2, 0]])
    scores = torch.nn.functional.one_hot(said, 3).float()
    assert exact(lambda _: scores, said, targets) == pytest.approx(2 / 3)


def test_a_task_that_is_told_whole_is_learnt_and_the_look_is_at_the_step_asked() -> None:
    from forescale.lab.config import Config
    from forescale.studies._looks import looked

    config = Config(
        task="markov_rewriting",
        task_settings={"symbols": 4, "length": 1, "rules_shown": 2, "validation": 20},
        size=1,
        steps=40,
        lr=0.03,
    )
    sets = [{"judged": "seen"}, {"judged": "unseen"}]
    # A stream: two rules have too few strings of one symbol to hold some back.
    config.task_settings["examples"] = 0
    found = list(looked(config, sets, batch=16, looks=(1, 40)))
    assert [step for step, _ in found] == [1, 40]
    assert found[-1][1][0] > 0.9


def test_settings_of_the_optimizer_reach_it() -> None:
    from forescale.errors import BadOption
    from forescale.lab.config import Config
    from forescale.studies._looks import looked

    graph = {"entities": 6, "relations": 6, "degree": 6, "ratio": 1.0, "held": 10}

    def trained(**settings: float | bool) -> float:
        config = Config(
            task="knowledge_graph",
            task_settings=graph,
            steps=80,
            lr=0.03,
            optimizer_settings=settings,
        )
        ((_, (right,)),) = looked(config, [{"judged": "atomic"}], batch=64, looks=(80,))
        return right

    # A decay that takes all weights away in a step leaves nothing that learns.
    assert trained() > 0.9
    assert trained(weight_decay=30.0, everywhere=True) < 0.5
    with pytest.raises(BadOption, match="no setting decays"):
        trained(decays=1.0)
