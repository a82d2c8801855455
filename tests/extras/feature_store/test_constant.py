"""The limit of predictions by key rejects what the service rejects, and answers in the same form."""

import asyncio

import httpx
import pytest

from extras.feature_store.constant import ANSWER, constant
from serving.extras.by_key.bodies import AnswerByKey

pytestmark = pytest.mark.exhibit

KEY = "2013-11-01-UA-523-EWR"


def posted(path, body):
    """The answer to one request."""

    async def answer():
        transport = httpx.ASGITransport(constant())
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.post(path, json=body)

    return asyncio.run(answer())


def test_a_key_and_a_batch_have_an_answer_each():
    """One for each key."""
    assert AnswerByKey.model_validate(posted("/predict/by-key", {"flight_id": KEY}).json()) == ANSWER
    answers = posted("/predict/by-key/batch", {"keys": [KEY, KEY]}).json()["predictions"]
    assert [AnswerByKey.model_validate(each) for each in answers] == [ANSWER, ANSWER]


@pytest.mark.parametrize("body", [{}, {"flight_id": 7}, {"flight_id": KEY, "other": 1}])
def test_its_bodies_are_validated(body):
    """It does the same work on a body as the service."""
    assert posted("/predict/by-key", body).status_code == 422
