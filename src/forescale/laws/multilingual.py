"""Multilingual law: a task with weight p has f(p) N parameters to itself.

Source: Fernandes et al. 2023, "Scaling Laws for Multilingual Neural Machine Translation", for
one of two tasks: E + b (f(p) N)^-a with f(p) = p + c1 p^c2 (1 - p)^c3, the same a, b, E for all
weights. At p = 1 it is the law of a model of one task.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="multilingual",
    formula="E + b/((p + c1*p^c2*(1 - p)^c3)*N)^a",
    inputs=("N", "p"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 10.0, "irreducible loss of the task"),
        Param("b", "nats/token * params^a", 0.0, 1e12, "cost of finite size"),
        Param("a", "1", 0.0, 2.0, "exponent of effective parameters"),
        Param(
            "c1",
            "1",
            1e-3,
            20.0,
            "what sharing between tasks brings",
            (0.05, 2.0),
            by_factors=True,
        ),
        Param("c2", "1", 0.0, 10.0, "how sharing starts from no weight", (0.2, 2.0)),
        Param("c3", "1", 0.0, 10.0, "how sharing ends at full weight", (0.2, 2.0)),
    ),
    summary="Loss of one of two tasks from size and from the task's weight in the mixture.",
    when="Several sizes at several weights of the task, 0 < p <= 1.",
    source="Fernandes et al. 2023, Scaling Laws for Multilingual Neural Machine Translation",
    typical={"E": 1.0, "b": 200.0, "a": 0.3, "c1": 0.3, "c2": 0.5, "c3": 1.0},
    domain={"N": (1e7, 2e9), "p": (0.02, 0.98)},
    units={"p": "1"},
)
