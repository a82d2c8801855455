"""What a client may send, made from the data contract: flights to predict, and outcomes.

The bodies are ordinary pydantic models, so FastAPI documents them. `answer.py` has what the service answers.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.types import FailFast

from flights.dataset import INPUTS, OUTCOME, OUTCOMES, ROWS
from serving.fields import Pseudonymizer, RequestId, Time, field

MAX_ROWS = 1000  # flights or outcomes in one request


class Body(BaseModel):
    """Rules of all bodies: no coercion, no unknown keys, no NaN, and errors never echo the input."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class Identified(Body):
    """A flight with its request ID; the same flight under the same ID gets the same answer again."""

    request_id: RequestId | None = Field(
        None, exclude=True, description="Names this prediction, made up where absent; repeat it to ask again safely."
    )


if TYPE_CHECKING:

    class Flight(Identified):
        """One flight to predict; its fields are the contract's inputs."""

else:
    Flight = create_model(
        "Flight",
        __base__=Identified,
        __doc__="One flight to predict: the contract's inputs.",
        **{column.name: field(column) for column in INPUTS},
    )
FLIGHT_JSON = TypeAdapter(Flight).serializer


class Flights(Body):
    """Several flights to predict, all or none."""

    flights: Annotated[list[Flight], Field(alias=ROWS, min_length=1, max_length=MAX_ROWS), FailFast()]


REPORTED = next(column for column in OUTCOMES if column.name == OUTCOME)
Reported = Annotated[float, Field(ge=REPORTED.minimum, le=REPORTED.maximum)]


class Outcome(Body):
    """What really happened to one predicted flight, as known at a moment; later knowledge replaces earlier."""

    request_id: RequestId = Field(description="The name of the prediction that this is the outcome of.")
    value: Reported | None = Field(
        alias=OUTCOME, description=f"{REPORTED.description}, in {REPORTED.unit}", examples=[REPORTED.example]
    )
    known_at: Time = Field(description="When this became known.", examples=["2013-11-01T14:50:00Z"])


class Outcomes(Body):
    """Several outcomes: late, twice, out of order or of unknown predictions as they may be."""

    outcomes: Annotated[list[Outcome], Field(min_length=1, max_length=MAX_ROWS), FailFast()]


def inputs_json(flight: Flight, pseudonymize: Pseudonymizer) -> str:
    """Write the validated inputs as one flat JSON object, without the request ID and with pseudonyms."""
    return FLIGHT_JSON.to_json(flight, context=pseudonymize).decode()


def example() -> dict[str, Any]:
    """Build a valid request."""
    return {column.name: column.example for column in INPUTS}
