"""A name on make's command line that is no setting ends in one line, and every setting is accepted."""

import re

import pytest

from tests.test_makefile import RECIPES, ROOT, make

SETTINGS = re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)
GIVEN = re.findall(r"\$\(call (?:arguments|option),([A-Z_]+)", RECIPES)  # by recipes, and no settings
OTHERS = ["FROM", "TO", "SPEED", "NOW", "VENV", "PYTHON", "IMAGE", "UV", "PIP_INDEX_URL", "HTTPS_PROXY"]


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("RETENTION_DAY", "RETENTION_DAYS"), ("PORTT", "PORT"), ("port", "PORT"), ("VERSON", "VERSION"), ("NAM", "NAME")],
)
def test_an_unknown_name_ends_in_one_line(given, nearest):
    """Injected: settings of the core and of extras, and what a recipe takes, with a typing error or in lower case."""
    done = make("help", f"{given}=30")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert f" {given}=30: no such setting; did you mean {nearest}? docs/settings.md " in line


@pytest.mark.parametrize("given", ["QQQQQQ", "it's", "a;b"])
def test_an_unknown_name_that_is_near_to_none(given):
    """Injected: names without a neighbour, and with characters that mean something to a shell."""
    (line,) = make("help", f"{given}=1").stderr.splitlines()
    assert f" {given}=1: no such setting; " in line
    assert "did you mean" not in line


def test_every_setting_is_accepted():
    """Each of the page's settings, what the recipes take, and what pip and uv know."""
    assert len(SETTINGS) > 12
    assert len(GIVEN) > 9
    done = make("help", *(f"{name}=1" for name in [*SETTINGS, *GIVEN, *OTHERS]))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_environment_holds_names_of_other_programs():
    """An unknown name there is nobody's error."""
    done = make("help", RETENTION_DAY="30")
    assert (done.returncode, done.stderr) == (0, "")
