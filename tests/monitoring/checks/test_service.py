import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import numpy as np
import pandas as pd
import pytest

from flights.files import COUNTERS_FILE
from flights.predictions import Prediction
from monitoring.check import Check, is_firing
from monitoring.checks import service
from monitoring.decide import decide
from monitoring.view import View
from tests.monitoring.conftest import judged
from tests.serving.running import free_port

PREDICTIONS = 'predictions_total{model_version="1",served_by="champion"}'
NOW = pd.Timestamp("2014-01-01T00:00Z")
DAYS = pd.date_range("2013-11-01", periods=6)


def snapshots(path: Path, days: int = 6, **refused: int) -> Path:
    """A line a day: 1,000 answered, and this many refused, failed or over capacity."""
    metrics, lines = pytest.importorskip("serving.extras.metrics").Metrics(), []
    answers = [
        Prediction("flight", "", "", "{}", 0.2, alert=False, threshold=0.3, model_version=1, model_digest="")
    ] * 1000
    for day in DAYS[:days]:
        metrics.answered(answers, 0.001)
        for status, count in refused.items():
            for _ in range(count):
                metrics.refused(int(status[1:]))
        text = metrics.text().decode()
        lines.append(json.dumps({"at": f"{day:%F}T23:00-04:00", **service.counters(text)}))
    path.write_text("\n".join(lines) + "\n")
    return path


def fired(path: Path, rows: pd.DataFrame | None = None) -> set[str]:
    """Names of the checks that fire."""
    log = judged(days=6).assign(day=lambda rows: rows["event_time"].dt.tz_localize(None).dt.normalize())
    counts = service.daily_counts(path, NOW)
    return firing([*service.log_checks(log if rows is None else rows), *service.counter_checks(counts)])


def firing(checks: list[Check]) -> set[str]:
    """Names of the checks that fire."""
    return {check.name for check in checks if is_firing(check).any()}


def test_a_service_that_refuses_nothing_is_quiet(tmp_path: Path):
    """With snapshots and without any."""
    assert fired(snapshots(tmp_path / "service.jsonl")) == set()
    assert fired(tmp_path / "none.jsonl") == set()


@pytest.mark.parametrize(
    ("statuses", "names"),
    [
        ((400, 413, 415, 422), {"rejected requests"}),
        ((429, 503), {"over capacity"}),
        ((500, 502), {"failed requests"}),
        ((401, 403, 404, 405, 408, 409, 431), set()),
    ],
)
def test_rejections_fire_by_their_kind(tmp_path: Path, statuses: tuple[int, ...], names: set[str]):
    """Three in a hundred that the contract refuses point upstream, over capacity or failed ones at the service.

    Wrong addresses, methods and passwords ring nothing.
    """
    for status in statuses:
        assert fired(snapshots(tmp_path / "service.jsonl", **{f"s{status}": 30})) == names


def test_requests_that_the_model_cannot_score_ring(tmp_path: Path):
    """One a day is one too many."""
    path = snapshots(tmp_path / "service.jsonl")
    lines = [json.loads(line) | {service.FAILED: day} for day, line in enumerate(path.read_text().splitlines())]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert fired(path) == {"failed requests"}


def test_traffic_that_stops_rings():
    """The days after the last request count as silent up to yesterday: two of them ring, one may be a holiday."""
    log = judged(days=6).assign(day=lambda rows: rows["event_time"].dt.tz_localize(None).dt.normalize())
    for silent, names in ((1, set()), (2, {"days without a request"}), (3, {"days without a request", "traffic"})):
        today = log["day"].max() + pd.Timedelta(days=silent + 1)
        assert firing(service.log_checks(log, today)) == names


@pytest.mark.parametrize("silent", [2, 47, 200])
def test_traffic_after_a_long_silence_is_compared_with_usual_days(silent: int):
    """Injected: no request for weeks, and the usual number after it. The ratio is a number, and no alarm."""
    log = judged(days=6).assign(day=lambda rows: rows["event_time"].dt.tz_localize(None).dt.normalize())
    back = log.assign(day=log["day"] + pd.Timedelta(days=6 + silent))
    traffic = service.log_checks(pd.concat([log, back]), back["day"].max() + pd.Timedelta(days=1))[0]
    assert np.isfinite(traffic.values).all()
    assert not is_firing(traffic).iloc[-1]


@pytest.mark.parametrize("gap", [2, 7, 30])
def test_days_between_rows_that_come_seldom_are_no_low_traffic(gap: int, monkeypatch):
    """Rows every second day, weekly or monthly, as MAX_SILENT_DAYS allows; then a day less than usual is missing."""
    monkeypatch.setattr(service, "MAX_SILENT_DAYS", gap)
    log = judged(days=8).assign(day=lambda rows: rows["event_time"].dt.tz_localize(None).dt.normalize())
    first = log["day"].min()
    seldom = log.assign(day=first + gap * (log["day"] - first))
    today = seldom["day"].max() + pd.Timedelta(days=gap)
    assert firing(service.log_checks(seldom, today)) == set()
    assert firing(service.log_checks(seldom, today + pd.Timedelta(days=3))) >= {"days without a request"}


