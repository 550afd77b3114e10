"""Renders result objects as terminal text and as one HTML page; computes nothing."""

from forescale.report._page import page, write
from forescale.report._text import text

__all__ = ["page", "text", "write"]
