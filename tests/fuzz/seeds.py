"""seeds.py FOLDER: small models that the fuzzer begins with, without most of their weights.

The graphs are the shipped models', and smaller ones that are drawn by lot.
"""

import json
import shutil
import sys
from pathlib import Path

from helpers.random_graphs import Lot
from tensorflow.compat.v1 import GraphDef

MODELS = Path(__file__).parents[2] / "models"
LOTS = 40


def lighten(path, target):
    """Write a graph with one value in place of each constant's many; returns its card's text."""
    graph, card = GraphDef.FromString(path.read_bytes()), ""
    for node in graph.node:
        tensor = node.attr["value"].tensor if node.op == "Const" else None
        if node.name == "model_card":
            card = tensor.string_val[0]
            tensor.string_val[0] = json.dumps({"styles": json.loads(card)["styles"]}).encode()
        elif tensor and len(tensor.tensor_content) > 64:
            tensor.ClearField("tensor_content")
            tensor.half_val.append(0) if tensor.dtype == 19 else tensor.float_val.append(0.5)
    target.write_bytes(graph.SerializeToString())
    return card


def main(folder):
    graphs, cards, plans = (folder / name for name in ("graph", "card", "plan"))
    for each in (graphs, cards):
        each.mkdir(parents=True, exist_ok=True)
    for path in MODELS.glob("*.pb"):
        (cards / path.stem).write_bytes(lighten(path, graphs / path.name)[:2000])
    for seed in range(LOTS):
        path = graphs / f"{seed}.pb"
        Lot(seed).write(path)
        lighten(path, path)
    shutil.copytree(graphs, plans, dirs_exist_ok=True)


main(Path(sys.argv[1]))
