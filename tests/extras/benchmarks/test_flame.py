"""A flame graph shows what was sampled: nothing is lost by merging, and what cannot be sampled is no picture."""

import os
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from extras.benchmarks import flame

FOLDED = """\
process 7:"python -m x";_run_code (<frozen runpy>:65);<module> (pipelines/x.py:1);<lambda> (numpy/a.py:3) 6
process 7:"python -m x";<module> (pipelines/x.py:1);_find_and_load (<frozen importlib._bootstrap>:9) 3
_run (threading.py:1);_worker (concurrent/futures/thread.py:2) 90
_find_and_load (<frozen importlib._bootstrap>:9) 1
"""


def test_stacks_are_read_without_machinery_and_waiting_threads():
    """Imports' machinery and processes are no frames; an idle thread of a pool is no work."""
    stack = "import pipelines/x.py"
    assert flame.parsed(FOLDED) == {(stack, "<lambda> numpy/a.py"): 6, (stack,): 3, ("start of Python",): 1}


@pytest.mark.parametrize("tiny", [1, 30, 300])
def test_merged_frames_add_up(tiny):
    """Planted: many frames below the limit. They are one, as large as all of them, and next to the others."""
    stacks = Counter({("main", f"small{number}"): 1 for number in range(tiny)})
    stacks.update({("main", "large"): 700, ("other",): 50})
    main, large, merged, other = flame.frames(stacks, flame.MIN_SHARE * 1000)
    assert main == ("main", 0, 0, 700 + tiny)
    assert large == ("large", 1, 0, 700)
    assert merged == (flame.MERGED, 1, 700, tiny)
    assert other == ("other", 0, 700 + tiny, 50)


def test_the_picture_is_static_and_readable():
    """Well-formed, without scripts and style sheets; names that look like markup are text."""
    drawn = flame.drawing(flame.parsed(FOLDED))
    texts = [text.text for text in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["all 100.0%", "import pipelines/x.py 90.0%", "<lambda> numpy/a.py 60.0%", "start of Python"]
    assert [word for word in ("<script", "<style", "class=") if word in drawn] == []
    assert drawn.count("#f6b26b") == 1


@pytest.mark.heavy
def test_the_service_under_load_is_sampled(trained: Path):
    """Parsing, scoring and logging of real requests are in the picture, which is small."""
    allowed = os.sched_getaffinity(0)
    drawn = flame.drawing(flame.request_stacks(trained / "3_models", 3))
    assert "serving/scorer.py" in drawn or "serving/fast_path.py" in drawn or "FastPath" in drawn
    assert len(drawn) < 150_000
    assert os.sched_getaffinity(0) == allowed


@pytest.mark.heavy
def test_what_fails_is_no_picture():
    """Planted: a step without its data, and a process that is not there. The message says what to do."""
    with pytest.raises(SystemExit, match="run as root"):
        flame.train_stacks(("promote",))
    with pytest.raises(SystemExit, match="run as root"):
        flame.sampled(["--pid", "4194304", "--duration", "1"], dict(os.environ))
