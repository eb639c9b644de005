"""Solves in threads, and under whatever the caller has set: the digits are those of the same solve alone."""

import decimal
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
from flint import ctx
from mpmath import mp

from flrdt.evaluate import capacity, deep_capacity, energy

JOBS = [
    lambda: capacity(1, 25),
    lambda: capacity("2p", 40),
    lambda: capacity(2, 15),
    lambda: energy(8, "2p", 20),
    lambda: deep_capacity(1, 15, depth=2),
    lambda: capacity(2, 12, backend="mpmath"),
]


def digits(job):
    shown = job().to_json()
    shown.pop("seconds")
    return shown


@pytest.fixture(scope="module")
def alone():
    return [digits(job) for job in JOBS]


@pytest.mark.slow
def test_four_threads_give_the_digits_of_one(alone):
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(digits, JOBS * 2)) == alone * 2


def test_settings_of_the_caller_do_not_matter_and_are_kept(alone):
    bits, precision, longest = mp.prec, ctx.prec, sys.get_int_max_str_digits()
    try:
        mp.prec, ctx.prec = 11, 7
        sys.set_int_max_str_digits(640)
        with numpy.errstate(all="raise"), decimal.localcontext(decimal.Context(prec=2)):
            assert [digits(job) for job in JOBS] == alone
            assert len(capacity(1, 1000).decimal) == 1002
            assert numpy.geterr()["over"] == "raise"
        assert (mp.prec, ctx.prec, sys.get_int_max_str_digits()) == (11, 7, 640)
    finally:
        mp.prec, ctx.prec = bits, precision
        sys.set_int_max_str_digits(longest)


def test_an_error_releases_the_lock_and_restores_the_precision():
    with pytest.raises(ValueError, match="digits"):
        capacity(1, 0)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: capacity(1, 5).decimal).result(timeout=60) == "7.64769"
    assert mp.prec == 53
