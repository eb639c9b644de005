"""Lifted random duality theory: ``flrdt.derive`` derives, ``flrdt.evaluate`` computes, ``python -m flrdt`` is the command line."""


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("flrdt")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
