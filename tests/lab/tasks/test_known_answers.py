"""The best predictor of a task, where it can be written down, reaches its floor and no less."""

from __future__ import annotations

import math

import numpy as np
import pytest

from forescale.errors import BadOption

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("order", [1, 2])
def test_the_true_distribution_of_the_markov_source_has_the_loss_of_its_floor(
    order: int, torch
) -> None:
    from forescale.lab.tasks import get
    from forescale.lab.tasks.markov_bytes import probabilities

    vocab = 8
    data = get("markov_bytes").data(vocab=vocab, order=order, context=64, validation=1500)
    # The table, by counting: the state is the last tokens, and nothing else matters.
    x, y = (v.numpy() for v in data.validation)
    state = sum(x[:, order - 1 - k : x.shape[1] - k] * vocab**k for k in range(order))
    following = y[:, order - 1 :]
    counts = np.zeros((vocab**order, vocab))
    np.add.at(counts, (state.ravel(), following.ravel()), 1)
    ranks = np.empty_like(counts, dtype=int)
    np.put_along_axis(ranks, np.argsort(-counts, axis=1), np.arange(vocab)[None], axis=1)
    chances = probabilities(vocab, 1.2)
    loss = -np.log(chances[ranks[state, following]])
    error = loss.std() / math.sqrt(loss.size)
    assert abs(loss.mean() - data.floor) < 4 * error + 1e-3


def test_the_grammars_own_probabilities_have_the_loss_of_its_floor(torch) -> None:
    from forescale.lab.tasks.pcfg_bytes import grammar

    source = grammar(leaves=16, brackets=4, branch=0.35, zipf=1.2)
    _, logs = source.text(100_000, np.random.default_rng(0))
    blocks = -logs.reshape(100, -1).mean(axis=1)
    assert abs(blocks.mean() - source.rate) < 4 * blocks.std() / 10


def test_brackets_of_the_grammar_close_in_order(torch) -> None:
    from forescale.lab.tasks.pcfg_bytes import grammar

    text, _ = grammar(leaves=3, brackets=2, branch=0.4, zipf=1.0).text(
        5000, np.random.default_rng(1)
    )
    opened = []
    for token in text:
        if token >= 5:
            assert opened.pop() == token - 5
        elif token >= 3:
            opened.append(token - 3)


def test_learning_the_first_subtasks_has_the_loss_that_quanta_states(torch) -> None:
    from forescale.lab.tasks import get
    from forescale.lab.tasks.sparse_parity import members, quanta

    data = get("sparse_parity").data(validation=20_000)
    x, y = (v.numpy().astype(int) for v in data.validation)
    which, bits = x[:, :32].argmax(axis=1), x[:, 32:]
    belongs = members(32, 32, 3)
    parity = np.take_along_axis(bits, belongs[which], axis=1).sum(axis=1) % 2
    np.testing.assert_array_equal(parity, y)
    expected = quanta(32, 0.4)
    assert expected[0] == pytest.approx(math.log(2))
    assert expected[-1] == pytest.approx(0.0, abs=1e-12)
    for learnt in (1, 5, 20):
        loss = math.log(2) * (which >= learnt).mean()
        assert loss == pytest.approx(expected[learnt], abs=0.01)


def test_looking_back_solves_recall(torch) -> None:
    from forescale.lab.tasks import get

    x, y = get("recall").data(pairs=5, keys=7, values=4).validation
    for tokens, target in zip(x.tolist(), y.tolist(), strict=True):
        *shown, asked = tokens
        assert len(set(shown[::2])) == 5
        assert dict(zip(shown[::2], shown[1::2], strict=True))[asked] == target


@pytest.mark.parametrize(
    ("operation", "truth"),
    [
        ("+", lambda a, b, p: (a + b) % p),
        ("-", lambda a, b, p: (a - b) % p),
        ("*", lambda a, b, p: a * b % p),
        ("/", lambda a, b, p: a * pow(b, -1, p) % p),
        ("x^2+y^2", lambda a, b, p: (a * a + b * b) % p),
        ("x^3+xy", lambda a, b, p: (a**3 + a * b) % p),
    ],
)
def test_modular_tables_agree_with_python(operation: str, truth, torch) -> None:
    from forescale.lab.tasks.modular import table

    p = 13
    rows, elements = table(operation, p)
    assert elements == p
    assert len(rows) == len({(a, b) for a, b, _ in rows.tolist()}) == p * (p - (operation == "/"))
    assert all(truth(a, b, p) == c for a, b, c in rows.tolist())


def test_the_symmetric_group_is_a_group_and_not_commutative(torch) -> None:
    from forescale.lab.tasks.modular import table

    rows, elements = table("S5", 97)
    assert elements == 120
    product = np.empty((120, 120), int)
    product[rows[:, 0], rows[:, 1]] = rows[:, 2]
    # Each row and column of a group's table has every element once; element 0 is the identity.
    every = np.arange(120)
    assert (np.sort(product, axis=0) == every[:, None]).all()
    assert (np.sort(product, axis=1) == every).all()
    assert (product[0] == every).all()
    assert (product != product.T).any()
    a, b, c = np.random.default_rng(0).integers(0, 120, (3, 500))
    assert (product[product[a, b], c] == product[a, product[b, c]]).all()


