"""Loads what `ctr export` wrote into PyTorch and, on request, compares its predictions with those of `ctr predict`.

usage: load_in_torch.py MODEL_DIR [ENCODED_ROWS.npz LOGITS.npy]

The function `load` is all that is needed; the rest shows that it computes the same. It reads models of `type = "dnn"` with ReLU or SmeLU.
"""
import json, sys
import torch
from safetensors.torch import load_file


def load(folder):
    t, meta = load_file(f"{folder}/model.safetensors"), json.load(open(f"{folder}/model.json"))
    if "ensemble" in meta:
        sys.exit(f"{folder}: an ensemble of {meta['ensemble']['members']} members; this script reads single models")
    linear = lambda name: torch.nn.utils.skip_init(torch.nn.Linear, *t[f"{name}.weight"].shape).requires_grad_(False)
    def filled(name):
        layer = linear(name)
        layer.weight.copy_(t[f"{name}.weight"].T), layer.bias.copy_(t[f"{name}.bias"])
        return layer
    hidden = [filled(f"mlp.layers.{i}.linear") for i in range(len(meta["model"]["hidden_units"]))]
    return t, meta, torch.nn.Embedding.from_pretrained(t["tables.embedding"]), hidden, filled("mlp.output")


def smelu(x, beta):
    return torch.where(x <= -beta, 0 * x, torch.where(x >= beta, x, (x + beta) ** 2 / (4 * beta)))


def logits(model, ids, numeric):
    """ids [B, F] field-local, numeric [B, N]; returns [B]."""
    t, meta, table, hidden, output = model
    rows = ids + torch.tensor([field["first_row"] for field in meta["categorical"]])
    x = torch.cat([table(rows).flatten(1), numeric], 1)
    activation = meta["model"]["activation"]
    for i, layer in enumerate(hidden):
        x = layer(x)
        if f"mlp.layers.{i}.norm.gamma" in t:
            gamma, beta, mean, variance = (t[f"mlp.layers.{i}.norm.{part}"] for part in ("gamma", "beta", "running_mean", "running_var"))
            x = gamma * (x - mean) / torch.sqrt(variance + 1e-5) + beta
        x = smelu(x, float(activation.split("beta=")[1].rstrip(")"))) if activation.startswith("SmeLU") else torch.relu(x)
    return output(x).squeeze(1)


if __name__ == "__main__":
    model = load(sys.argv[1])
    for name, tensor in sorted(model[0].items()):
        print(f"{name:40} {tuple(tensor.shape)}")
    if len(sys.argv) > 2:
        import numpy as np
        rows, expected = np.load(sys.argv[2]), np.load(sys.argv[3])
        got = logits(model, torch.from_numpy(rows["ids"].astype("int64")), torch.from_numpy(rows["numeric"])).numpy()
        print(f"largest difference of a logit: {abs(got - expected).max():.3g}")
