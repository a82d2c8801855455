"""The values of one view: a JSON list in the store, validated by the same fields as the body of `/predict`."""

from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from flights.dataset import INPUTS
from flights.extras.feature_store.tables import entity_name
from flights.extras.feature_views.views import VIEWS
from serving.fields import field
from serving.refusal import Refused, invalid
from serving.request import Body

Name = tuple[str, str]  # of values: their view and entity
COLUMNS = {column.name: column for column in INPUTS}
COLUMNS_OF = {view.name: view.columns for view in VIEWS}
TEMPLATES = [(view.name, entity_name(tuple(f"{{{name}}}" for name in view.entity))) for view in VIEWS]
TUPLE: Any = tuple  # a type that mypy cannot see through
VALIDATE = {  # a view's values, as a JSON list
    view.name: TypeAdapter(
        TUPLE[tuple(Annotated[field(COLUMNS[name])] for name in view.columns)], config=Body.model_config
    ).validator.validate_json
    for view in VIEWS
}


class Part(NamedTuple):
    """The values of a view, as the contract allows them."""

    since: int  # the first tick that has them
    inputs: dict[str, Any] | None  # None: missing
    problem: Refused | None = None  # what the contract does not allow, which matters unless they are expired

    @property
    def is_missing(self) -> bool:
        """Whether the store has no values."""
        return self.inputs is None and self.problem is None

    def checked(self) -> "Part":
        """These values, or raise their problem."""
        if self.problem is not None:
            raise self.problem
        return self


MISSING = Part(0, None)


def names_of(row: dict[str, Any]) -> list[Name]:
    """The name of each view's values, for a flight with these columns."""
    return [(name, template.format_map(row)) for name, template in TEMPLATES]


def part_of(view: str, since: int, content: str | None) -> Part:
    """What the store holds of a view."""
    try:
        return Part(since, inputs_of(view, content))
    except Refused as refused:
        return Part(since, None, refused)


def inputs_of(view: str, content: str | None) -> dict[str, Any] | None:
    """A view's inputs from the JSON list that the store holds.

    Raises
    ------
    Refused
        The contract does not allow them.
    """
    columns = COLUMNS_OF[view]
    try:
        return None if content is None else dict(zip(columns, VALIDATE[view](content), strict=True))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        for each in errors:
            each["loc"] = tuple(columns[part] if isinstance(part, int) else part for part in each["loc"])
        problem = invalid(errors)
        raise Refused(503, "Invalid features", "The feature store violates the contract.", problem.errors) from None


@lru_cache
def no_inputs(view: str) -> dict[str, Any] | None:
    """The inputs of a view that is missing or expired.

    Raises
    ------
    Refused
        The contract requires them.
    """
    return inputs_of(view, to_json([None] * len(COLUMNS_OF[view])).decode())
