"""The worker: one thing at a time, the newest request of a client counts, and nobody loses his place."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from gvae.explorer import worker as module
from gvae.explorer.worker import Busy, Superseded


@pytest.fixture
def held(worker):
    """Keeps the worker busy until the event that this gives is set."""
    go, begun = threading.Event(), threading.Event()
    worker.submit("holder", lambda: (begun.set(), go.wait(10)))
    assert begun.wait(5)
    yield go
    go.set()


def test_only_the_newest_request_of_a_client_is_computed(worker, held):
    done: list[int] = []
    requests = [worker.submit("me", lambda k=k: done.append(k)) for k in range(30)]
    other = worker.submit("other", lambda: done.append(-1))
    held.set()
    other.result(5)
    for request in requests[:-1]:
        assert isinstance(request.exception(5), Superseded)
    assert done == [29, -1]  # the newest stands where the first one stood


def test_errors_reach_who_asked_and_the_worker_goes_on(worker):
    assert isinstance(worker.submit("a", lambda: 1 / 0).exception(5), ZeroDivisionError)
    assert worker.submit("a", lambda: 7).result(5) == 7


def test_too_many_requests_are_refused(worker, held, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    for name in "abc":
        worker.submit(name, lambda: None)
    with pytest.raises(Busy):
        worker.submit("d", lambda: None)
    assert isinstance(worker.submit("a", lambda: None), Future)  # a newer request takes no place of its own


def test_who_has_gone_is_not_waited_for(worker, held):
    done: list[int] = []
    gone = worker.submit("gone", lambda: done.append(1))
    assert gone.cancel()
    after = worker.submit("after", lambda: done.append(2))
    held.set()
    after.result(5)
    assert done == [2]
