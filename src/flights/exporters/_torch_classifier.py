"""A small network through skorch, on the CPU and in double precision: the same seed gives the same weights."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn


class Network(nn.Sequential):  # type: ignore[misc]
    """Dense layers with ReLU and dropout between them; its last one answers with a number for each class."""

    def __init__(self, inputs: int = 1, hidden: tuple[int, ...] = (64, 32), dropout: float = 0.1) -> None:
        layers: list[Any] = []
        for width, following in pairwise((inputs, *hidden)):
            layers += [nn.Linear(width, following), nn.ReLU(), nn.Dropout(dropout)]
        super().__init__(*layers, nn.Linear(hidden[-1], 2))
        self.double()


class Batches:
    """Whole batches of a data set: a loader of single rows takes longer than the fit."""

    def __init__(self, dataset: Any, batch_size: int, shuffle: bool = False) -> None:
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle

    def __iter__(self) -> Iterator[Any]:
        count = len(self.dataset)
        rows = torch.randperm(count) if self.shuffle else torch.arange(count)
        for batch in rows.split(self.batch_size):
            yield self.dataset[batch.numpy()]


class Classifier(NeuralNetClassifier):  # type: ignore[misc]
    """skorch's classifier with a seed, log-odds, and a state of parameters and arrays, which needs no pickle."""

    def __init__(self, *args: Any, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seed = seed

    def fit(self, X: Any, y: Any, **fit_params: Any) -> "Classifier":  # noqa: N803
        """Fit a network with as many inputs as there are columns, in one thread: sums keep their order."""
        self.module__inputs = X.shape[1]
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed)
                super().fit(np.asarray(X, dtype=float), np.asarray(y, dtype=np.int64), **fit_params)
        finally:
            torch.set_num_threads(threads)
        self.classes_inferred_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Probabilities of both classes."""
        return super().predict_proba(np.asarray(X, dtype=float))

    def decision_function(self, X: Any) -> Any:  # noqa: N803
        """Log-odds of the positive class."""
        answers = self.forward(np.asarray(X, dtype=float)).numpy()
        return answers[:, 1] - answers[:, 0]

    def __getstate__(self) -> dict[str, Any]:
        parameters = {name: each for name, each in self.get_params(deep=False).items() if name[0] != "_"}
        if not self.initialized_:
            return {"parameters": parameters}
        weights = {name: each.numpy() for name, each in self.module_.state_dict().items()}
        return {"parameters": parameters, "classes": self.classes_inferred_, "weights": weights}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["parameters"])  # type: ignore[misc]
        if "weights" in state:
            with torch.random.fork_rng(devices=[]):
                self.initialize()
            self.module_.load_state_dict({name: torch.from_numpy(each) for name, each in state["weights"].items()})
            self.classes_inferred_ = state["classes"]
