"""What happens to requests, for whoever counts or logs it."""

from flights.batch import Batch
from flights.predictions import Prediction


class Observer:
    """Told of every event; a plug-in overrides what it needs and adds itself to the service's observers."""

    def answered(self, predictions: list[Prediction] | Batch, seconds: float) -> None:
        """One request was answered."""

    def committed(self, rows: int, seconds: float) -> None:
        """One batch of flights was committed."""

    def failed(self, nonfinite: int) -> None:
        """The model could not score one request; so many of its flights got no probability."""

    def refused(self, status: int) -> None:
        """One request was refused."""

    def outcomes(self, accepted: int) -> None:
        """New outcomes were accepted."""
