"""seeds.py FOLDER: the shipped models with few of their weights, which the fuzzer begins with."""

import json
import sys
from pathlib import Path

from tensorflow.compat.v1 import GraphDef

from ffmpeg_style.graphs import quiet  # noqa: F401

MODELS = Path(__file__).parents[2] / "models"


def main(folder):
    graphs, cards = Path(folder) / "graph", Path(folder) / "card"
    graphs.mkdir(parents=True, exist_ok=True)
    cards.mkdir(exist_ok=True)
    for path in MODELS.glob("*.pb"):
        graph = GraphDef.FromString(path.read_bytes())
        for node in graph.node:
            tensor = node.attr["value"].tensor if node.op == "Const" else None
            if node.name == "model_card":
                card = json.loads(tensor.string_val[0])
                (cards / path.stem).write_text(json.dumps(card)[:2000])
                tensor.string_val[0] = json.dumps({"styles": card["styles"]}).encode()
            elif tensor and len(tensor.tensor_content) > 64:
                tensor.ClearField("tensor_content")
                tensor.half_val.append(0) if tensor.dtype == 19 else tensor.float_val.append(0)
        (graphs / path.name).write_bytes(graph.SerializeToString())


main(sys.argv[1])
