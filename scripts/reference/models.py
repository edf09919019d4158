"""The models of ctr-model as plain PyTorch functions, from the papers.

A model is `forward(p, tables, numeric, keys)`: `p(name, *shape)` gives a parameter, `tables` the rows of the lookups of each
table, [B, F, D], `numeric` is [B, N], `keys` is the `[model]` table. It returns the logits, [B]. Weights are [in, out].
"""

from itertools import combinations

import torch

BETA = 0.5


def smelu(x):
    """SmeLU with beta = 0.5 (arXiv 2202.06499, equation 6)."""
    return torch.where(x <= -BETA, torch.zeros_like(x), torch.where(x >= BETA, x, (x + BETA) ** 2 / (4 * BETA)))


def linear(p, x, name, outputs):
    return x @ p(f"{name}.weight", x.shape[-1], outputs) + p(f"{name}.bias", outputs)


def hidden(p, x, keys, name, units="hidden_units"):
    for index, width in enumerate(keys[units]):
        x = linear(p, x, f"{name}.layers.{index}.linear", width)
        if keys.get("batch_norm"):
            x = p.batch_norm(x, f"{name}.layers.{index}.norm")
        x = smelu(x)
    return x


def mlp(p, x, keys, name="mlp", units="hidden_units"):
    return linear(p, hidden(p, x, keys, name, units), f"{name}.output", 1).squeeze(1)


def first_order(p, weights, numeric, bias, name="linear"):
    z = weights.sum((1, 2)) + (numeric @ p(f"{name}.numeric", numeric.shape[1], 1)).squeeze(1)
    return z + p(f"{name}.bias", 1) if bias else z


def all_fields(p, rows, numeric, name="fields"):
    vectors = p(f"{name}.numeric", numeric.shape[1], rows.shape[2])
    return torch.cat([rows, numeric[:, :, None] * vectors], 1)


def beside(rows, numeric):
    return torch.cat([rows.flatten(1), numeric], 1)


def pair_products(fields):
    """e_i * e_j for all i < j, [B, P, D]."""
    return torch.stack([fields[:, i] * fields[:, j] for i, j in combinations(range(fields.shape[1]), 2)], 1)


def lr(p, tables, numeric, keys):
    return first_order(p, tables[0], numeric, bias=True)


def fm(p, tables, numeric, keys):
    fields = all_fields(p, tables[0], numeric)
    return first_order(p, tables[1], numeric, bias=True) + pair_products(fields).sum((1, 2))


def dnn(p, tables, numeric, keys):
    return mlp(p, beside(tables[0], numeric), keys)


def ipnn(p, tables, numeric, keys):
    fields = all_fields(p, tables[0], numeric)
    return mlp(p, torch.cat([fields.flatten(1), pair_products(fields).sum(2)], 1), keys)


def wide_deep(p, tables, numeric, keys):
    return first_order(p, tables[1], numeric, bias=False) + mlp(p, beside(tables[0], numeric), keys)


def deepfm(p, tables, numeric, keys):
    fields = all_fields(p, tables[0], numeric)
    wide = first_order(p, tables[1], numeric, bias=False)
    return wide + pair_products(fields).sum((1, 2)) + mlp(p, fields.flatten(1), keys)


def nfm(p, tables, numeric, keys):
    fields = all_fields(p, tables[0], numeric)
    return first_order(p, tables[1], numeric, bias=False) + mlp(p, pair_products(fields).sum(1), keys)


def output(p, x):
    return linear(p, x, "output", 1).squeeze(1)


def dcn(p, tables, numeric, keys):
    x0 = x = beside(tables[0], numeric)
    for index in range(keys["cross_layers"]):
        name, width = f"cross.layers.{index}", x0.shape[1]
        dot = torch.einsum("bc,ck->bk", x, p(f"{name}.weight", width, 1))
        x = x0 * dot + p(f"{name}.bias", width) + x
    return cross_head(p, x0, x, keys)


