"""The job as one runs it: a process that may be killed, and says why it published nothing."""

import os
import signal
import subprocess
import sys
import time

import pytest

from extras.feature_store.online import Materializer
from tests.serving.running import ROOT

pytestmark = pytest.mark.exhibit


def finished(materializer):
    """Publish all complete ticks."""
    while materializer.step():
        pass


def everything(store):
    """What is in the table of values."""
    return store.rows("SELECT * FROM feature_values ORDER BY view_name, entity, tick")


def test_a_killed_process_leaves_whole_ticks(make_store):
    """A real process, killed after its first ticks; the next one continues to the values of one that was not."""
    stores = make_store("killed"), make_store("alive")
    for store in stores:
        finished(Materializer(store))
        store.add(store.after, complete_until=store.until)
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "FEATURES_URL": stores[0].url, "FOLLOW": "1"}
    command = [sys.executable, "-m", "extras.feature_store.materialize"]
    begun = stores[0].clock().published_until
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        while stores[0].clock().published_until == begun:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    for store in stores:
        finished(Materializer(store))
    assert everything(stores[0]) == everything(stores[1])


def test_an_unreachable_store_is_reported(tmp_path):
    """One line, and an exit code."""
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "FEATURES_URL": "sqlite:////proc/no/features.db",
    }
    command = [sys.executable, "-m", "extras.feature_store.materialize"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nothing of this step was published" in done.stderr