def test_weekly_rows_that_fall_still_ring(monkeypatch):
    """Injected: a third of the rows from the fifth week on."""
    monkeypatch.setattr(service, "MAX_SILENT_DAYS", 7)
    log = judged(days=12).assign(day=lambda rows: rows["event_time"].dt.tz_localize(None).dt.normalize())
    first = log["day"].min()
    weekly = log.assign(day=first + 7 * (log["day"] - first))
    few = weekly[(weekly["day"] < first + pd.Timedelta(days=35)) | (weekly.index % 3 == 0)]
    assert firing(service.log_checks(few)) == {"traffic"}


def test_traffic_that_falls_or_doubles_rings():
    """A third of the requests, or twice as many, after a week."""
    log = judged(days=12).assign(day=lambda rows: rows["event_time"].dt.tz_localize(None).dt.normalize())
    late = log["day"] >= "2013-11-08"
    for rows in (log[~late | (log.index % 3 == 0)], pd.concat([log, log[late]])):
        assert firing(service.log_checks(rows)) == {"traffic"}


def test_slow_answers_and_the_heuristic_ring(tmp_path: Path):
    """A tenth of the answers take half a second, or come from the heuristic."""
    log = judged(days=6).assign(day=lambda rows: rows["event_time"].dt.tz_localize(None).dt.normalize())
    tenth = log.index % 10 == 0
    slow = log.assign(latency_us=log["latency_us"].where(~tenth, 500_000))
    assert fired(tmp_path / "none", slow) == {"latency p99"}
    stood_in = log.assign(served_by=log["served_by"].where(~tenth, "heuristic"))
    assert fired(tmp_path / "none", stood_in) == {"answered by the heuristic"}


def test_a_torn_line_costs_itself(tmp_path: Path):
    """The line that a crash cut off is passed over; the next day's rise has its counts."""
    path = snapshots(tmp_path / "service.jsonl")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], lines[2][:20], *lines[3:], lines[5][:9]]))
    counts = service.daily_counts(path, NOW)
    assert counts[PREDICTIONS].tolist() == [1000, 2000, 1000, 1000]


def test_a_restarted_service_counts_from_zero(tmp_path: Path):
    """Counters that fall have begun again."""
    path = snapshots(tmp_path / "service.jsonl", days=3)
    again = snapshots(tmp_path / "again.jsonl", days=2).read_text().replace("2013-11-0", "2013-11-1")
    path.write_text(path.read_text() + again)
    assert service.daily_counts(path, NOW)[PREDICTIONS].tolist() == [1000, 1000, 1000, 1000]


def test_what_comes_later_is_not_counted(tmp_path: Path):
    """Looking back from the third day."""
    counts = service.daily_counts(snapshots(tmp_path / "service.jsonl"), pd.Timestamp("2013-11-04T04:00Z"))
    assert list(counts.index) == list(DAYS[1:3])


def test_a_service_that_does_not_answer_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """No server listens: nothing is raised, no counter is written, and a message says which address to check."""
    url = f"http://127.0.0.1:{free_port()}"
    with httpx.Client(base_url=url) as client:
        service.observe(client, NOW, tmp_path)
    assert service.daily_counts(tmp_path / COUNTERS_FILE, NOW).empty
    assert f"no answer from {url}" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "no-such-scheme", "http://[", "ftp://127.0.0.1"])
def test_a_dead_server_is_mentioned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
):
    """No server, and three addresses that are none: the message names SERVER_URL, and nothing is raised."""
    monkeypatch.setenv("SERVER_URL", url.format(port=free_port()))
    service.observe_server(tmp_path)
    assert "SERVER_URL" in capsys.readouterr().err
    (check,) = service.answer_checks(view(tmp_path))
    decision = decide([check])
    assert (decision.action, decision.act) == ("watch", False)
    assert "service without an answer" in decision.reasons[0]


def view(folder: Path) -> View:
    """A view of a log of 2013, whose clock is not the service's."""
    return cast("View", SimpleNamespace(settings=SimpleNamespace(reports_dir=folder), days=DAYS))


def test_a_service_that_answers_again_is_ok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Only the newest look counts, only of a service that is named; and what it counted is counted once."""
    path = snapshots(tmp_path / COUNTERS_FILE, days=2)
    before = service.daily_counts(path, NOW)
    lines = path.read_text().splitlines()
    dead = json.dumps({"at": "2013-11-01T23:30-04:00", service.UNANSWERED: 1.0})
    path.write_text("\n".join([lines[0], dead, lines[1]]) + "\n")
    assert service.daily_counts(path, NOW).equals(before)
    assert service.answer_checks(view(tmp_path)) == []
    monkeypatch.setenv("SERVER_URL", "http://127.0.0.1:8000")
    assert decide(service.answer_checks(view(tmp_path))).action == "ok"


def test_the_counters_are_recorded(tmp_path: Path):
    """One line of counters with the moment."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text='predictions_total{version="1"} 7.0'))
    with httpx.Client(transport=transport, base_url="http://service") as client:
        service.observe(client, NOW, tmp_path)
    assert "7.0" in (tmp_path / COUNTERS_FILE).read_text()


def test_after_weeks_without_a_request_traffic_is_zero_times_the_usual():
    """Planted: six days of requests and 47 without one. The usual is that of the days with requests."""
    log = judged(days=6).assign(day=lambda rows: rows["event_time"].dt.tz_localize(None).dt.normalize())
    later = log.head(100).assign(day=log["day"].max() + pd.Timedelta(days=48))
    traffic = service.log_checks(pd.concat([log, later]))[0]
    assert traffic.values.iloc[-2] == 0
    assert traffic.values.iloc[-1] == 0.5
