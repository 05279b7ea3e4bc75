"""Broken models: networks drawn by lot, each changed in a few places."""

import numpy as np
from tensorflow.compat.v1 import GraphDef, NodeDef

NUMBERS = (0, 1, -1, 2, 3, 7, 255, 65536, 2**31 - 1, -(2**31))
FLOATS = (0.0, -1.0, 1e-30, 1e5, 1e30, np.inf, -np.inf, np.nan)


class Mutation:
    """Changes a graph: every choice is made by the generator of a seed."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def choose(self, things):
        return things[self.random.integers(len(things))]

    def write(self, source, target):
        """Write what becomes of a graph of one to three changes."""
        graph = GraphDef.FromString(source.read_bytes())
        changes = (
            *(self.number, self.number, self.values, self.values, self.shape),
            *(self.input, self.attribute, self.operation, self.type, self.removal, self.copy),
        )
        for _ in range(self.random.integers(1, 4)):
            self.choose(changes)(graph)
        data = bytearray(graph.SerializeToString(deterministic=True))
        if self.random.random() < 0.1:
            del data[self.random.integers(len(data)) :]
        if self.random.random() < 0.2:
            data[self.random.integers(len(data))] = self.random.integers(256)
        target.write_bytes(data)

    def node(self, graph, has=lambda node: True):
        return self.choose([node for node in graph.node if has(node)] or [NodeDef()])

    def constant(self, graph, *types):
        def is_one(node):
            return node.op == "Const" and node.attr["dtype"].type in types

        return self.node(graph, is_one).attr["value"].tensor

    def change(self, tensor, single, kind, choices, places=None):
        """Put one of ``choices`` in a place of a tensor, which has a ``single`` number or bytes."""
        values = np.frombuffer(tensor.tensor_content or bytes(4), kind).copy()
        choice = self.choose(choices)
        if single:
            single[0] = choice
        else:
            values[self.choose(places or range(len(values)))] = choice
            tensor.tensor_content = values.tobytes()

    def number(self, graph):
        """A whole number of a constant, such as a size, a padding or an axis."""
        tensor = self.constant(graph, 3)
        self.change(tensor, tensor.int_val, np.int32, NUMBERS)

    def values(self, graph):
        """A weight, or all of a constant's."""
        tensor = self.constant(graph, 1)
        self.change(tensor, tensor.float_val, np.float32, FLOATS, [slice(None), 0])

    def shape(self, graph):
        sides = self.constant(graph, 1, 3).tensor_shape.dim
        if sides:
            self.choose(sides).size = self.choose(NUMBERS)

    def input(self, graph):
        node = self.node(graph, lambda node: node.input)
        if node.input:
            node.input[self.random.integers(len(node.input))] = self.node(graph).name

    def attribute(self, graph):
        """A stride, an epsilon, or any attribute of a node as another node has it."""
        node, other = (self.node(graph, lambda node: node.attr) for _ in range(2))
        value = node.attr[self.choose(sorted(node.attr))]
        if value.list.i:
            value.list.i[self.random.integers(len(value.list.i))] = self.choose(NUMBERS)
        else:
            value.CopyFrom(other.attr[self.choose(sorted(other.attr))])

    def operation(self, graph):
        self.node(graph).op = self.node(graph).op

    def type(self, graph):
        node = self.node(graph, lambda node: "T" in node.attr)
        node.attr["T"].type = int(self.random.integers(1, 24))

    def removal(self, graph):
        graph.node.remove(self.node(graph))

    def copy(self, graph):
        graph.node.add().CopyFrom(self.node(graph))
