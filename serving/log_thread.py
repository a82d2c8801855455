"""The thread in which the prediction log works, and how long anybody waits for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from serving.log_connection import LogConnection, LogUnavailable

P = ParamSpec("P")
T = TypeVar("T")

LOG_SECONDS = 8.0  # for the log to answer; SQLite's own wait for other writers is shorter


class LogThread:
    """One thread for one log."""

    def __init__(self, log: LogConnection):
        self.executor = ThreadPoolExecutor(1, "prediction-log")
        self.hanging: Future[Any] | None = None  # work that was given up
        self._log = log

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something in the thread and wait for it, but not forever.

        Raises
        ------
        LogUnavailable
            It was not done, or its outcome is unknown: the database has not answered for LOG_SECONDS.
        """
        if self.hanging is not None and not self.hanging.done():
            raise LogUnavailable("the prediction log has not answered an earlier request yet")
        working = self.executor.submit(work, *args, **kwargs)
        answer = asyncio.wrap_future(working)
        await asyncio.wait([answer], timeout=LOG_SECONDS)
        if answer.done():
            return answer.result()
        answer.cancel()
        if not working.cancel():  # it has begun; what waits behind it never will
            self.hanging = working
            self._log.available = False
            self._log.interrupt()
        raise LogUnavailable(f"the prediction log has not answered for {LOG_SECONDS:g} seconds")
