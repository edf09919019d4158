"""Ten steps of every optimiser, as `crates/ctr-model/tests/data/optimizers.json`.

    python scripts/reference/optimizers.py > crates/ctr-model/tests/data/optimizers.json

Rules that PyTorch has are run by PyTorch; row-wise Adagrad, row-wise Adam and FTRL-proximal, which it lacks, are written out in NumPy
(float64) from their papers. A sparse case holds the lookups of each step and a gradient for each lookup; a dense case holds a gradient for
every row.
"""
import json

import numpy as np
import torch

ROWS, WIDTH, STEPS, LOOKUPS = 7, 5, 10, 8
random = np.random.default_rng(20221)
START = random.normal(0, 0.5, (ROWS, WIDTH)).astype(np.float32)
# Row 6 is never looked up.
BATCHES = [random.integers(0, ROWS - 1, LOOKUPS) for _ in range(STEPS)]
GRADS = [random.normal(0, 1, (LOOKUPS, WIDTH)).astype(np.float32) for _ in range(STEPS)]
DENSE = [random.normal(0, 1, (ROWS, WIDTH)).astype(np.float32) for _ in range(STEPS)]


def summed(step):
    """Touched rows, ascending, and the sum of the gradients of each."""
    total = np.zeros((ROWS, WIDTH))
    np.add.at(total, BATCHES[step], GRADS[step].astype(np.float64))
    rows = np.unique(BATCHES[step])
    return rows, total[rows]


def torch_sparse(make):
    table = torch.nn.Parameter(torch.tensor(START))
    optimizer = make([table])
    for lookups, grads in zip(BATCHES, GRADS):
        table.grad = torch.sparse_coo_tensor(torch.tensor(lookups)[None], torch.tensor(grads), (ROWS, WIDTH)).coalesce()
        optimizer.step()
    return table.detach().numpy()


def torch_by_row(make):
    """One parameter per row: a row that is not touched has no gradient and rests, its momentum too."""
    table = [torch.nn.Parameter(torch.tensor(row)) for row in START]
    optimizer = make(table)
    for step in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        for row, grad in zip(*summed(step)):
            table[row].grad = torch.tensor(grad.astype(np.float32))
        optimizer.step()
    return np.stack([row.detach().numpy() for row in table])


def torch_dense(make):
    table = torch.nn.Parameter(torch.tensor(START))
    optimizer = make([table])
    for grads in DENSE:
        table.grad = torch.tensor(grads)
        optimizer.step()
    return table.detach().numpy()


def by_hand(update, state):
    table = START.astype(np.float64)
    for step in range(STEPS):
        rows, grads = summed(step)
        for row, g in zip(rows, grads):
            update(table[row], row, g, step + 1, state)
    return table


def rowwise_adagrad(lr, eps):
    def update(w, row, g, t, a):
        a[row] += np.mean(g * g)
        w -= lr * g / (np.sqrt(a[row]) + eps)

    return by_hand(update, np.zeros(ROWS))


def rowwise_adam(lr, b1, b2, eps):
    def update(w, row, g, t, state):
        m, v = state
        m[row] = b1 * m[row] + (1 - b1) * g
        v[row] = b2 * v[row] + (1 - b2) * np.mean(g * g)
        w -= lr * (m[row] / (1 - b1**t)) / (np.sqrt(v[row] / (1 - b2**t)) + eps)

    return by_hand(update, (np.zeros((ROWS, WIDTH)), np.zeros(ROWS)))


def ftrl(alpha, beta, l1, l2):
    def update(w, row, g, t, state):
        z, n = state
        sigma = (np.sqrt(n[row] + g * g) - np.sqrt(n[row])) / alpha
        z[row] += g - sigma * w
        n[row] += g * g
        w[:] = np.where(np.abs(z[row]) <= l1, 0.0, -(z[row] - np.sign(z[row]) * l1) / ((beta + np.sqrt(n[row])) / alpha + l2))

    return by_hand(update, (np.zeros((ROWS, WIDTH)), np.zeros((ROWS, WIDTH))))


optim = torch.optim
SPARSE = [
    ({"type": "sgd", "learning_rate": 0.1}, torch_sparse(lambda p: optim.SGD(p, 0.1))),
    ({"type": "sgd", "learning_rate": 0.1, "momentum": 0.9}, torch_by_row(lambda p: optim.SGD(p, 0.1, momentum=0.9))),
    (
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.8, "nesterov": True},
        torch_by_row(lambda p: optim.SGD(p, 0.1, momentum=0.8, nesterov=True)),
    ),
    ({"type": "adagrad", "learning_rate": 0.2, "epsilon": 1e-6}, torch_sparse(lambda p: optim.Adagrad(p, 0.2, eps=1e-6))),
    ({"type": "lazy_adam", "learning_rate": 0.03}, torch_sparse(lambda p: optim.SparseAdam(p, 0.03))),
    ({"type": "rowwise_adagrad", "learning_rate": 0.2, "epsilon": 1e-6}, rowwise_adagrad(0.2, 1e-6)),
    ({"type": "rowwise_adam", "learning_rate": 0.03}, rowwise_adam(0.03, 0.9, 0.999, 1e-8)),
    ({"type": "ftrl", "learning_rate": 0.3, "beta": 0.5, "l1": 0.6, "l2": 0.2}, ftrl(0.3, 0.5, 0.6, 0.2)),
]
DENSE_CASES = [
    ({"type": "sgd", "learning_rate": 0.1}, torch_dense(lambda p: optim.SGD(p, 0.1))),
    ({"type": "sgd", "learning_rate": 0.1, "momentum": 0.9}, torch_dense(lambda p: optim.SGD(p, 0.1, momentum=0.9))),
    (
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.8, "nesterov": True},
        torch_dense(lambda p: optim.SGD(p, 0.1, momentum=0.8, nesterov=True)),
    ),
    ({"type": "adagrad", "learning_rate": 0.2, "epsilon": 1e-6}, torch_dense(lambda p: optim.Adagrad(p, 0.2, eps=1e-6))),
    ({"type": "adam", "learning_rate": 0.03, "beta2": 0.99}, torch_dense(lambda p: optim.Adam(p, 0.03, (0.9, 0.99)))),
    ({"type": "adamw", "learning_rate": 0.03, "weight_decay": 0.5}, torch_dense(lambda p: optim.AdamW(p, 0.03, weight_decay=0.5))),
]


def numbers(array):
    # Eight digits are more than a float32 has.
    return [float(f"{x:.9g}") for x in np.asarray(array, dtype=np.float32).ravel()]


print(
    json.dumps(
        {
            "rows": ROWS,
            "width": WIDTH,
            "start": numbers(START),
            "lookups": [batch.tolist() for batch in BATCHES],
            "lookup_grads": [numbers(g) for g in GRADS],
            "dense_grads": [numbers(g) for g in DENSE],
            "sparse": [{"optimizer": o, "end": numbers(w)} for o, w in SPARSE],
            "dense": [{"optimizer": o, "end": numbers(w)} for o, w in DENSE_CASES],
        }
    )
)
