"""What the exporters share: an ONNX graph in double precision, and the files that `flights.portable.load` reads."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from flights.portable import TABLES, TREES

INPUT, OUTPUT = "features", "probability"


@dataclass
class Tables:
    """Categories as numbers: a table for each, the number of an unseen one, and that of a missing one if it differs."""

    order: list[str]  # of the matrix's columns
    tables: dict[str, dict[str, float]] = field(default_factory=dict)
    missing: dict[str, float] = field(default_factory=dict)
    unknown: float | None = None

    def add(self, name: str, numbers: dict[Any, float], unknown: float) -> None:
        """Add a category's table; all share the number of an unseen value.

        Raises
        ------
        ValueError
            Another category has another number for unseen values, or this one has two tables.
        """
        if name in self.tables or self.unknown not in {None, unknown}:
            raise ValueError(f"{name}: expected one encoder for all categories, got several: use one")
        self.unknown = unknown
        self.tables[name] = {text: number for text, number in numbers.items() if isinstance(text, str)}
        self.missing.update((name, number) for text, number in numbers.items() if not isinstance(text, str))

    def write(self, folder: Path, tolerance: float) -> None:
        """Write the tables, with the largest difference in probability that the family allows."""
        content = {
            "order": self.order,
            "unknown": float(self.unknown or 0.0),
            "missing": self.missing,
            "tables": self.tables,
            "tolerance": tolerance,
        }
        (folder / TABLES).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


class Graph:
    """An ONNX graph from the matrix of features to one column of probabilities."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any, name: str = "") -> str:
        """Add a constant, numbers as float64; returns its name."""
        from onnx import numpy_helper

        name = name or f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add an operator; returns the name of its output."""
        from onnx import helper

        output = output or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def as_float32(self, values: str) -> str:
        """Values rounded to single precision, as libraries do that read their inputs so."""
        from onnx import TensorProto

        return self.add("Cast", self.add("Cast", values, to=TensorProto.FLOAT), to=TensorProto.DOUBLE)

    def add_probability(self, logit: str, start: float, slope: float, shift: float) -> None:
        """Add the probability of log-odds to which `start` is added, after the recalibration: the graph's output."""
        steps = {"start": start, "slope": slope, "shift": shift}
        start_name, slope_name, shift_name = [self.constant([value], name) for name, value in steps.items()]
        logit = self.add("Add", logit, start_name, output="logit")
        scaled = self.add("Mul", logit, slope_name, output="scaled")
        self.add("Sigmoid", self.add("Add", scaled, shift_name, output="recalibrated"), output=OUTPUT)

    def content(self, features: int) -> bytes:
        """The graph as an ONNX model of some features."""
        from onnx import TensorProto, checker, helper

        graph = helper.make_graph(
            self.nodes,
            "candidate",
            [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, [None, features])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None, 1])],
            self.constants,
        )
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def write(self, folder: Path, features: int) -> None:
        """Write the model to a folder."""
        (folder / TREES).write_bytes(self.content(features))
