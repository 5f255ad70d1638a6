"""One thread that computes, where of every client only the newest request counts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

MOST = 256
"""requests that may wait"""


class Superseded(Exception):
    """The same client has asked for something newer, so that this is not computed."""


class Busy(Exception):
    """Too many requests are waiting."""


class Waiting(NamedTuple):
    """A request and where its outcome goes."""

    job: Callable[[], Any]
    outcome: Future[Any]


class Worker:
    """Computes one request at a time: models draw with torch's global random state, which no two threads may share.

    A request that has not begun when the same client asks again is dropped, and the newer one takes its place in the row:
    whoever drags a slider waits for one picture at most, and nobody is pushed to the end by asking often.

    >>> worker = Worker()
    >>> worker.submit("me", lambda: 2 + 2).result(timeout=5)
    4
    >>> worker.stop()
    """

    def __init__(self) -> None:
        self.waiting: OrderedDict[str, Waiting] = OrderedDict()
        self.changed = threading.Condition()
        self.stopped = False
        self.thread = threading.Thread(target=self.work, name="explorer", daemon=True)
        self.thread.start()

    def submit(self, client: str, job: Callable[[], Any]) -> Future[Any]:
        """Ask for something.

        Args:
            client: who asks; what it asked for before and has not begun is dropped with `Superseded`.
            job: computes the answer, in the worker's thread.

        Raises:
            Busy: too many requests are waiting.
        """
        request = Waiting(job, Future())
        with self.changed:
            older = self.waiting.get(client)
            if older is None and len(self.waiting) >= MOST:
                raise Busy
            self.waiting[client] = request
            self.changed.notify()
        if older is not None:
            finish(older.outcome, error=Superseded())
        return request.outcome

    def stop(self) -> None:
        """Let the thread end after what it computes now."""
        with self.changed:
            self.stopped = True
            self.changed.notify()
        self.thread.join()

    def work(self) -> None:
        """Compute one request after the other until stopped."""
        while request := self.next():
            try:
                value = request.job() if not request.outcome.cancelled() else None
            except BaseException as error:  # whoever asked gets it
                finish(request.outcome, error=error)
            else:
                finish(request.outcome, value)

    def next(self) -> Waiting | None:
        """The request that has waited longest; None when stopped."""
        with self.changed:
            while not self.waiting and not self.stopped:
                self.changed.wait()
            return None if self.stopped else self.waiting.popitem(last=False)[1]


def finish(outcome: Future[Any], value: Any = None, error: BaseException | None = None) -> None:
    """Set the outcome, unless whoever asked has gone."""
    if not outcome.set_running_or_notify_cancel():
        return
    if error is None:
        outcome.set_result(value)
    else:
        outcome.set_exception(error)