def cross_head(p, x0, crossed, keys):
    if keys.get("structure") == "stacked":
        joined = hidden(p, crossed, keys, "head.deep")
    elif keys["hidden_units"]:
        joined = torch.cat([crossed, hidden(p, x0, keys, "head.deep")], 1)
    else:
        joined = crossed
    return linear(p, joined, "head.output", 1).squeeze(1)


def dcn_v2(p, tables, numeric, keys):
    x0 = x = beside(tables[0], numeric)
    width, rank, experts = x0.shape[1], keys.get("low_rank"), keys.get("experts")
    for index in range(keys["cross_layers"]):
        name = f"cross.layers.{index}"
        if experts:
            down, middle = p(f"{name}.down", experts, width, rank), p(f"{name}.middle", experts, rank, rank)
            up, bias = p(f"{name}.up", experts, rank, width), p(f"{name}.bias", width)
            gates = torch.softmax(x @ p(f"{name}.gate", width, experts), 1)
            bend = smelu if "expert_activation" in keys else torch.tanh
            outputs = [x0 * (bend(bend(x @ down[k]) @ middle[k]) @ up[k] + bias) for k in range(experts)]
            x = x + sum(gates[:, k, None] * outputs[k] for k in range(experts))
        elif rank:
            x = x0 * linear(p, x @ p(f"{name}.down", width, rank), f"{name}.linear", width) + x
        else:
            x = x0 * linear(p, x, f"{name}.linear", width) + x
    return cross_head(p, x0, x, keys)


def gdcn(p, tables, numeric, keys):
    x0 = x = beside(tables[0], numeric)
    for index in range(keys["cross_layers"]):
        name, width = f"cross.layers.{index}", x0.shape[1]
        x = x0 * linear(p, x, f"{name}.linear", width) * torch.sigmoid(x @ p(f"{name}.gate", width, width)) + x
    return cross_head(p, x0, x, keys)


def ffm(p, tables, numeric, keys):
    rows = all_fields(p, tables[0], numeric)
    count = rows.shape[1]
    vectors = rows.reshape(rows.shape[0], count, count - 1, -1)

    def toward(i, j):
        """What field i has for field j."""
        return vectors[:, i, [field for field in range(count) if field != i].index(j)]

    pairs = sum((toward(i, j) * toward(j, i)).sum(1) for i, j in combinations(range(count), 2))
    return first_order(p, tables[1], numeric, bias=True) + pairs


def fwfm(p, tables, numeric, keys):
    fields = all_fields(p, tables[0], numeric)
    pairs = linear(p, pair_products(fields).sum(2), "pairs", 1).squeeze(1)
    kind = keys.get("linear", "field")
    if kind == "weight":
        return pairs + first_order(p, tables[1], numeric, bias=False)
    if kind == "embedded":
        return pairs + (fields * all_fields(p, tables[1], numeric, "linear")).sum((1, 2))
    return pairs + torch.einsum("bc,co->b", fields.flatten(1), p("linear", fields[0].numel(), 1))


def fmfm(p, tables, numeric, keys):
    fields = all_fields(p, tables[0], numeric)
    pairs, dim = list(combinations(range(fields.shape[1]), 2)), fields.shape[2]
    if keys.get("interaction") == "vector":
        weights = p("pairs.weight", len(pairs), dim).diag_embed()
    else:
        weights = p("pairs.weight", len(pairs), dim, dim)
    z = first_order(p, tables[1], numeric, bias=True)
    for pair, (i, j) in enumerate(pairs):
        z = z + torch.einsum("bc,cd,bd->b", fields[:, i], weights[pair], fields[:, j])
    return z


def afm(p, tables, numeric, keys):
    products = pair_products(all_fields(p, tables[0], numeric))
    attended = smelu(linear(p, products, "attention.hidden", keys["attention_units"]))
    weights = torch.softmax(attended @ p("attention.score", keys["attention_units"], 1), 1)
    pooled = (weights * products).sum(1)
    return first_order(p, tables[1], numeric, bias=True) + (pooled @ p("projection", products.shape[2], 1)).squeeze(1)


