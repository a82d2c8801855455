"""Names of the files that one process writes and another reads, and the command that makes them."""

TRAIN_FIRST = "run `make train`"
LOCK_FILE = "requirements.lock"  # pins of the environment, at the top of the repository

# Below 1_raw and 2_splits; each of these folders has a manifest.
COLLECTED_FILE = "collected.parquet"
VALID_FILE = "valid.parquet"
TRAIN_FILE = "train.parquet"
HOLDOUT_FILE = "holdout.parquet"
LIVE_FILE = "live.parquet"
MANIFEST_FILE = "manifest.json"

# What train, evaluate and promote hand on, below 3_models/candidates.
CANDIDATE_FILE = "candidate.json"
EVALUATION_FILE = "evaluation.json"
PROMOTION_FILE = "promotion.json"

# In the folder of a published model, which has a manifest too.
TRAINING_FILE = "training.json"
METRICS_FILE = "metrics.json"
GATE_FILE = "gate.json"
GOLDEN_FILE = "golden.json"
SIGNATURE_FILE = "manifest.sig"  # of the manifest, so not in it
REFERENCE_FILE = "reference.parquet"
CARD_FILE = "card.md"
CARD_PAGE = "card.html"
HOLDOUT_PLOT = "holdout.png"
SLICES_PLOT = "slices.png"

# Below 5_reports.
DECISION_FILE = "decision.json"
CADENCE_FILE = "cadence.json"
LABELS_FILE = "labels.json"
REPORT_PAGE = "index.html"
COUNTERS_FILE = "service.jsonl"
