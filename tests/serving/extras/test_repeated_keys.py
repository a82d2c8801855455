"""A key that is there twice is found, and a body without one is not parsed again."""

import json

from hypothesis import given
from hypothesis import strategies as st

from flights.dataset import INPUTS, ROWS
from serving.extras.repeated_keys import has_repeated_keys, strings
from serving.request import Flight, Flights, example

NAMES = [column.name for column in INPUTS]


@given(st.dictionaries(st.sampled_from([*NAMES, "request_id"]), st.integers(0, 3), min_size=1))
def test_a_key_given_twice_is_found(times: dict[str, int]):
    """Counting quotation marks finds exactly the bodies with a key too many."""
    row = example() | {"request_id": "x"}
    extra = [f"{json.dumps(name)}: {json.dumps(row[name])}" for name, count in times.items() for _ in range(count)]
    raw = ("{" + ", ".join([json.dumps(row)[1:-1], *extra]) + "}").encode()
    flight = Flight.model_validate_json(raw)
    assert (raw.count(b'"') != 2 * strings(flight)) == has_repeated_keys(raw) == bool(extra)


def test_a_batch_counts_its_quotation_marks():
    """A batch and its flights together account for every key and text."""
    nothing = {column.name: None for column in INPUTS if column.nullable}
    raw = json.dumps({ROWS: [example(), example() | nothing, example() | {"request_id": "x"}]}).encode()
    assert 2 * strings(Flights.model_validate_json(raw)) == raw.count(b'"')
