"""A record whose limits the template does not declare any more is written all the same, and told."""

import json

from extras.new import rewrite


def test_a_limit_that_is_gone_is_told(tmp_path, monkeypatch, capsys):
    """Injected: a limit of an older version."""
    (tmp_path / "record.json").write_text(
        json.dumps({"name": "churned", "extras": [], "limits": [["MAX_OLD", "1", "why", True]]})
    )
    monkeypatch.setattr("sys.argv", ["rewrite", str(tmp_path / "record.json"), str(tmp_path / "fresh")])
    rewrite.main()
    assert capsys.readouterr().out == "update    the template has no limit MAX_OLD any more\n"
    assert (tmp_path / "fresh" / "src" / "churned" / "config.py").is_file()
