"""The parser of the command line with the arguments of all commands, as the page on commands reads it."""

from argparse import ArgumentParser

from flrdt.evaluate import cli


def every_command() -> ArgumentParser:
    """The parser of ``flrdt`` with every command."""
    return cli.parser(None, every=True)
