"""Sphinx configuration; the formulas of the pages are rendered from live objects at build time (see generate.py)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generate

project = "flrdt"
author = "The flrdt developers"
copyright = "2026, The flrdt developers"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["dollarmath", "amsmath"]
exclude_patterns = ["_build", "_generated/*"]
html_theme = "alabaster"
autodoc_default_options = {"members": True}


def setup(app):
    """Write the generated fragments before the pages are read."""
    app.connect("builder-inited", lambda app: generate.write(Path(app.srcdir) / "_generated"))
