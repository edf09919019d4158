"""Factors of PyTorch's learning-rate schedulers, as `crates/trainer/tests/data/schedules.json`.

    python scripts/reference/schedules.py > crates/trainer/tests/data/schedules.json
"""
import json

import torch
from torch.optim import lr_scheduler as lr

STEPS = 30


def factors(make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    values = []
    for _ in range(STEPS):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return values


def warm(optimizer):
    # k < W: (k + 1)/(W + 1); PyTorch's line runs from its start factor at k = 0 to 1 at k = W.
    rise = lr.LinearLR(optimizer, start_factor=1 / 6, end_factor=1.0, total_iters=5)
    fall = lr.CosineAnnealingLR(optimizer, T_max=STEPS - 5)
    return lr.SequentialLR(optimizer, [rise, fall], milestones=[5])


CASES = [
    ({"course": {"type": "linear", "end_factor": 0.2, "steps": 20}}, lambda o: lr.LinearLR(o, 1.0, 0.2, 20)),
    ({"course": {"type": "cosine", "end_factor": 0.05}}, lambda o: lr.CosineAnnealingLR(o, STEPS, 0.05)),
    ({"course": {"type": "step", "factor": 0.3, "every": 7}}, lambda o: lr.StepLR(o, 7, 0.3)),
    ({"course": {"type": "multi_step", "factor": 0.5, "milestones": [3, 11, 12]}}, lambda o: lr.MultiStepLR(o, [3, 11, 12], 0.5)),
    ({"course": {"type": "exponential", "factor": 0.9, "every": 1}}, lambda o: lr.ExponentialLR(o, 0.9)),
    ({"warmup_steps": 5, "course": {"type": "cosine"}}, warm),
]

print(json.dumps([{"schedule": schedule, "factors": factors(make)} for schedule, make in CASES], indent=1))