def test_the_share_of_the_table_is_trained_on_and_the_rest_validates(torch) -> None:
    from forescale.lab.tasks import get

    data = get("modular").data(p=11, share=0.3)
    assert data.unique == 36
    assert len(data.validation[0]) == 121 - 36
    with pytest.raises(BadOption, match="no prime"):
        get("modular").data(p=12)
    with pytest.raises(BadOption, match="between 0 and 1"):
        get("modular").data(share=1.0)


def test_the_sign_of_the_operation_can_be_left_out(torch) -> None:
    from forescale.lab.tasks import get

    long, short = (get("modular").data(p=11, tokens=t) for t in ("a o b =", "a b ="))
    (x, y), (said, answers) = long.validation, short.validation
    assert (long.io.vocab, short.io.vocab) == (13, 12)
    assert (x[:, 1] == 11).all() and (x[:, 3] == 12).all() and (said[:, 2] == 11).all()
    torch.testing.assert_close(x[:, [0, 2]], said[:, :2])
    torch.testing.assert_close(y, answers)
    with pytest.raises(BadOption, match="a b ="):
        get("modular").data(tokens="b a")


def test_the_linear_teacher_is_found_by_least_squares(torch) -> None:
    from forescale.lab.tasks import get

    data = get("teacher").data(inputs=16, validation=500)
    x, y = data.batch(0, 200, 0)
    weights = torch.linalg.lstsq(x.double(), y.double()).solution
    held, target = data.validation
    assert float(((held.double() @ weights - target) ** 2).mean()) < 1e-8
    assert float(target.var()) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("system", ["lorenz", "sprott_b"])
def test_small_errors_grow_at_the_stated_exponent(system: str, torch) -> None:
    from forescale.lab.tasks.chaos import FLOWS, SETTLING

    flow = FLOWS[system]
    rng = np.random.default_rng(0)
    s = np.array(flow.start)[:, None] + 0.01 * rng.normal(size=(3, 32))
    s = flow.path(s, SETTLING, 1)[0]
    small, grown = 1e-7, []
    t = s + small * np.eye(3)[:, :1]
    for _ in range(120):
        # A quarter of a Lyapunov time, then the error is made small again (Benettin et al. 1980).
        s, t = np.split(flow.path(np.concatenate([s, t], axis=1), 0.25, 1)[0], 2, axis=1)
        size = np.linalg.norm(t - s, axis=0)
        grown.append(np.log(size / small).mean() / 0.25)
        t = s + (t - s) / size * small
    assert np.mean(grown[20:]) == pytest.approx(1.0, abs=0.06)


def test_every_flow_stays_on_a_bounded_attractor(torch) -> None:
    from forescale.lab.tasks.chaos import FLOWS

    for name, flow in FLOWS.items():
        path = flow.path(np.array(flow.start)[:, None], 0.1, 60)
        assert np.isfinite(path).all(), name
        assert np.abs(path).max() < 100, name


def test_smaller_sets_of_digits_lie_inside_larger_ones(torch) -> None:
    from forescale.lab.tasks import get

    few = get("digits").data(examples=50).batch(0, 50, 0)[0]
    many = get("digits").data(examples=100).batch(0, 100, 0)[0]
    assert {r.numpy().tobytes() for r in few} <= {r.numpy().tobytes() for r in many}
    whole = get("digits").data()
    assert whole.unique == 1437
    x = whole.batch(0, 1437, 0)[0]
    assert float(x.mean()) == pytest.approx(0, abs=0.01)
    assert float(x.std()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("operation", "truth"),
    [
        ("copy", list),
        ("reverse", lambda s: s[::-1]),
        ("swap", lambda s: [s[1], s[0], s[3], s[2], s[4]]),
        ("sort", sorted),
    ],
)
def test_answers_of_transduction_are_the_source_rewritten(operation: str, truth, torch) -> None:
    from forescale.lab.tasks import get

    data = get("transduction").data(operation=operation, length=5, symbols=7, validation=50)
    for tokens, answer in zip(*(v.tolist() for v in data.validation), strict=True):
        assert answer == truth(tokens[:5])
        # The mark that ends the source, then each symbol of the answer where the next is asked.
        assert tokens[5:] == [7, *answer[:-1]]
    assert data.io.source == 6
    with pytest.raises(BadOption, match="reverse"):
        get("transduction").data(operation="shuffle")