def xdeepfm(p, tables, numeric, keys):
    fields = all_fields(p, tables[0], numeric)
    maps, pooled = fields, []
    for index, units in enumerate(keys["cin_units"]):
        name, inputs = f"cin.layers.{index}", maps.shape[1] * fields.shape[1]
        weight = p(f"{name}.weight", inputs, units).reshape(maps.shape[1], fields.shape[1], units)
        maps = torch.einsum("bid,bjd,ijh->bhd", maps, fields, weight) + p(f"{name}.bias", units)[:, None]
        pooled.append(maps.sum(2))
    z = first_order(p, tables[1], numeric, bias=False) + output(p, torch.cat(pooled, 1))
    return z + mlp(p, fields.flatten(1), keys) if keys["hidden_units"] else z


def autoint(p, tables, numeric, keys):
    fields = x = all_fields(p, tables[0], numeric)
    units, heads = keys["attention_units"], keys.get("heads", 1)
    for index in range(keys["attention_layers"]):
        name, dim = f"attention.{index}", x.shape[2]
        query, key, value = (x @ p(f"{name}.{part}", dim, units) for part in ("query", "key", "value"))
        outputs = []
        for head in torch.arange(units).chunk(heads):
            scores = query[..., head] @ key[..., head].transpose(1, 2)
            if keys.get("scale"):
                scores = scores / len(head) ** 0.5
            outputs.append(torch.softmax(scores, 2) @ value[..., head])
        out = torch.cat(outputs, 2)
        if keys.get("residual", True):
            out = out + (x @ p(f"{name}.projection", dim, units) if dim != units else x)
        if keys.get("layer_norm"):
            out = p.layer_norm(out, f"{name}.norm")
        x = smelu(out)
    z = output(p, x.flatten(1))
    if keys["hidden_units"]:
        z = z + mlp(p, fields.flatten(1), keys)
    return z + first_order(p, tables[1], numeric, bias=False) if keys.get("linear") else z


def fibinet(p, tables, numeric, keys):
    fields = all_fields(p, tables[0], numeric)
    count, dim = fields.shape[1:]
    units = max(1, int(count / keys.get("reduction_ratio", 3.0)))
    means = fields.mean(2)
    importance = smelu(smelu(means @ p("importance.squeeze", count, units)) @ p("importance.excite", units, count))
    pairs = list(combinations(range(count), 2))
    kind = keys.get("bilinear", "pair")
    matrices = p("bilinear.weight", *{"shared": (), "field": (count - 1,), "pair": (len(pairs),)}[kind], dim, dim)

    def bilinear(x):
        which = {"shared": lambda pair, i: matrices, "field": lambda pair, i: matrices[i], "pair": lambda pair, i: matrices[pair]}[kind]
        return torch.cat([x[:, i] @ which(pair, i) * x[:, j] for pair, (i, j) in enumerate(pairs)], 1)

    both = torch.cat([bilinear(fields), bilinear(fields * importance[:, :, None])], 1)
    return first_order(p, tables[1], numeric, bias=False) + mlp(p, both, keys)


def dlrm(p, tables, numeric, keys):
    dim = tables[0].shape[2]
    units = {**keys, "bottom": [*keys.get("bottom_hidden_units", []), dim]}
    dense = hidden(p, numeric, units, "bottom", "bottom")
    vectors = torch.cat([tables[0], dense[:, None]], 1)
    if keys.get("interaction") == "cat":
        return mlp(p, vectors.flatten(1), keys)
    return mlp(p, torch.cat([dense, pair_products(vectors).sum(2)], 1), keys)


