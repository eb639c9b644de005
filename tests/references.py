"""Values to compare with, each with where it comes from.

``FAMILY`` are values of the problems of the family that were computed in double precision by two routes other than the toolkit
(nested trapezoidal rules, and one grid with convolutions of logarithms) and that agreed to the digits shown.
"""

from dataclasses import dataclass

__all__ = ["FAMILY", "FREE_ORDER", "SLOW", "Reference"]


@dataclass(frozen=True)
class Reference:
    """A value as it was printed: problem, level, decimal, and the parameters that came with it."""

    problem: str
    level: str
    value: str
    parameters: tuple[str, ...] = ()
    branch: str | None = None


FAMILY = [
    # spherical perceptron with margin kappa
    Reference("perceptron:kappa=-3/2", "1", "43.76940232644"),
    Reference("perceptron:kappa=-3/2", "2p", "37.35984520897"),
    Reference("perceptron:kappa=-3/2", "2", "36.56676188228", ("0.47472367", "13.91515240")),
    Reference("perceptron:kappa=-1", "1", "13.27319983702"),
    Reference("perceptron:kappa=-1", "2p", "12.78437096213"),
    Reference("perceptron:kappa=-1", "2", "12.31963434659", ("0.66492449", "12.39531561")),
    Reference("perceptron:kappa=-1/2", "1", "4.770098882619"),
    Reference("perceptron:kappa=-1/2", "2p", "4.770098882619"),
    Reference("perceptron:kappa=-1/2", "2", "4.700139487719", ("0.85506832", "18.37412142")),
    Reference("perceptron:kappa=0", "1", "2.000000000000"),
    Reference("perceptron:kappa=0", "2p", "2.000000000000"),
    Reference("perceptron:kappa=0", "2", "2.000000000000"),
    Reference("perceptron:kappa=1/2", "1", "0.9612050528015"),
    Reference("perceptron:kappa=1/2", "3", "0.9612050528015"),
    # other sets on the sphere
    Reference("strip:1", "1", "6.63659991851"),
    Reference("strip:1", "2p", "6.231975585537"),
    Reference("strip:1", "2", "6.15768477996", ("0.64689497", "11.422138")),
    Reference("outside:1", "1", "3.94397486358"),
    Reference("outside:1", "2p", "2.021006107507"),
    Reference("outside:1", "2", "2.020574420794", ("0.10920752", "12.363372")),
    Reference("outside:1/2", "1", "30.4535268836"),
    Reference("outside:1/2", "2p", "6.6781347213"),
    Reference("set:[-2,-1] U [1,2]", "1", "3.77232131844"),
    Reference("set:[-2,-1] U [1,2]", "2p", "1.902633463787"),
    # energies of costs
    Reference("l0:kappa=0,alpha=3", "1", "0.097516034968"),
    Reference("l0:kappa=0,alpha=6", "1", "0.63149213522"),
    Reference("hinge:kappa=0,alpha=3", "1", "0.14910948726"),
    Reference("hinge:kappa=1,alpha=2", "1", "0.93355611713"),
    Reference("hinge:kappa=-1,alpha=15", "1", "0.037556344895"),
    Reference("hinge:kappa=-1,alpha=15", "2p", "0.049061756128"),
    Reference("quadratic:kappa=0,alpha=3", "1", "0.025255128608"),
    Reference("quadratic:kappa=1,alpha=2", "1", "0.46269170689"),
    # spin glasses
    Reference("sk", "1", "0.797884560803"),
    Reference("sk", "2", "0.7652594346737", ("0.47678437", "1.36082078")),
    Reference("sk", "3", "0.7636080105385", ("0.84949721", "0.32139904", "2.74040554", "0.83503611")),
    Reference("hopfield:+,alpha=1", "1", "1.797884560803"),
    Reference("hopfield:+,alpha=1", "2p", "1.783254481125", ("0.80998431", "0.42460751")),
    Reference("hopfield:+,alpha=1", "2", "1.780116240433", ("0.72035541", "0.63197152", "1.00561325")),
    Reference("hopfield:-,alpha=1", "1", "0.202115439197"),
    Reference("hopfield:-,alpha=1", "2p", "0.3201633094718"),
    Reference("hopfield:-,alpha=1", "2", "0.3201633094718"),
    Reference("hopfield:-,alpha=2", "2p", "0.689896235"),
    Reference("hopfield:-,alpha=3", "2p", "0.993846769"),
    # perceptrons with Ising spins
    Reference("ising:kappa=0", "1", "1.27323954474"),
    Reference("ising:kappa=0", "2", "0.8330785997396", ("0.56394908", "2.57635135")),
    Reference("ising-strip:1", "1", "4.22499072942"),
    Reference("ising-strip:1", "2", "1.8158754958372"),
    Reference("ising-outside:1/2", "1", "19.3873173524"),
    Reference("ising-outside:1", "1", "2.51081237988"),
    Reference("ising-outside:2", "1", "0.354283021927"),
    Reference("ising-outside:1/2", "2", "1.435787147176"),
    Reference("ising-outside:1", "2", "0.60385277486983"),
    Reference("ising-outside:2", "2", "0.22431677879977"),
    # wide committees
    Reference("committee:relu", "1", "2.933884413849"),
    Reference("committee:relu", "2p", "2.850211605922"),
    Reference("committee:relu", "2", "2.664280056587", ("0.75714433", "16.634709")),
    Reference("committee:square", "1", "4.00000000000"),
    Reference("committee:square", "2p", "3.381001627057"),
    Reference("committee:square", "2", "3.3746644255", ("0.28451523", "6.3929469")),
    Reference("committee:erf", "1", "2.451400007571"),
    Reference("committee:erf", "2p", "2.451400007571"),
    Reference("committee:erf", "2", "2.374999190579", ("0.75467184", "7.5783612")),
]

