"""Check a certificate of any kind: the checker that knows its format judges it."""

from __future__ import annotations

from pathlib import Path

from . import deep_checker, lower_checker, set_checker
from . import one_layer_checker as checker

__all__ = ["check", "check_file"]


def check(raw: bytes) -> checker.Verdict:
    """Parse and judge a certificate given as bytes; raises MalformedCertificate if it is not one."""
    known = {special.FORMAT: special.check for special in (deep_checker, lower_checker, set_checker)}
    return known.get(str(checker.load(raw).get("format")), checker.check)(raw)


def check_file(path: str | Path) -> checker.Verdict:
    """Check the certificate in a file, reading no more of it than a certificate may have."""
    return check(checker.bytes_of(path))
