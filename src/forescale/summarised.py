"""A result that says itself in words shows these words in a notebook, too."""

from __future__ import annotations

from html import escape


class Summarised:
    """Base of results with a `summary()`: a notebook shows it as it stands."""

    def summary(self) -> str:
        """The result in a few lines."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.summary())}</pre>"
