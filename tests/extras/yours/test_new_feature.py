"""Adding a feature is one function and one line: everything else, up to a prediction over HTTP, follows."""

import ast
import re
import shutil
import tempfile

import pytest

from extras.yours import new_feature


def test_the_feature_is_a_function_and_a_line(tmp_path):
    """Nothing but these is added to the module, and it stays valid."""
    source = new_feature.ROOT / "src" / "flights" / "features.py"
    copy = tmp_path / "features.py"
    shutil.copy(source, copy)
    new_feature.add_feature(copy)
    before, after = source.read_text().splitlines(), copy.read_text().splitlines()
    added = [line for line in after if line.strip() and line not in before]
    assert added[-1] == f"    {new_feature.NAME},"
    assert [line.strip() for line in added[:-1]] == [
        line.strip() for line in new_feature.FUNCTION.splitlines() if line.strip()
    ]
    ast.parse(copy.read_text())


@pytest.mark.heavy
def test_it_reaches_a_prediction_over_http(split_data, environment, capsys, monkeypatch, tmp_path):
    """One file touched; every step with its time; a prediction by a model that reads the feature; nothing left."""
    environment.setenv("DATA_DIR", str(split_data))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    new_feature.main()
    said = capsys.readouterr().out
    assert "1 file touched: src/flights/features.py" in said
    assert f"which reads {new_feature.NAME}" in said
    assert len(re.findall(r" \d+\.\d s$", said, re.MULTILINE)) == 7
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_the_feature_is_no_success(tmp_path):
    """Planted: the copy trained, but its model does not read the feature."""
    folder = tmp_path / "3_models" / "flights" / "1"
    folder.mkdir(parents=True)
    (folder / "encodings.json").write_text('{"order": ["distance"]}')
    with pytest.raises(SystemExit, match="expected a model that reads"):
        new_feature.served_prediction(tmp_path, tmp_path)
