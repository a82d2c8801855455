"""The log's shape is the same for the server that writes it and the monitor that reads it."""

from datetime import UTC, datetime, timedelta, timezone

from flights.predictions import timestamp as stamp


def test_timestamps_of_one_width_sort_as_they_read():
    """A whole second, a fraction and another zone become text of one width, in UTC."""
    whole = datetime(2013, 11, 1, 10, tzinfo=UTC)
    moments = [whole, whole + timedelta(microseconds=1), (whole + timedelta(hours=1)).astimezone(timezone.max)]
    texts = [stamp(moment) for moment in moments]
    assert texts == sorted(texts)
    assert texts[0] == "2013-11-01T10:00:00.000000Z" == stamp(whole.replace(tzinfo=None))
