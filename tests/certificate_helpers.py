"""What the certificate tests share: sealed documents, and the solver's own evaluator as the second route."""

import json
from fractions import Fraction
from functools import lru_cache

from flrdt.derive import Level, relu_network
from flrdt.evaluate.proofs import one_layer_checker as checker
from flrdt.evaluate.proofs.one_layer_certificates import certify

from .energy_form import EnergyForm

# theory page, section 7; level 4 from the same float64 prototype as section 5
VALUES = {"1": "7.647694935435", "2p": "7.448638726294", "2": "6.715696838", "3": "6.700391949"}
BOUNDS = {"1": "7.6477", "2p": "7.4487", "2": "6.7157", "3": "6.7004"}


@lru_cache(maxsize=16)
def certificate(level: str) -> str:
    """A true certificate as text."""
    return json.dumps(certify(level, BOUNDS[level]))


def document(level: str) -> dict:
    return json.loads(certificate(level))


def sealed(data: dict) -> bytes:
    """A document with statement and checksum made to fit, as a forger would."""
    data = dict(data)
    try:
        data["statement"] = checker.statement(data["level"], Fraction(data["alpha"]), Fraction(data["budget"]))
        data["sha256"] = checker.digest(data)
    except (ValueError, ZeroDivisionError, TypeError, KeyError):
        pass
    return json.dumps(data).encode()


def second_route(claim: checker.Claim, digits: int = 25):
    """P_r at the claimed parameters through the solver's evaluator, as a Fraction (not rigorous)."""
    level = Level.parse(claim.level)
    form = EnergyForm(relu_network(), level, "arb")
    p = claim.p if level.r > 1 and not level.partial else ()
    b = form.backend
    floats = [float(v) for v in (claim.chi, *p, *claim.y)]
    grid = form.grid(floats, digits)
    with b.precision(form.bits([b.number(v) for v in floats], digits)):
        terms = form.terms([b.number(v) for v in (claim.chi, *p, *claim.y)], grid)
        value = terms.A + b.number(claim.alpha) * terms.B
        mantissa, exponent = value.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
