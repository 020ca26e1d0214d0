"""Logits of an Andromeda checkpoint with the conventions of x-transformers 2.31, by NumPy, one layer of the sharded files at a time.

    python bench/models/large_reference.py FOLDER TOKEN TOKEN ... > logits.json
"""

import json
import math
import os
import struct
import sys

import numpy as np


def open_tensors(folder):
    """Name to a memory-mapped array, over all shards."""
    tensors = {}
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".safetensors"):
            continue
        path = os.path.join(folder, file)
        with open(path, "rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        for name, info in header.items():
            if name != "__metadata__":
                begin, _ = info["data_offsets"]
                shape = tuple(info["shape"])
                tensors[name] = np.memmap(path, np.float32, "r", 8 + length + begin, shape)
    return tensors


def layer_norm(x, gamma):
    centered = x - x.mean(-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(-1, keepdims=True) + 1e-5) * (gamma + 1)


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def slopes(heads):
    power = 2 ** int(math.log2(heads))
    series = lambda n: [2 ** (-8 * (i + 1) / n) for i in range(n)]
    return (series(power) + series(2 * power)[::2])[:heads]


def rotate(x, features, sign):
    """Adjacent pairs of the first features of x [heads, n, d], with xPos's scale for queries (sign 1) and keys (-1)."""
    n = x.shape[1]
    positions = np.arange(n)[:, None]
    pair = np.arange(features // 2)[None]
    angle = positions * 10000.0 ** (-2 * pair / features)
    zeta = (2 * pair + 0.4 * features) / (1.4 * features)
    scale = zeta ** (sign * (positions - n // 2) / 512)
    even, odd = x[..., 0:features:2], x[..., 1:features:2]
    out = x.copy()
    out[..., 0:features:2] = (even * np.cos(angle) - odd * np.sin(angle)) * scale
    out[..., 1:features:2] = (odd * np.cos(angle) + even * np.sin(angle)) * scale
    return out


def attention(config, tensors, prefix, x):
    heads, kv_heads, dim = config["heads"], config["attn_kv_heads"], config["dim_head"]
    n = len(x)
    split = lambda name, count: (x @ tensors[prefix + name + ".weight"].T).reshape(n, count, dim).transpose(1, 0, 2)
    unit = lambda y: y / np.maximum(np.linalg.norm(y, axis=-1, keepdims=True), 1e-12)
    q = unit(split("to_q", heads)) * tensors[prefix + "qk_norm_q_scale"]
    k = unit(split("to_k", kv_heads)) * tensors[prefix + "qk_norm_k_scale"]
    v = split("to_v", kv_heads)
    features = dim // 2
    q, k = rotate(q, features, 1), rotate(k, features, -1)
    head = np.arange(heads) % kv_heads
    scores = dim**-0.5 * q @ k[head].transpose(0, 2, 1)
    distance = np.abs(np.arange(n)[:, None] - np.arange(n)[None])
    bias = np.zeros(heads)
    bias[: config["alibi_num_heads"]] = slopes(config["alibi_num_heads"])
    scores = np.where(distance == np.arange(n)[:, None] - np.arange(n)[None], scores - bias[:, None, None] * distance, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    merged = (weights @ v[head]).transpose(1, 0, 2).reshape(n, heads * dim)
    return merged @ tensors[prefix + "to_out.weight"].T


def main(folder, tokens):
    with open(os.path.join(folder, "config.json")) as stream:
        config = json.load(stream)
    tensors = open_tensors(folder)
    x = tensors["token_emb.emb.weight"][tokens].astype(np.float64)
    for i in range(0, 2 * config["depth"], 2):
        layer = lambda j: f"attn_layers.layers.{j}."
        x = x + attention(config, tensors, layer(i) + "1.", layer_norm(x, tensors[layer(i) + "0.0.gamma"]))
        ff = layer(i + 1) + "1.ff."
        h = layer_norm(x, tensors[layer(i + 1) + "0.0.gamma"])
        h = gelu(h @ tensors[ff + "0.0.weight"].T + tensors[ff + "0.0.bias"])
        x = x + h @ tensors[ff + "2.weight"].T + tensors[ff + "2.bias"]
    logits = layer_norm(x, tensors["attn_layers.final_norm.gamma"])[-1] @ tensors["to_logits.weight"].T
    json.dump(logits.tolist(), sys.stdout)


main(sys.argv[1], [int(token) for token in sys.argv[2:]])
