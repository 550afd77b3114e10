"""One error family: what is wrong, where, and how to mend it."""

from __future__ import annotations


class ForescaleError(Exception):
    """The user's input cannot be used; the message is one clear line.

    Args:
        what: What is wrong, quoting the value seen.
        where: File, row and column, or option, where it was seen.
        fix: What the user can do about it.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(self._line())

    def _line(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}; {self.fix}" if self.fix else line

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling of exceptions,
        # and worker processes send these errors home.
        return (_rebuild, (type(self), self.what, self.where, self.fix))


def _rebuild(cls: type[ForescaleError], what: str, where: str, fix: str) -> ForescaleError:
    return cls(what, where=where, fix=fix)


class BadTable(ForescaleError):
    """A run table cannot be read or holds values no law can use."""


class BadFormula(ForescaleError):
    """A formula is not in the language of laws."""


class BadOption(ForescaleError):
    """An option or argument has a value that cannot be used."""


def check_level(level: float, fix: str = "as in --level 0.9") -> None:
    """Refuse a level that is no probability.

    Raises:
        BadOption: Unless it lies between 0 and 1.
    """
    if not 0 < level < 1:
        raise BadOption(f"level {level:g} is no probability", fix=fix)


class UnknownName(ForescaleError):
    """A law, column, data set or study of that name does not exist."""


class TooFewRuns(ForescaleError):
    """The table has fewer runs than the question needs."""


class MissingExtra(ForescaleError):
    """An optional dependency is needed and is not installed."""


class NotReached(ForescaleError):
    """A computation ended without an answer that can be stood behind."""


class ForescaleWarning(UserWarning):
    """Something the user should know that does not stop the work."""
