"""scikit-learn's preprocessing as ONNX operators: encoders, imputer and scaler, in any nesting of columns and steps.

Text becomes numbers in tables, before the graph; everything after that is in the graph.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flights.exporters._graph import INPUT, Graph, Tables


class Block(NamedTuple):
    """Neighbouring columns of what a step returns: a dense matrix, or the place of the one among zeros."""

    name: str
    width: int
    other: int | None = None  # one-hot: the place of an unseen category, -1 for none of them; None: dense


def last_step(pipeline: Any) -> Any:
    """The estimator at the end of a pipeline, or the estimator itself."""
    return pipeline.steps[-1][1] if hasattr(pipeline, "steps") else pipeline


def ends_with(pipeline: Any, *families: str) -> bool:
    """Whether a pipeline's last step is of a class with one of these names, or of one that inherits from it."""
    return hasattr(pipeline, "steps") and any(each.__name__ in families for each in type(last_step(pipeline)).__mro__)


def encoded(pipeline: Any, graph: Graph) -> tuple[list[Block], Tables]:
    """Add a fitted pipeline's steps before its last one to a graph.

    Raises
    ------
    ValueError
        A step has no portable form; the message names it.
    """
    tables = Tables([str(name) for name in pipeline.feature_names_in_])
    return _steps(pipeline.steps[:-1], tables.order, INPUT, graph, tables), tables


def matrix(pipeline: Any, graph: Graph) -> tuple[str, Tables]:
    """Add a fitted pipeline's steps before its last one to a graph; returns the name of their matrix."""
    blocks, tables = encoded(pipeline, graph)
    source = _dense(blocks, graph)
    kinds = [node.op_type for node in graph.nodes]
    if kinds and set(kinds) <= {"Gather", "Concat"} and all(each.input[0] == INPUT for each in graph.nodes[:-1]):
        from onnx import numpy_helper

        places = np.concatenate([numpy_helper.to_array(each) for each in graph.constants])
        tables.order = [tables.order[each] for each in places]  # filled in this order: nothing is left to move
        graph.nodes, graph.constants, source = [], [], INPUT
    return source, tables


def _dense(blocks: list[Block], graph: Graph) -> str:
    names = [block.name if block.other is None else _one_hot(block, graph) for block in blocks]
    return names[0] if len(names) == 1 else graph.add("Concat", *names, axis=1)


def _one_hot(block: Block, graph: Graph) -> str:
    from onnx import TensorProto

    place = graph.add("Unsqueeze", places(block, graph, block.width), graph.constant(np.array([1])))
    same = graph.add("Equal", place, graph.constant(np.arange(block.width)))
    return graph.add("Cast", same, to=TensorProto.DOUBLE)


def weighted(blocks: list[Block], weights: NDArray[np.float64], graph: Graph) -> str:
    """The columns times weights of shape `(columns, outputs)`: a category's are a lookup for each row."""
    terms, start = [], 0
    for block in blocks:
        own = weights[start : start + block.width]
        start += block.width
        if block.other is None:
            terms.append(graph.add("MatMul", block.name, graph.constant(own)))
        else:
            nothing = np.zeros((1, own.shape[1]))  # of an unseen category
            table = graph.constant(np.concatenate([own, nothing]))
            terms.append(graph.add("Gather", table, places(block, graph, len(own))))
    return terms[0] if len(terms) == 1 else graph.add("Sum", *terms)


def places(block: Block, graph: Graph, nowhere: int) -> str:
    """The place of each row's category, shape `(rows,)`; that of an unseen one is `nowhere` if it has none."""
    from onnx import TensorProto

    place = graph.add("Squeeze", graph.add("Cast", block.name, to=TensorProto.INT64), graph.constant(np.array([1])))
    unseen = graph.add("Less", place, graph.constant(np.array([0])))
    other = nowhere if block.other in {None, -1} else block.other
    return graph.add("Where", unseen, graph.constant(np.array([other])), place)


def _steps(steps: Any, names: list[str], source: str, graph: Graph, tables: Tables) -> list[Block]:
    blocks = [Block(source, len(names))]
    for _, step in steps:
        blocks = _step(step, names, _dense(blocks, graph), graph, tables)
        names = [""] * sum(block.width for block in blocks)  # after the first step, columns have numbers
    return blocks


