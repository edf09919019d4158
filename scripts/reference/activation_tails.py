#!/usr/bin/env python3
"""Which numbers of the activations' reference file are off, and what they should be.

    python scripts/reference/activation_tails.py            # lists them
    python scripts/reference/activation_tails.py --write    # rewrites crates/smelu/tests/contract/tails.json

`vectors.json` holds sums taken in double precision: where two terms cancel, only the absolute accuracy of the terms is
left. This evaluates every cell of it from the definitions, with so many digits that no cancellation matters, and names
each cell that is off by more than 1e-12 of its value. The tests take those cells from `tails.json` and all others from
`vectors.json`, the oracle within 1e-12 of the value.

Needs mpmath (`pip install mpmath==1.3.0`).
"""

import argparse
import json
import math
from pathlib import Path

from mpmath import erfc, exp, log1p, mp, mpf, pi, sqrt, tanh

mp.dps = 400
TOLERANCE = mpf("1e-12")
FOLDER = Path(__file__).resolve().parents[2] / "crates/smelu/tests/contract"


def logistic(z):
    return 1 / (1 + exp(-z))


def softplus(z):
    return log1p(exp(z))


def normal_cdf(z):
    return erfc(-z / sqrt(mpf(2))) / 2


def normal_density(z):
    return exp(-z * z / 2) / sqrt(2 * pi)


def smelu(x, beta):
    m = min(max((x + beta) / (2 * beta), 0), 1)
    return {"y": x if x >= beta else beta * m**2, "dx": m, "dbeta": m * (1 - m)}


def gsmelu(x, alpha, beta, gm, gp, t):
    w = alpha + beta
    m = min(max((x + alpha) / w, 0), 1)
    area = w * m**2 / 2 + max(x - beta, 0)
    return {
        "y": t + gm * (x + alpha) + (gp - gm) * area,
        "dx": gm + (gp - gm) * m,
        "dalpha": gm + (gp - gm) * (m - m**2 / 2),
        "dbeta": -(gp - gm) * m**2 / 2,
        "dgm": x + alpha - area,
        "dgp": area,
        "dt": mpf(1),
    }


def leaky_relu(x, slope):
    return {"y": x if x >= 0 else slope * x, "dx": 1 if x >= 0 else slope, "dslope": min(x, 0)}


def softplus_of(x, beta):
    y = softplus(beta * x) / beta
    return {"y": y, "dx": logistic(beta * x), "dbeta": (x * logistic(beta * x) - y) / beta}


def swish(x, beta):
    up, down = logistic(beta * x), logistic(-beta * x)
    return {"y": x * up, "dx": up * (1 + beta * x * down), "dbeta": x**2 * up * down}


def gelu(x, beta):
    z = beta * x
    return {
        "y": x * normal_cdf(z),
        "dx": normal_cdf(z) + z * normal_density(z),
        "dbeta": x**2 * normal_density(z),
    }


def gelu_tanh(x):
    k, cubic = sqrt(2 / pi), mpf("0.044715")
    th = tanh(k * (x + cubic * x**3))
    return {"y": x / 2 * (1 + th), "dx": (1 + th) / 2 + x / 2 * (1 - th**2) * k * (1 + 3 * cubic * x**2)}


def mish(x, beta):
    th = tanh(softplus(beta * x))
    q = (1 - th**2) * logistic(beta * x)
    return {"y": x * th, "dx": th + beta * x * q, "dbeta": x**2 * q}


def tanhexp(x, beta):
    e = exp(beta * x)
    th = tanh(e)
    # 1 - tanh² from its own exponential: no number of digits is enough for the difference where e is large.
    q = 4 * exp(-2 * e) / (1 + exp(-2 * e)) ** 2 * e
    return {"y": x * th, "dx": th + beta * x * q, "dbeta": x**2 * q}


def elu(x, alpha):
    if x > 0:
        return {"y": x, "dx": mpf(1), "dalpha": mpf(0)}
    return {"y": alpha * (exp(x) - 1), "dx": alpha * exp(x), "dalpha": exp(x) - 1}


def selu(x):
    scale, alpha = mpf("1.0507009873554804934193349852946"), mpf("1.6732632423543772848170429916717")
    if x > 0:
        return {"y": scale * x, "dx": scale}
    return {"y": scale * alpha * (exp(x) - 1), "dx": scale * alpha * exp(x)}


def celu(x, alpha):
    if x > 0:
        return {"y": x, "dx": mpf(1), "dalpha": mpf(0)}
    e = exp(x / alpha)
    return {"y": alpha * (e - 1), "dx": e, "dalpha": e - 1 - x / alpha * e}


def squareplus(x, b):
    root = sqrt(x**2 + b)
    return {"y": (x + root) / 2, "dx": (1 + x / root) / 2, "db": 1 / (4 * root)}


FUNCTIONS = {
    f.__name__: f
    for f in (smelu, gsmelu, leaky_relu, swish, gelu, gelu_tanh, mish, tanhexp, elu, selu, celu, squareplus)
} | {"softplus": softplus_of}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="rewrite tails.json")
    arguments = parser.parse_args()

    file = json.loads((FOLDER / "vectors.json").read_text())
    cells, count = [], 0
    for vector in file["vectors"]:
        parameters = {name: mpf(value) for name, value in vector["params"].items()}
        for i, x in enumerate(file["x"]):
            for field, exact in FUNCTIONS[vector["act"]](mpf(x), **parameters).items():
                count += 1
                given = mpf(vector[field][i])
                # Below the smallest normal number a double has no 1e-12 to give.
                if abs(given - exact) > TOLERANCE * abs(exact) + mpf(2) ** -1022:
                    cells.append(
                        {
                            "act": vector["act"],
                            "params": vector["params"],
                            "field": field,
                            "x": x,
                            "given": vector[field][i],
                            "exact": float(exact),
                        }
                    )
    for cell in cells:
        off = math.inf if cell["exact"] == 0 else abs(cell["given"] / cell["exact"] - 1)
        at = f"{cell['act']} {json.dumps(cell['params'])} {cell['field']} at {cell['x']}"
        print(f"{at}: {cell['given']!r} is off by {off:.1e}, exact {cell['exact']!r}")
    print(f"{len(cells)} of {count} cells are off by more than 1e-12 of their value")
    if arguments.write:
        lines = ",\n".join(json.dumps(cell) for cell in cells)
        (FOLDER / "tails.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
