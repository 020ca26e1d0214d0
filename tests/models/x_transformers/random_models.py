"""Random small models of the x-transformers that Python has: configuration, weights, and what PyTorch computes with them.

    python random_models.py FOLDER COUNT SEED

writes FOLDER/<i>/config.json, model.safetensors and io.safetensors, and prints as JSON the version and how many option
sets the package itself refused.
"""
import json
import random
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save_file
from x_transformers import AutoregressiveWrapper, Decoder, Encoder, TransformerWrapper

TOKENS = 29


def draw(r: random.Random) -> tuple[dict, dict, bool]:
    """Arguments of the wrapper and of its layers, and whether these are a decoder."""
    some = lambda share, **options: options if r.random() < share else {}
    heads = r.choice([1, 2, 3, 4])
    dim = r.choice([24, 32, 40])
    layers = dict(dim=dim, depth=r.choice([1, 2]), heads=heads)
    layers["attn_dim_head"] = dim if heads == 1 and r.random() < 0.8 else r.choice([8, 12, 16, 18, 32, 40, 64])
    if heads % 2 == 0:
        layers |= r.choice([{}, {}, dict(attn_kv_heads=heads // 2), dict(attn_one_kv_head=True)])
    layers |= r.choice([{}, dict(rotary_pos_emb=True), dict(rotary_xpos=True)])
    if "rotary_pos_emb" in layers or "rotary_xpos" in layers:
        layers |= some(0.3, rotary_emb_dim=r.choice([4, 8]))
    if r.random() < 0.4:
        layers |= dict(alibi_pos_bias=True) | some(0.5, alibi_num_heads=r.randint(1, heads))
    if r.random() < 0.4:
        layers |= dict(attn_qk_norm=True) | some(0.6, attn_qk_norm_dim_scale=True) | some(0.3, attn_qk_norm_scale=4)
    layers |= some(0.2, attn_num_mem_kv=r.choice([1, 3])) | some(0.2, attn_head_scale=True)
    layers |= some(0.3, attn_gate_values=True) | some(0.2, attn_gate_value_heads=True) | some(0.1, attn_swiglu_values=True)
    layers |= r.choice([{}, dict(use_rmsnorm=True), dict(use_scalenorm=True), dict(use_simple_rmsnorm=True)])
    layers |= r.choice([{}, {}, dict(pre_norm=False), dict(sandwich_norm=True)]) | some(0.2, scale_residual=True)
    layers |= some(0.2, shift_tokens=1) | some(0.2, norm_add_unit_offset=False) | some(0.2, layer_dropout=0.1)
    layers |= some(0.4, ff_glu=True) | r.choice([{}, dict(ff_swish=True), dict(ff_relu_squared=True)])
    layers |= some(0.2, ff_no_bias=True) | some(0.2, ff_post_act_ln=True) | some(0.3, ff_mult=r.choice([1, 2.5]))
    layers |= some(0.2, attn_flash=True)
    if r.random() < 0.25:
        layers |= dict(cross_attend=True) | some(0.5, cross_attn_dim_context=20)
    wrapper = dict(num_tokens=TOKENS, max_seq_len=32)
    wrapper |= some(0.2, emb_dim=16) | some(0.2, post_emb_norm=True) | some(0.2, l2norm_embed=True)
    wrapper |= some(0.2, num_memory_tokens=2) | some(0.3, use_abs_pos_emb=False)
    if "emb_dim" not in wrapper and r.random() < 0.3:
        wrapper |= dict(tie_embedding=True) | some(0.3, tie_embedding_scale=0.5)
    return wrapper, layers, r.random() < 0.8


def make(folder: Path, wrapper: dict, layers: dict, is_decoder: bool, seed: int, name: str) -> None:
    torch.manual_seed(seed)
    model = TransformerWrapper(**wrapper, attn_layers=(Decoder if is_decoder else Encoder)(**layers)).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # what starts at zero or one would hide mistakes
            parameter.add_(0.2 * torch.randn_like(parameter))
    ids = torch.randint(0, TOKENS, (2, 11))
    io = dict(input_ids=ids.int())
    given = {}
    if "cross_attend" in layers:
        width = layers.get("cross_attn_dim_context", layers["dim"])
        given = dict(context=torch.randn(2, 7, width), context_mask=torch.rand(2, 7) < 0.8)
    with torch.no_grad():
        mask = torch.rand(2, 11) < 0.8
        io["logits"] = model(ids, **given)
        io["masked_logits"] = model(ids, mask=mask, **given)
        model.average_pool_embed = True
        io["pooled"] = model(ids, mask=mask, return_embeddings=True, **given)
        model.average_pool_embed = False
        if is_decoder:
            greedy = ids[:, :5]
            for _ in range(6):
                greedy = torch.cat([greedy, model(greedy, **given)[:, -1:].argmax(-1)], 1)
            io["greedy"] = greedy[:, 5:].int()
            io["loss"] = AutoregressiveWrapper(model)(ids, **given)
    io |= dict(mask=mask.int()) | {k: v.int() if v.dtype == torch.bool else v for k, v in given.items()}
    if not all(torch.isfinite(value.float()).all() for value in io.values()):
        raise ValueError("not finite")
    folder.mkdir(parents=True)
    save_file({k: v.contiguous().clone() for k, v in model.state_dict().items()}, folder / "model.safetensors")
    save_file({k: v.contiguous() for k, v in io.items()}, folder / "io.safetensors")
    config = dict(model_type="transformer", reference="x-transformers", x_transformers_version=name)
    config |= dict(attn_layers="decoder" if is_decoder else "encoder") | wrapper | layers
    (folder / "config.json").write_text(json.dumps(config))


def main() -> None:
    root, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    name = sys.argv[4] if len(sys.argv) > 4 else version("x-transformers")
    r = random.Random(seed)
    made = refused = 0
    while made < count and refused < 20 * count:
        options = draw(r)
        try:
            make(root / str(made), *options, seed + made, name)
            made += 1
        except Exception:  # x-transformers refuses some combinations, each in its own way
            refused += 1
    print(json.dumps(dict(version=name, made=made, refused=refused)))


main()