def _step(step: Any, names: list[str], source: str, graph: Graph, tables: Tables) -> list[Block]:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    if isinstance(step, ColumnTransformer):
        parts = [each for each in step.transformers_ if each[1] != "drop" and len(each[2])]
        blocks = []
        for _, transformer, columns in parts:
            place = [names.index(each) if isinstance(each, str) else int(each) for each in columns]
            chosen = graph.add("Gather", source, graph.constant(np.array(place)), axis=1)
            blocks += _step(transformer, [names[each] for each in place], chosen, graph, tables)
        return blocks
    if isinstance(step, Pipeline):
        return _steps(step.steps, names, source, graph, tables)
    convert = CONVERTERS.get(type(step).__name__ if step != "passthrough" else "FunctionTransformer")
    if convert is None:
        raise ValueError(f"{type(step).__name__} has no portable form: add it to CONVERTERS in {__name__}")
    return convert(step, names, source, graph, tables)


def _passthrough(step: Any, names: list[str], source: str, _graph: Graph, _tables: Tables) -> list[Block]:
    if getattr(step, "func", None) is not None:
        raise ValueError(f"the function {step.func.__name__} has no portable form: make a feature of it")
    return [Block(source, len(names))]


def _target(step: Any, names: list[str], source: str, _graph: Graph, tables: Tables) -> list[Block]:
    for name, categories, rates in zip(names, step.categories_, step.encodings_, strict=True):
        tables.add(name, dict(zip(categories, rates.tolist(), strict=True)), float(step.target_mean_))
    return [Block(source, len(names))]


def _ordinal(step: Any, names: list[str], source: str, _graph: Graph, tables: Tables) -> list[Block]:
    _ignores_unknown(step, "use_encoded_value")
    for name, categories in zip(names, step.categories_, strict=True):
        numbers = {
            value: float(step.encoded_missing_value if isinstance(value, float) else number)  # None has a code
            for number, value in enumerate(categories)
        }
        tables.add(name, numbers, float(step.unknown_value))
    return [Block(source, len(names))]


def _indicators(step: Any, names: list[str], source: str, graph: Graph, tables: Tables) -> list[Block]:
    """One-hot columns of each category; rare values share the last one, which unseen values get as well."""
    _ignores_unknown(step, "ignore", "infrequent_if_exist")
    if step.drop is not None:
        raise ValueError("OneHotEncoder with drop has no portable form: leave it out")
    rare = getattr(step, "infrequent_categories_", [None] * len(names))
    blocks = []
    for place, (name, categories) in enumerate(zip(names, step.categories_, strict=True)):
        shared = set() if rare[place] is None else {_plain(each) for each in rare[place]}
        own = [_plain(each) for each in categories if _plain(each) not in shared]
        numbers = {value: float(number) for number, value in enumerate(own)} | dict.fromkeys(shared, float(len(own)))
        tables.add(name, numbers, -1.0)
        column = graph.add("Gather", source, graph.constant(np.array([place])), axis=1)
        other = len(own) if shared and step.handle_unknown == "infrequent_if_exist" else -1
        blocks.append(Block(column, len(own) + bool(shared), other))
    return blocks


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else None  # missing is None or NaN, which is not equal to itself


def _ignores_unknown(step: Any, *expected: str) -> None:
    if step.handle_unknown not in expected:
        name = type(step).__name__
        raise ValueError(f"{name}: handle_unknown is {step.handle_unknown!r}, expected {' or '.join(expected)}")


def _imputed(step: Any, _names: list[str], source: str, graph: Graph, _tables: Tables) -> list[Block]:
    filled = np.asarray(step.statistics_, dtype=float)
    known = np.flatnonzero(~np.isnan(filled))  # a column without a value is dropped
    chosen = graph.add("Gather", source, graph.constant(known), axis=1)
    values = graph.add("Where", graph.add("IsNaN", chosen), graph.constant(filled[known]), chosen)
    if step.indicator_ is None:
        return [Block(values, len(known))]
    from onnx import TensorProto

    marked = graph.add("Gather", source, graph.constant(step.indicator_.features_.astype(np.int64)), axis=1)
    flags = graph.add("Cast", graph.add("IsNaN", marked), to=TensorProto.DOUBLE)
    return [Block(values, len(known)), Block(flags, len(step.indicator_.features_))]


def _scaled(step: Any, _names: list[str], source: str, graph: Graph, _tables: Tables) -> list[Block]:
    if step.with_mean:
        source = graph.add("Sub", source, graph.constant(step.mean_))
    if step.with_std:
        source = graph.add("Div", source, graph.constant(step.scale_))
    return [Block(source, step.n_features_in_)]


CONVERTERS = {
    "FunctionTransformer": _passthrough,
    "OneHotEncoder": _indicators,
    "OrdinalEncoder": _ordinal,
    "SimpleImputer": _imputed,
    "StandardScaler": _scaled,
    "TargetEncoder": _target,
}
