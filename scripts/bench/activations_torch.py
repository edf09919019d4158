#!/usr/bin/env python3
"""ReLU and SmeLU of PyTorch over [4096, 1024] in f32, forward and backward: the peer of `cargo bench -p smelu`.

Prints one JSON line per measurement: the median, lowest and highest milliseconds of a pass. `operation` is the forward
and the backward pass for a gradient that is there; `graph` is `f(x).sum().backward()`; `memory` copies as many bytes as
`operation` must move at least.
"""

import argparse
import json
import os
import statistics
import sys
import time

# glibc hands large freed blocks back to the kernel and faults them in again; these keep them. Read when the process starts.
TUNED_GLIBC = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(64 << 20),
}
ROWS, UNITS, BETA = 4096, 1024, 0.5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="time to measure each case (default 1)")
    parser.add_argument("--allocator", choices=["system", "tuned"], default="tuned", help="tuned: glibc keeps its memory")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out; it needs a C++ compiler")
    return parser.parse_args()


ARGS = arguments()
if ARGS.allocator == "tuned" and "MALLOC_TRIM_THRESHOLD_" not in os.environ:
    os.execve(sys.executable, [sys.executable, *sys.argv], dict(os.environ, **TUNED_GLIBC))
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(ARGS.threads)

import torch  # noqa: E402

torch.set_num_threads(ARGS.threads)
torch.manual_seed(1)


def smelu_where(x):
    """SmeLU composed of the operations one would write."""
    m = ((x + BETA) / (2 * BETA)).clamp(0, 1)
    return torch.where(x >= BETA, x, BETA * m * m)


def smelu_clamp(x):
    """SmeLU composed with fewer operations, and less exact: the polynomial cancels next to -beta."""
    return torch.where(x.abs() <= BETA, (x + BETA) ** 2 / (4 * BETA), torch.relu(x))


class Smelu(torch.autograd.Function):
    """SmeLU with its own backward pass."""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return smelu_where(x)

    @staticmethod
    def backward(context, grad):
        (x,) = context.saved_tensors
        return grad * ((x + BETA) / (2 * BETA)).clamp(0, 1)


def measure(group, name, run, warm_up=5):
    for _ in range(warm_up):
        run()
    times, end = [], time.perf_counter() + ARGS.seconds
    while time.perf_counter() < end or len(times) < 10:
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    median = statistics.median(times)
    row = {"group": group, "name": name, "median": median, "low": min(times), "high": max(times), "runs": len(times)}
    print(json.dumps(row), flush=True)


def main():
    x, grad = torch.randn(ROWS, UNITS), torch.randn(ROWS, UNITS)
    source, target = torch.ones(ROWS * UNITS * 5 // 2), torch.zeros(ROWS * UNITS * 5 // 2)
    cases = {
        "ReLU": torch.relu,
        "SmeLU composed": smelu_where,
        "SmeLU composed, polynomial": smelu_clamp,
        "SmeLU, own backward pass": Smelu.apply,
        "SiLU": torch.nn.functional.silu,
        "GELU": torch.nn.functional.gelu,
        "Mish": torch.nn.functional.mish,
        "SoftPlus": torch.nn.functional.softplus,
        "ELU": torch.nn.functional.elu,
    }
    if not ARGS.no_compile:
        cases["SmeLU composed, torch.compile"] = torch.compile(smelu_where)
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "allocator": ARGS.allocator}))
    measure("memory", "copy", lambda: target.copy_(source))
    leaf = x.clone().requires_grad_()

    def graph(f):
        leaf.grad = None
        f(leaf).sum().backward()

    for name, f in cases.items():
        measure("operation", name, lambda f=f: torch.autograd.grad(f(leaf), leaf, grad))
        measure("graph", name, lambda f=f: graph(f))


if __name__ == "__main__":
    main()
