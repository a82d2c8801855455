"""Log a fitted model as an MLflow run: parameters, metrics, the data's lineage, the model with its signature."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from flights import model, portable
from flights.artifacts import sha256
from flights.files import LOCK_FILE
from pipelines.extras.tracking.store import PROCESS_TAG, process_tag
from pipelines.rows import features_of
from pipelines.training.fitting import Fit

EXAMPLE_ROWS = 1000  # that the signature is inferred from


def log_run(
    mlflow: Any, name: str, fit: Fit, rows: pd.DataFrame, params: Mapping[str, Any], dataset: Any = None
) -> Any:
    """Log one model as a run of its own; returns MLflow's record of the logged model."""
    example = features_of(rows.head(EXAMPLE_ROWS))
    with mlflow.start_run(run_name=name, tags={PROCESS_TAG: process_tag()}):
        mlflow.log_params({"threshold": fit.threshold, **params})
        mlflow.log_metrics({f"validation_{key}": value for key, value in fit.validation.items()})
        mlflow.log_metric("fit_seconds", fit.seconds)
        if dataset is not None:
            mlflow.log_input(dataset, context="training")
        return mlflow.sklearn.log_model(
            fit.pipeline,
            name="model",
            signature=mlflow.models.infer_signature(example, fit.pipeline.predict_proba(example)[:, 1]),
            skops_trusted_types=model.trusted_types(),
            pip_requirements=[LOCK_FILE],
        )


def training_dataset(mlflow: Any, source: Path, train: pd.DataFrame) -> Any:
    """The training rows as MLflow's lineage names them, with the digest of their file.

    MLflow would look at every value to infer the schema, for five seconds; rows from beginning to end are enough.
    """
    location = mlflow.data.sources.LocalArtifactDatasetSource(str(source))
    dataset = mlflow.data.from_pandas(train, location, name="train", digest=sha256(source)[:36])
    dataset.schema = mlflow.data.from_pandas(train.iloc[:: -(-len(train) // EXAMPLE_ROWS)]).schema
    return dataset


def parameters(pipeline: Any) -> dict[str, Any]:
    """The parameters of the pipeline's last step."""
    pipeline = portable.recalibration(pipeline)[0]
    last = pipeline[-1] if hasattr(pipeline, "__getitem__") else pipeline
    params: dict[str, Any] = last.get_params()
    return params
