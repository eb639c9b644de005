"""Sphinx configuration; formulas, tables and figures come from live objects at build time (see generate.py)."""

import re
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).parent))

import generate

import flrdt.derive
import flrdt.evaluate


def homes(package):
    """Where the names that a package exports are documented."""
    found = {name: getattr(package, name) for name in package.__all__}
    modules = {name: value.__name__ for name, value in found.items() if isinstance(value, ModuleType)}
    return {
        n: f"{v.__module__}.{v.__name__}" for n, v in found.items() if hasattr(v, "__name__") and n not in modules
    } | modules


project = "flrdt"
author = "The flrdt developers"
copyright = "2026, The flrdt developers"
version = release = metadata.version(project)
html_title = f"flrdt {version}"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_argparse_cli",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
    "mathml_pages",
    "live_formulas",
]
myst_enable_extensions = ["dollarmath"]
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "alpha"
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_mime_priority_overrides = [("html", "text/latex", 1)]  # formulas become MathML, as everywhere else
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
myst_heading_anchors = 3
exclude_patterns = ["_build", "figures", "paper", "_generated/*.md", "_generated/figures"]
html_theme = "furo"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["formulas.css"]
html_copy_source = False
html_show_sourcelink = False
autodoc_default_options = {"members": True}
autosummary_context = {"exports": {p.__name__: homes(p) for p in (flrdt.derive, flrdt.evaluate)}}
templates_path = ["_templates"]
nitpicky = True
nitpick_ignore_regex = [
    # other projects have their own pages, and the build has no network to find them
    ("py:.*", r"(collections|concurrent|fractions|flint|matplotlib|mpmath|np|numpy|pathlib|re|sympy)\..*"),
    # private classes, type variables, parts of aliases
    ("py:.*", r"flrdt\..*\._\w+|(flrdt\..*\.)?[PR]|(dict|tuple)\[.*"),
]


def keep_bars(app, what, name, obj, options, lines):
    """A modulus in a docstring is not a substitution: bars outside of literals, mathematics and examples are escaped."""
    example = False
    for i, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if not example:
            lines[i] = re.sub(r"(``.*?``|`[^`]*`)|\|", lambda found: found[1] or r"\|", line)


def setup(app):
    """Write the generated pages and fragments before the pages are read."""
    app.connect("autodoc-process-docstring", keep_bars)
    app.connect("builder-inited", lambda app: generate.write(Path(app.srcdir) / "_generated"))
