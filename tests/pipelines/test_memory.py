"""The memory on the card is that of the served files in a process of their own, whatever the parent holds."""

import shutil
import subprocess

import numpy as np
import pytest

from flights import registry
from pipelines import memory


def test_the_figure_is_the_models_and_not_the_parents(trained):
    """Planted: 300 MB in this process. A fresh one that scores needs tens of MB, and no more for that."""
    folder = registry.model_folder(trained / "3_models", 1)
    before = memory.memory_mb(folder)
    ballast = np.ones(300_000_000 // 8)
    assert memory.peak_mb() > 300
    assert 20 < before < 250
    assert memory.memory_mb(folder) == pytest.approx(before, rel=0.2)
    assert ballast.sum() > 0


def test_what_cannot_be_scored_has_no_figure(trained, tmp_path, capfd):
    """Planted: the trees are missing. No number stands for that."""
    folder = shutil.copytree(registry.model_folder(trained / "3_models", 1), tmp_path / "1")
    (folder / "model.onnx").unlink()
    with pytest.raises(subprocess.CalledProcessError):
        memory.memory_mb(folder)
    assert "model.onnx" in capfd.readouterr().err