def test_answers_to_prompts_are_the_sign_of_their_words_weights_on_the_symbols(torch) -> None:
    from forescale.lab.tasks import get
    from forescale.lab.tasks.prompted import weights

    data = get("prompted").data(words=3, symbols=5, vocabulary=12, length=4)
    weight = weights(12, 5)
    x, y = (v.tolist() for v in data.validation)
    for tokens, answer in zip(x, y, strict=True):
        words, shown = [t - 7 for t in tokens[:3]], [t - 2 for t in tokens[3:]]
        assert answer == (sum(weight[w, s] for w in words for s in shown) > 0)
    assert 0.3 < sum(y) / len(y) < 0.7


def test_fewer_prompted_tasks_are_a_subset_of_more_and_none_of_them_is_held_out(torch) -> None:
    from forescale.lab.tasks import get

    def prompts(x) -> set[frozenset[int]]:
        return {frozenset(row[:2]) for row in x.tolist()}

    def trained(tasks: int, **settings) -> set[frozenset[int]]:
        data = get("prompted").data(tasks=tasks, **settings)
        return set().union(*(prompts(data.batch(step, 64, 0)[0]) for step in range(40)))

    few, many = trained(8), trained(64)
    held = prompts(get("prompted").data().validation[0])
    assert (len(few), len(many), len(held)) == (8, 64, 128)
    assert few < many
    assert not many & held
    assert trained(8, draw=1) != few
    with pytest.raises(BadOption, match="496"):
        get("prompted").data(tasks=400)


def test_delayed_tokens_are_asked_for_and_none_before_there_is_one(torch) -> None:
    from forescale.lab.tasks import get

    x, y = get("delay").data(delay=5, vocab=4, context=20).batch(3, 7, 0)
    assert torch.equal(y[:, 5:], x[:, :-5])
    assert (y[:, :5] == 4).all()
    with pytest.raises(BadOption, match="delay 20"):
        get("delay").data(delay=20, context=20)


def test_repeated_windows_fill_their_share_of_every_batch(torch) -> None:
    from forescale.lab.tasks import get

    settings = {"context": 32, "unique": 32 * 200, "repeated": 32 * 4, "share": 0.5}
    data = get("stdlib_bytes").data(**settings)
    seen = [tuple(row.tolist()) for step in range(20) for row in data.batch(step, 8, 0)[0]]
    counts = sorted(seen.count(row) for row in set(seen))
    assert counts[-4:] == [20] * 4
    assert set(counts[:-4]) == {1}
    with pytest.raises(BadOption, match="repeated"):
        get("stdlib_bytes").data(**{**settings, "share": 0.0})


def test_series_of_the_other_family_differ_and_only_the_last_place_validates(torch) -> None:
    from forescale.lab.tasks import get

    same, other = (get("series").data(judged=j, every=True) for j in ("same", "other"))
    for one, two in zip(same.batch(1, 4, 0), other.batch(1, 4, 0), strict=True):
        assert torch.equal(one, two)
    assert not torch.equal(same.validation[0], other.validation[0])
    assert (same.validation[1][:, :-1] == -100).all()
    last = get("series").data(judged="same")
    assert torch.equal(last.validation[1], same.validation[1][:, -1])
    with pytest.raises(BadOption, match="family"):
        get("series").data(judged="elsewhere")


def test_analogies_of_letters_follow_from_the_alphabet_in_the_prompt(torch) -> None:
    from forescale.lab.tasks import get

    for judged in ("trained", "permuted"):
        x, y = get("letter_analogies").data(letters=9, alphabets=3, judged=judged).validation
        for tokens, answer in zip(x.tolist(), y.tolist(), strict=True):
            alphabet, (a, b, c, d, e) = tokens[:9], map(tokens[:9].index, tokens[9:])
            assert sorted(alphabet) == list(range(9))
            assert (b, e) == (a + 1, d + 1)
            assert d != a
            # The letter after a pair, or the one before it.
            assert c - a in (2, -1)
            assert alphabet[d + c - a] == answer


def test_fewer_alphabets_are_a_subset_of_more_and_none_of_them_is_held_out(torch) -> None:
    from forescale.lab.tasks import get

    def shown(x) -> set[tuple[int, ...]]:
        return {tuple(row[:6]) for row in x.tolist()}

    def trained(alphabets: int) -> set[tuple[int, ...]]:
        data = get("letter_analogies").data(alphabets=alphabets, letters=6, held=200)
        return set().union(*(shown(data.batch(step, 64, 0)[0]) for step in range(60)))

    one, many = trained(1), trained(100)
    held = shown(get("letter_analogies").data(letters=6, alphabets=1, held=200).validation[0])
    same = shown(
        get("letter_analogies").data(letters=6, alphabets=1, judged="trained").validation[0]
    )
    assert one == same == {tuple(range(6))}
    assert (len(many), len(held)) == (100, 200)
    assert one < many
    assert not many & held
    for bad in ({"letters": 4}, {"alphabets": 0}, {"judged": "usual"}, {"letters": 5}):
        with pytest.raises(BadOption):
            get("letter_analogies").data(**bad)
