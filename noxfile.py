#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""Sessions for contributors: ``nox`` runs tests and lint, ``nox -l`` lists the others.  ``.ci/run`` runs everything."""

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"


@nox.session
def tests(session: nox.Session) -> None:
    """The default tests."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", "-n", "auto", *session.posargs)


@nox.session(default=False)
def slow(session: nox.Session) -> None:
    """The tests that take longer than a few seconds each."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", "-m", "slow", "-n", "auto", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and types."""
    session.install(".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    with session.chdir(session.create_tmp()):
        session.run(
            "mypy",
            "--config-file",
            str(session.invoked_from) + "/pyproject.toml",
            "-p",
            "flrdt.derive",
            "-p",
            "flrdt.evaluate",
        )


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """The documentation, with warnings as errors."""
    session.install(".[docs]")
    session.run("python", "-m", "sphinx", "-W", "-b", "html", "docs", "docs/_build/html")


if __name__ == "__main__":
    nox.main()
