"""Each mark is listed with its place."""

import sys

from extras.new import review


def test_marks_are_listed_and_counted(tmp_path, monkeypatch, capsys):
    """Planted: two marks in one module."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("A = 1  # REVIEW: why\n# REVIEW: other\nB = 2\n")
    monkeypatch.chdir(tmp_path)
    for words in ([], ["--count"]):
        monkeypatch.setattr(sys, "argv", ["review", *words])
        review.main()
    told = capsys.readouterr().out
    assert "src/a.py:1: A = 1: why" in told
    assert "2 guesses are left" in told
    assert "2 guesses are not reviewed" in told
