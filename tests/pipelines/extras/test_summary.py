"""A screenful: every model with its interval, the gate with its reasons, and what to do next."""

from pipelines.extras import summary


def test_the_summary_fits_on_a_screen_and_says_what_is_next(trained, monkeypatch, capsys):
    """Metrics with intervals, every criterion, the card, the MLflow UI, the next command; under 40 lines."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    summary.main()
    out = capsys.readouterr().out
    assert len(out.splitlines()) < 40
    for word in (
        "heuristic",
        "candidate",
        "card.md",
        "make mlflow",
        "make serve",
        "passed version 1",
        "champion is version 1",
    ):
        assert word in out
