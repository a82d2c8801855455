"""What monitoring a month costs, compared with Evidently's drift preset on the same raw rows, in one run.

Each is a process of its own, so that its time has its imports in it and its memory is its own. With the word `growth`:
how the cost grows with the log, when the same days hold more; with `growth days`: when it reaches further back.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from extras.benchmarks.scratch import scratch_settings
from flights.artifacts import read_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, OUTCOME
from flights.files import DECISION_FILE, LIVE_FILE, TRAIN_FIRST
from flights.log_reader import count, engine, logged_predictions
from flights.log_url import file_url
from flights.predictions import Outcome, Prediction, add
from flights.registry import load
from monitoring.outcomes import local_day
from monitoring.traffic import outcome_bodies, period, request_bodies, traffic
from monitoring.view import serving_model, typed_inputs

UNTIL = "2013-12-01T05:00Z"  # the first live month
LIVE_DAYS = 61


class Cost(NamedTuple):
    """What one process took; processor time says the same on a busy machine."""

    clock: float
    processor: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.clock:6.1f} s  {self.processor:6.1f} s of the processor  {self.megabytes:6.0f} MB"


def main() -> None:
    """Measure, and print ratios."""
    if sys.argv[1:] == ["preset"]:
        sys.exit(preset())
    settings = Settings.read()
    with scratch_settings(settings.models_dir) as own:
        folder = Path(own["DATA_DIR"])
        (folder / "2_splits").symlink_to((settings.data_dir / "2_splits").resolve())
        write_log(settings.model_copy(update={"data_dir": folder, "predictions_url": ""}))
        environment = os.environ | own | {"NOW": UNTIL}
        if sys.argv[1:] in (["growth"], ["growth", "days"]):
            environment.pop("NOW")  # all of the live months
            sys.exit(growth(environment, older="days" in sys.argv))
        found = {
            "a month, first run": cost("monitoring.monitor", environment),
            "a month, second run": cost("monitoring.monitor", environment),
            "Evidently's preset": cost("extras.benchmarks.monitor", environment, "preset"),
        }
    reference = found["Evidently's preset"]
    for name, each in found.items():
        print(f"{name:<22} {each} ({each.processor / reference.processor:.2f} of the preset's)")


def write_log(settings: Settings) -> None:
    """Leave what a replay of all live months would leave in the log, without the HTTP requests."""
    live = read_parquet(settings.splits_dir / LIVE_FILE, TRAIN_FIRST)
    flights, outcomes = traffic(live, *period(live, "", ""))
    model = load(settings.models_dir, serving_model(settings.models_dir).version)
    rows: list[Prediction | Outcome] = []
    for row, probability in zip(request_bodies(flights), model.score(as_arrays(flights)).tolist(), strict=True):
        name, moment = row.pop("request_id"), row[EVENT_TIME].replace("Z", ".000000Z")
        answer = (probability, probability >= model.threshold, model.threshold, model.version, model.digest)
        rows.append(Prediction(name, moment, moment, json.dumps(row), *answer))
    for number, row in enumerate(outcome_bodies(outcomes)):
        received = f"2014-02-01T00:00:00.{number:06}Z"
        rows.append(Outcome(row["request_id"], row["known_at"], row[OUTCOME], received))
    log = engine(settings.log_url)
    add(log, rows)
    log.dispose()


def growth(environment: dict[str, str], *, older: bool, times: tuple[int, ...] = (1, 4, 16, 55)) -> None:
    """How seconds and memory grow with the log: the live months, and copies of them, up to three million rows."""
    log = engine(file_url(Path(environment["DATA_DIR"]) / "4_predictions/predictions.db"))
    copies = 1
    for wanted in times:
        for copy in range(copies, wanted):
            add_copy(log, copy, LIVE_DAYS * copy if older else 0)
        copies = wanted
        print(f"{count(log):>9,} predictions {cost('monitoring.monitor', environment)}", flush=True)


def add_copy(log: sa.Engine, copy: int, days_older: int) -> None:
    """Add the live months once more to the log under other names, and some days earlier."""
    moved = {"event_time", "answered_at", "known_at", "received_at"}
    with log.begin() as connection:
        for table, row in (("predictions", Prediction), ("outcomes", Outcome)):
            others = ", ".join(
                f"strftime('%Y-%m-%dT%H:%M:%f', {name}, :older) || '000Z'" if name in moved and days_older else name
                for name in (OUTCOME if name == "value" else name for name in row._fields[1:])
            )
            statement = f"INSERT INTO {table} SELECT request_id || '#' || :copy, {others} FROM {table}"
            values = {"copy": copy, "older": f"-{days_older} days"}
            connection.execute(sa.text(f"{statement} WHERE request_id NOT LIKE '%#%'"), values)


def cost(module: str, environment: dict[str, str], *words: str) -> Cost:
    """Seconds on the clock and of the processors, and peak megabytes, of one process that does what it is there for."""
    decision = Path(environment["DATA_DIR"]) / "5_reports" / DECISION_FILE
    decision.unlink(missing_ok=True)
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", module, *words], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # `Popen` did not see it end, and would complain
    if status if words else not decision.is_file():  # a monitor that wants somebody to act does not end with 0
        sys.exit(f"{module} {' '.join(words)} failed: see above")
    scale = 1e6 if sys.platform == "darwin" else 1e3  # the kernel's unit
    return Cost(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale)


def preset() -> None:
    """Evidently's drift preset as its documentation has it: every raw column, the season's change and all."""
    import warnings

    warnings.simplefilter("ignore")
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    settings = Settings()
    rows = logged_predictions(engine(settings.log_url), inputs=True, until=UNTIL)
    current = typed_inputs(rows.assign(day=local_day(rows["event_time"]))).drop(columns="day")
    reference = serving_model(settings.models_dir).reference
    columns = [name for name in current if name in reference]  # what is personal is not in the reference
    current, reference = current[columns], reference[columns]
    definition = DataDefinition()
    past, now = (Dataset.from_pandas(part, data_definition=definition) for part in (reference, current))
    result = Report([DataDriftPreset()], include_tests=True).run(current_data=now, reference_data=past)
    with tempfile.NamedTemporaryFile(suffix=".html") as page:
        result.save_html(page.name)
    drifted = result.dict()["metrics"][0]["value"]
    print(f"the preset sees drift in {drifted['count']:.0f} columns, {drifted['share']:.0%}", file=sys.stderr)


if __name__ == "__main__":
    main()
