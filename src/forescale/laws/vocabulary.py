"""Vocabulary law: a loss normalised by unigrams, from sizes without and with vocabulary.

Source: Tao et al. 2024, "Scaling Laws with Vocabulary: Larger Models Deserve Larger
Vocabularies". The loss is that above a unigram model with the same vocabulary, so that
vocabularies compare; it is mostly negative. Typical values are ours, with exponents near the
paper's: the units of its published coefficients are not those used here.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="vocabulary",
    formula="-E + A1/Nnv^a1 + A2/Nv^a2 + B/D^b",
    inputs=("Nnv", "Nv", "D"),
    predicts="Lu",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "most that can be gained over unigrams"),
        Param("A1", "nats/token * nonvocab_params^a1", 0.0, 1e12, "cost of finite size"),
        Param("A2", "nats/token * vocab_params^a2", 0.0, 1e12, "cost of a finite vocabulary"),
        Param("B", "nats/token * tokens^b", 0.0, 1e12, "cost of finite data"),
        Param("a1", "1", 0.0, 2.0, "exponent of non-vocabulary parameters"),
        Param("a2", "1", 0.0, 2.0, "exponent of vocabulary parameters"),
        Param("b", "1", 0.0, 2.0, "exponent of training data"),
    ),
    summary="Chinchilla's law with the parameters of the vocabulary apart.",
    when="Runs that vary size, vocabulary and data, scored by the unigram-normalised loss.",
    source="Tao et al. 2024, Scaling Laws with Vocabulary",
    typical={
        "E": 5.5,
        "A1": 5e3,
        "A2": 5e4,
        "B": 1e4,
        "a1": 0.447,
        "a2": 0.671,
        "b": 0.458,
    },
    domain={"Nnv": (3e7, 3e9), "Nv": (2e6, 3e8), "D": (5e8, 1e11)},
    units={"Nnv": "nonvocab_params", "Nv": "vocab_params"},
    residual="raw",
)
