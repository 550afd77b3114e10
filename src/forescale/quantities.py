"""Placeholder merged from the runs branch."""


def unit_of(name: str) -> str:
    return {"N": "params", "D": "tokens", "C": "flops"}.get(name, name)
