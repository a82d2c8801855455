"""The record from which the template's own files can be written again."""

import json

from extras.new import project
from extras.new.limits import Limit


def test_the_record_is_json_that_gives_the_limits_back():
    """In their order, with every field."""
    limits = [Limit("AS_OF", '"2024-01-01"', "the first live day"), Limit("LOW, HIGH", "0.5, 1.6", "why", review=False)]
    content = json.loads(project.as_json({"limits": [list(vars(each).values()) for each in limits]}))
    assert [Limit(*each) for each in content["limits"]] == limits
