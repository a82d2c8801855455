"""From what was looked up to a flight that is predicted, and from the logged prediction to the answer."""

from functools import lru_cache

from pydantic import TypeAdapter, ValidationError

from flights.predictions import Prediction
from serving.extras.by_key.bodies import ViewState
from serving.extras.by_key.lookup import Found, tick_text, view_states
from serving.refusal import Refused, invalid
from serving.request import Flight

VALIDATE = TypeAdapter(Flight).validator.validate_python
VIEWS_JSON = TypeAdapter(dict[str, ViewState]).serializer


def validated(found: Found) -> Flight:
    """A flight with its inputs, checked by the same contract as a body of `/predict`.

    Raises
    ------
    Refused
        The store holds what the contract does not allow.
    """
    try:
        flight: Flight = VALIDATE(found.inputs | {"request_id": found.request_id})
        return flight
    except ValidationError as error:
        problem = invalid(error.errors(include_url=False, include_context=False, include_input=False))
        raise Refused(503, "Invalid features", "The feature store violates the contract.", problem.errors) from None


def answer_json(found: Found, prediction: Prediction) -> str:
    """One `AnswerByKey`, in a fifth of the time that its objects would take."""
    return (
        f'{{"request_id":"{found.request_id}","probability":{prediction.probability!r},'
        f'"alert":{"true" if prediction.alert else "false"},"threshold":{prediction.threshold!r},'
        f'"model_version":{prediction.model_version},"served_by":"{prediction.served_by}",'
        f'"tick":"{tick_text(found.tick)[0]}","views":{views_json(found.states, found.age_minutes)}}}'
    )


@lru_cache(1000)
def views_json(states: tuple[str, ...], age_minutes: int) -> str:
    """The state of each view."""
    return VIEWS_JSON.to_json(view_states(states, age_minutes)).decode()