def afn(p, tables, numeric, keys):
    fields = all_fields(p, tables[0], numeric)
    batch, count, dim = fields.shape
    neurons = keys["logarithmic_neurons"]

    def norm(x, name):
        """Batch norm with the second axis as channels."""
        channels = x.shape[1]
        return p.batch_norm(x.transpose(1, 2).reshape(-1, channels), name).reshape(batch, dim, channels).transpose(1, 2)

    logs = norm(torch.log(fields.abs().clamp(min=1e-5)), "logarithmic.log_norm")
    powers = torch.exp(torch.einsum("bfd,fk->bkd", logs, p("logarithmic.weight", count, neurons)))
    products = norm(powers, "logarithmic.exp_norm")
    z = mlp(p, products.transpose(1, 2).flatten(1), keys)
    if "deep_hidden_units" not in keys:
        return z
    deep = mlp(p, all_fields(p, tables[1], numeric, "deep.fields").flatten(1), keys, "deep.mlp", "deep_hidden_units")
    return linear(p, torch.stack([z, deep], 1), "deep.output", 1).squeeze(1)


def masknet(p, tables, numeric, keys):
    fields = all_fields(p, tables[0], numeric)
    embedded = fields.flatten(1)
    first = p.layer_norm(fields, "embedding_norm").flatten(1) if keys.get("embedding_norm") else embedded

    def block(x, index, units):
        name = f"blocks.{index}"
        mask = smelu(linear(p, embedded, f"{name}.aggregate", int(x.shape[1] * keys.get("mask_ratio", 2.0))))
        out = (x * linear(p, mask, f"{name}.project", x.shape[1])) @ p(f"{name}.weight", x.shape[1], units)
        return smelu(p.layer_norm(out, f"{name}.norm") if keys.get("layer_norm", True) else out)

    if keys["structure"] == "parallel":
        blocks = [block(first, index, keys["block_units"]) for index in range(keys["blocks"])]
        return mlp(p, torch.cat(blocks, 1), keys)
    x = first
    for index, units in enumerate(keys["hidden_units"]):
        x = block(x, index, units)
    return linear(p, x, "mlp.output", 1).squeeze(1)


def edcn(p, tables, numeric, keys):
    shared = all_fields(p, tables[0], numeric)
    _, count, dim = shared.shape
    width, x0 = count * dim, None
    for index in range(keys["cross_layers"]):
        name, streams = f"layers.{index}", []
        for stream in range(2):
            x = shared
            if keys.get("regulation", True):
                x = x * torch.softmax(p(f"{name}.regulation.gates.{stream}", count) / keys.get("temperature", 1.0), 0)[:, None]
            x = x.flatten(1)
            streams.append(p.batch_norm(x, f"{name}.regulation.norms.{stream}") if keys.get("batch_norm") else x)
        cross, deep = streams
        x0 = cross if x0 is None else x0
        cross = x0 * (cross @ p(f"{name}.cross.weight", width, 1)) + p(f"{name}.cross.bias", width) + cross
        deep = smelu(linear(p, deep, f"{name}.deep.layers.0.linear", width))
        kind = keys.get("bridge", "hadamard_product")
        if kind == "hadamard_product":
            bridge = cross * deep
        elif kind == "pointwise_addition":
            bridge = cross + deep
        elif kind == "attention_pooling":
            hiddens = [smelu(linear(p, stream, f"{name}.bridge.attention.hidden", width)) for stream in (cross, deep)]
            shares = torch.softmax(torch.cat([hidden @ p(f"{name}.bridge.attention.score", width, 1) for hidden in hiddens], 1), 1)
            bridge = shares[:, :1] * cross + shares[:, 1:] * deep
        else:
            bridge = smelu(linear(p, torch.cat([cross, deep], 1), f"{name}.bridge.joint", width))
        shared = bridge.reshape(-1, count, dim)
    return output(p, torch.cat([cross, deep, bridge], 1))


