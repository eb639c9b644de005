"""Ways to damage a file, and what an answer to it may be."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

from tests.time_limit import at_most

#: Processor seconds that a reader may take for one input (inputs have at most some 100 kB), and memory for all of them.
SECONDS = 20
KILOBYTES = 400_000

TOKENS = [
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\n\n", b",", b";", b'"', b"'", b"[" * 3000, b"{" * 3000,
    b"(" * 3000, b'{"a":' * 2000, b"9" * 5000, b"1e400", b"1e999999999", b"-", b".", b"nan", b"inf", b"0x1p99999",
    b"1/0", b"1_000", b"1,000", "−1".encode(), "٣".encode(), "é".encode("latin1"), b"true", b"null", b"\\u0000", b"x" * 200_000,
    b"__import__('os')", b"#", b" " * 1000, b"${HOME}", b"%s%n", b"\x1b[31m", "\u2028".encode(), b"-0", b"1e-400",
]  # fmt: skip


def damaged(rng: random.Random, content: bytes) -> bytes:
    """The content after one to three accidents."""
    for _ in range(rng.randint(1, 3)):
        a, b = sorted(rng.randint(0, len(content)) for _ in range(2))
        kind = rng.randrange(9)
        if kind == 0:
            content = content[:a]
        elif kind == 1:
            content = content[:a] + content[b:]
        elif kind == 2:
            content = content[:b] + content[a:b] + content[b:]
        elif kind == 3 and content:
            content = content[:a] + bytes([rng.randrange(256)]) + content[a + 1 :]
        elif kind in (4, 5):
            content = content[:a] + rng.choice(TOKENS) + content[a:]
        elif kind == 6:
            content = content[:a] + rng.choice(TOKENS) + content[b:]
        elif kind == 7:
            content = rng.choice([b"\xef\xbb\xbf" + content, content.replace(b"\n", b"\r\n"), content.swapcase()])
        else:
            try:
                content = content.decode().encode(rng.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig"]))
            except UnicodeDecodeError:
                content = bytes(rng.randrange(256) for _ in range(rng.randint(0, 50)))
    return content


def memory() -> int:
    """The most memory that this process has had so far, in kilobytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def answer(read: Callable[[], Any]) -> tuple[str, Any]:
    """``("read", value)`` or ``("refused", message)``; anything else (a traceback, two lines, a novel) fails the test."""
    try:
        with at_most(SECONDS, TimeoutError(f"more than {SECONDS} processor seconds for one input")):
            return "read", read()
    except (ValueError, TypeError) as problem:
        assert getattr(problem, "bad_input", False), f"a traceback: {problem!r}"
        message = str(problem)
        assert message.strip() and "\n" not in message and len(message) < 1000, message[:2000]
        return "refused", message