SLOW = [
    Reference("perceptron:kappa=-3/2", "3", "36.39840295777", ("0.96977572", "0.41061183", "98.698497", "25.489154")),
    Reference("perceptron:kappa=-1", "3", "12.28722222159", ("0.96911591", "0.59916661", "85.571355", "18.725374")),
    Reference("perceptron:kappa=-1/2", "3", "4.6972364431", ("0.98357463", "0.81848791", "134.79136", "23.522987")),
    Reference("strip:1", "3", "6.13796193651"),
    Reference("l0:kappa=0,alpha=3", "2", "0.11729260"),
    Reference("l0:kappa=0,alpha=3", "3", "0.1175468012"),
    Reference("l0:kappa=0,alpha=6", "2p", "0.65020782065"),
    Reference("l0:kappa=0,alpha=6", "2", "0.80158466"),
    Reference("l0:kappa=0,alpha=6", "3", "0.8048728029"),
    Reference("hinge:kappa=0,alpha=3", "2", "0.14938287636"),
    Reference("hinge:kappa=0,alpha=3", "3", "0.1493956"),
    Reference("hinge:kappa=-1,alpha=15", "2", "0.06177075027"),
    Reference("hinge:kappa=-1,alpha=15", "3", "0.062952340707"),
    # the value as printed; the parameters, which lie in a flat valley, from the minimum of the nested rule in field_route.py
    Reference("hopfield:+,alpha=1", "3", "1.778761913575", ("0.915883", "0.442590", "2.678311", "0.504127")),
    Reference("committee:relu", "3", "2.653274173972"),
    Reference("committee:square", "3", "3.366400051291"),
    Reference("committee:erf", "3", "2.374354206662"),
    Reference("committee:erf", "4", "2.37428070711"),
    # printed elsewhere as 2.65148498579: the nested rule in field_route.py gives this value with steps 0.3, 0.2 and 0.15, and every
    # descent ends at the one minimum that it belongs to
    Reference("committee:relu", "4", "2.6514849917"),
    Reference("committee:square", "4", "3.36524645"),
    # even sets, on the branch whose outermost overlap vanishes
    Reference("strip:1", "3", "6.1461625138", branch="symmetric"),
    Reference("outside:1", "3", "2.02055917", branch="symmetric"),
    Reference("outside:1/2", "3", "6.6781347213"),
    Reference("set:[-2,-1] U [1,2]", "3", "1.902633463787"),
    Reference("hinge:kappa=1,alpha=2", "3", "0.93355611713"),
]

FREE_ORDER = [
    # parameters to the digits that a minimisation in double precision gives them; here they agree from 8 to 32 digits
    Reference("hopfield:-,alpha=1", "3", "0.3271764822606", ("0.0599375", "2.226456", "10.53763")),
    Reference("ising:kappa=0", "3", "0.7842145913596", (".984485", ".647805", "1.016234", ".245895", "4.347172")),
    Reference("outside:1", "3", "2.01885152"),
    Reference("outside:1/2", "3", "6.59180629", ("50.06", "76.80")),
    Reference("ising-strip:1", "3", "1.657535194348", (".98519361", ".87998683", "4.2571558")),
]