def finalmlp(p, tables, numeric, keys):
    embedded, of_gates = all_fields(p, tables[0], numeric).flatten(1), tables[1:]
    outputs = []
    for name in ("first", "second"):
        x = embedded
        if "gate_units" in keys:
            chosen = keys.get(f"{name}_gate_fields")
            context = of_gates.pop(0).flatten(1) if chosen else p(f"{name}.gate.context", 1, tables[0].shape[2])
            gate = hidden(p, context, {**keys, "batch_norm": False}, f"{name}.gate.hidden", "gate_units")
            x = x * 2 * torch.sigmoid(linear(p, gate, f"{name}.gate.output", x.shape[1]))
        outputs.append(hidden(p, x, keys, f"{name}.hidden", f"{name}_hidden_units"))
    x, y = outputs
    heads = keys.get("heads", 1)
    weight = p("fusion.weight", heads, x.shape[1] // heads, y.shape[1] // heads)
    z = linear(p, x, "fusion.first", 1).squeeze(1) + linear(p, y, "fusion.second", 1).squeeze(1)
    for head, (left, right) in enumerate(zip(x.chunk(heads, 1), y.chunk(heads, 1))):
        z = z + torch.einsum("bx,xy,by->b", left, weight[head], right)
    return z


def embedding(keys, fields, dim):
    return [("embedding", dim)]


def linear_only(keys, fields, dim):
    return [("linear", 1)]


def with_linear(keys, fields, dim):
    return [("embedding", dim), ("linear", 1)]


def with_linear_if(asked):
    """A second table where the keys ask for one: `asked` gives its name and its width, or None."""
    return lambda keys, fields, dim: [("embedding", dim)] + [table for table in [asked(keys, dim)] if table]


def gate_tables(keys, fields, dim):
    """A table for each gate of named fields (`f0`, `f1`, ...), and the numbers of those fields, in the order of the data."""
    chosen = [(name, keys.get(f"{name}_gate_fields")) for name in ("first", "second")]
    return [("embedding", dim)] + [(f"{name}_gate", dim, sorted(int(field[1:]) for field in names)) for name, names in chosen if names]


# The function of each model, and the names and widths of its tables, with the fields that look rows up there where not all do.
MODELS = {
    "lr": (lr, linear_only),
    "fm": (fm, with_linear),
    "dnn": (dnn, embedding),
    "ipnn": (ipnn, embedding),
    "wide_deep": (wide_deep, with_linear),
    "deepfm": (deepfm, with_linear),
    "nfm": (nfm, with_linear),
    "dcn": (dcn, embedding),
    "dcn_v2": (dcn_v2, embedding),
    "ffm": (ffm, lambda keys, fields, dim: [("embedding", (fields - 1) * dim), ("linear", 1)]),
    "fwfm": (fwfm, with_linear_if(lambda keys, dim: {"weight": ("linear", 1), "embedded": ("linear", dim)}.get(keys.get("linear")))),
    "fmfm": (fmfm, with_linear),
    "afm": (afm, with_linear),
    "xdeepfm": (xdeepfm, with_linear),
    "autoint": (autoint, with_linear_if(lambda keys, dim: ("linear", 1) if keys.get("linear") else None)),
    "fibinet": (fibinet, with_linear),
    "dlrm": (dlrm, embedding),
    "afn": (afn, with_linear_if(lambda keys, dim: ("deep_embedding", dim) if "deep_hidden_units" in keys else None)),
    "masknet": (masknet, embedding),
    "edcn": (edcn, embedding),
    "finalmlp": (finalmlp, gate_tables),
    "gdcn": (gdcn, embedding),
}


def keys(model, **others):
    return {"type": model, **others}


def deep(model, **others):
    return keys(model, **{"hidden_units": [4, 3], "activation": "SmeLU(beta=0.5)", **others})


CASES = {
    "lr": keys("lr"),
    "fm": keys("fm"),
    "dnn": deep("dnn"),
    "dnn with batch norm": deep("dnn", batch_norm=True),
    "ipnn": deep("ipnn"),
    "wide_deep": deep("wide_deep"),
    "deepfm": deep("deepfm"),
    "nfm": deep("nfm"),
    "dcn": deep("dcn", cross_layers=2),
    "cross network of dcn": deep("dcn", cross_layers=2, hidden_units=[]),
    "dcn_v2": deep("dcn_v2", cross_layers=2, batch_norm=True),
    "dcn_v2, stacked": deep("dcn_v2", cross_layers=2, structure="stacked"),
    "dcn_v2, low rank": deep("dcn_v2", cross_layers=2, low_rank=2, hidden_units=[]),
    "dcn_v2, experts": deep("dcn_v2", cross_layers=2, low_rank=2, experts=2, hidden_units=[3]),
    "dcn_v2, experts, activation": deep("dcn_v2", cross_layers=1, low_rank=2, experts=3, hidden_units=[3], expert_activation="SmeLU(beta=0.5)"),
    "ffm": keys("ffm"),
    "fwfm": keys("fwfm"),
    "fwfm, weights": keys("fwfm", linear="weight"),
    "fwfm, embedded": keys("fwfm", linear="embedded"),
    "fmfm": keys("fmfm"),
    "fmfm, vectors": keys("fmfm", interaction="vector"),
    "afm": keys("afm", attention_units=3, activation="SmeLU(beta=0.5)"),
    "xdeepfm": deep("xdeepfm", cin_units=[3, 2]),
    "cin": deep("xdeepfm", cin_units=[2], hidden_units=[]),
    "autoint": deep("autoint", attention_layers=2, attention_units=4, hidden_units=[]),
    "autoint+": deep("autoint", attention_layers=1, attention_units=6, heads=3, scale=True, layer_norm=True, linear=True, hidden_units=[3]),
    "autoint without residual": deep("autoint", attention_layers=1, attention_units=2, residual=False, hidden_units=[]),
    "fibinet": deep("fibinet", hidden_units=[3]),
    "fibinet, one matrix": deep("fibinet", hidden_units=[3], bilinear="shared", reduction_ratio=2.0),
    "fibinet, matrices of fields": deep("fibinet", hidden_units=[3], bilinear="field"),
    "dlrm": deep("dlrm", bottom_hidden_units=[3]),
    "dlrm, cat": deep("dlrm", interaction="cat"),
    "afn": deep("afn", logarithmic_neurons=3),
    "afn+": deep("afn", logarithmic_neurons=2, deep_hidden_units=[3], batch_norm=True),
    "masknet, parallel": deep("masknet", structure="parallel", blocks=2, block_units=3, hidden_units=[3], mask_ratio=0.5, embedding_norm=True),
    "masknet, serial": deep("masknet", structure="serial", hidden_units=[3, 2], mask_ratio=0.5, layer_norm=False),
    "edcn": keys("edcn", cross_layers=2, temperature=2.0, batch_norm=True, activation="SmeLU(beta=0.5)"),
    "edcn, addition": keys("edcn", cross_layers=1, bridge="pointwise_addition", activation="SmeLU(beta=0.5)"),
    "edcn, attention": keys("edcn", cross_layers=2, bridge="attention_pooling", activation="SmeLU(beta=0.5)"),
    "edcn, concatenation": keys("edcn", cross_layers=1, bridge="concatenation", regulation=False, activation="SmeLU(beta=0.5)"),
    "finalmlp": keys("finalmlp", first_hidden_units=[4], second_hidden_units=[3, 2], heads=2, gate_units=[3], batch_norm=True, activation="SmeLU(beta=0.5)"),
    "finalmlp, fields in gates": keys("finalmlp", first_hidden_units=[4], second_hidden_units=[3], gate_units=[3], first_gate_fields=["f2", "f0"], second_gate_fields=["f1"], activation="SmeLU(beta=0.5)"),
    "finalmlp, fields in one gate": keys("finalmlp", first_hidden_units=[4], second_hidden_units=[3], gate_units=[3], second_gate_fields=["f2"], activation="SmeLU(beta=0.5)"),
    "gdcn": deep("gdcn", cross_layers=2, hidden_units=[3]),
    "gdcn, stacked": deep("gdcn", cross_layers=1, structure="stacked", hidden_units=[3]),
}
