"""Numbers that print the digits that are known of them."""

from __future__ import annotations

from typing import Any

from mpmath import mpf

__all__ = ["Printed", "printed"]


class Printed(mpf):
    """An ``mpf`` like any other, which prints as a given decimal whatever the precision is when it is printed.

    What is computed with it is an ordinary ``mpf`` at the precision of the moment.

    >>> third = printed(mpf(1) / 3, "0.3333")
    >>> print(third, 3 * third)
    0.3333 1.0
    """

    text: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"mpf({self.text!r})"

    def __reduce__(self) -> Any:
        return printed, (_plain(self), self.text)


def _plain(value: Any) -> mpf:
    """The same number without its text, not rounded."""
    found = mpf.__new__(mpf)
    found._mpf_ = value._mpf_
    return found


def printed(value: Any, text: str) -> Printed:
    """The number with the decimal that it prints as."""
    found = mpf.__new__(Printed)
    found._mpf_, found.text = value._mpf_, text
    return found
