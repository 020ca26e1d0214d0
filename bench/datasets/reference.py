"""Builds a dataset as Python's `datasets` does it, by two maps in processes, and prints what it took as JSON.

    python reference.py <source> <cache> <tokenizer.json> <processes> <tokens of a row> <end token>
"""

import json
import sys
import time

from datasets import load_dataset
from tokenizers import Tokenizer

source, cache, tokenizer_file, processes, length, end = sys.argv[1:]
processes, length = int(processes), int(length)
began = time.perf_counter()
tokenizer = Tokenizer.from_file(tokenizer_file)
data = load_dataset("json", data_files=source, split="train", cache_dir=cache)


def tokenize(batch):
    encoded = tokenizer.encode_batch([text + end for text in batch["text"]])
    return {"input_ids": [each.ids for each in encoded], "attention_mask": [each.attention_mask for each in encoded]}


def group(batch):
    joined = {name: sum(lists, []) for name, lists in batch.items()}
    whole = len(joined["input_ids"]) // length * length
    return {name: [ids[i:i + length] for i in range(0, whole, length)] for name, ids in joined.items()}


data = data.map(tokenize, batched=True, num_proc=processes, remove_columns=["text"])
data = data.map(group, batched=True, num_proc=processes)
print(json.dumps({"seconds": time.perf_counter() - began, "rows": len(data)}))
