"""Ports that misbehave on purpose: one that fails by a script, and one that answers later."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from datetime import datetime, timedelta
from inspect import isawaitable
from typing import Any

from orderflow.adapters.memory.clock import utc_now
from orderflow.errors import PortRefused
from orderflow.ports import (
    BookCarrier,
    ClaimStock,
    Deferred,
    IssueStock,
    PutWork,
    QueryLevels,
    QueryRates,
    QueryTracking,
    QuotePrices,
    ReceiveStock,
    Refused,
    Reply,
    Request,
    SendMessage,
    VoidBooking,
)

__all__ = ["Deferring", "Flaky"]


class _Wrapped(ABC):
    """A port behind another; what is not a question of a port goes straight through."""

    def __init__(self, port: Any) -> None:
        self.port = port

    def __getattr__(self, name: str) -> Any:
        if name == "port" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.port, name)

    @abstractmethod
    def _ask(self, method: str, request: Request) -> Any:
        """What becomes of a question to the port."""

    def claim(self, request: ClaimStock) -> Any:
        """As the port's own."""
        return self._ask("claim", request)

    def issue(self, request: IssueStock) -> Any:
        """As the port's own."""
        return self._ask("issue", request)

    def receive(self, request: ReceiveStock, *shelf: Any) -> Any:
        """As the port's own; the warehouse's own word about a shelf is no question, and goes straight through."""
        return self._ask("receive", request) if isinstance(request, Request) else self.port.receive(request, *shelf)

    def levels(self, request: QueryLevels) -> Any:
        """As the port's own."""
        return self._ask("levels", request)

    def quote(self, request: QuotePrices) -> Any:
        """As the port's own."""
        return self._ask("quote", request)

    def rates(self, request: QueryRates) -> Any:
        """As the port's own."""
        return self._ask("rates", request)

    def book(self, request: BookCarrier) -> Any:
        """As the port's own."""
        return self._ask("book", request)

    def void(self, request: VoidBooking) -> Any:
        """As the port's own."""
        return self._ask("void", request)

    def put(self, request: PutWork) -> Any:
        """As the port's own."""
        return self._ask("put", request)

    def track(self, request: QueryTracking) -> Any:
        """As the port's own."""
        return self._ask("track", request)

    def send(self, request: SendMessage) -> Any:
        """As the port's own."""
        return self._ask("send", request)


class Flaky(_Wrapped):
    """A port that raises, call by call, what its script says; ``None`` lets a call pass, and so does the script's end.

    ``calls`` counts all calls, ``failed`` those that raised. With ``after`` the port does its work first and only the
    answer is lost: what a broken connection does, and what a repeated effect must survive.
    """

    def __init__(self, port: Any, failures: Iterable[Exception | None], *, after: bool = False) -> None:
        super().__init__(port)
        self.after, self.calls, self.failed = after, 0, 0
        self._failures = iter(failures)

    def _ask(self, method: str, request: Request) -> Any:
        self.calls += 1
        failure = next(self._failures, None)
        if failure is None:
            return getattr(self.port, method)(request)
        self.failed += 1
        if self.after:
            done = getattr(self.port, method)(request)
            if isawaitable(done):
                return _lost(done, failure)
        raise failure


async def _lost(answer: Awaitable[Any], failure: Exception) -> Any:
    await answer
    raise failure


class Deferring(_Wrapped):
    """A port that says "later" to the methods named, and keeps the real answers, by ticket, in ``answers``.

    The work is done when it is first asked for. The same request gets the same ticket however often it is asked, until
    `release` lets its answer out. For plain ports, not for ``async`` ones.
    """

    def __init__(
        self,
        port: Any,
        methods: Collection[str] = ("claim", "quote", "book", "void", "put"),
        *,
        clock: Callable[[], datetime] | None = None,
        ask_after: timedelta = timedelta(hours=1),
        give_up_after: timedelta = timedelta(days=7),
    ) -> None:
        super().__init__(port)
        self.methods = frozenset(methods)
        self.answers: dict[str, Reply] = {}
        self.requests: dict[str, Request] = {}
        self._clock = clock or utc_now
        self._ask_after, self._give_up_after = ask_after, give_up_after
        self._tickets: dict[Request, Deferred] = {}
        self._released: dict[str, bool] = {}

    def release(self, ticket: str) -> Reply:
        """The real answer; from now on whoever asks again gets it too."""
        self._released[ticket] = True
        return self.answers[ticket]

    def snapshot(self) -> object:
        """A copy of the tickets and of the port's books."""
        tickets = (self.answers.copy(), self.requests.copy(), self._tickets.copy(), self._released.copy())
        return (tickets, self.port.snapshot())

    def restore(self, snapshot: object) -> None:
        """The tickets and the port's books as they were."""
        assert isinstance(snapshot, tuple)
        tickets, books = snapshot
        self.answers, self.requests, self._tickets, self._released = (book.copy() for book in tickets)
        self.port.restore(books)

    def fingerprint(self) -> Hashable:
        """The port's books, the tickets given out, and those released."""
        return (self.port.fingerprint(), frozenset(self._tickets), frozenset(self._released))

    def _ask(self, method: str, request: Request) -> Any:
        if method not in self.methods:
            return getattr(self.port, method)(request)
        deferred = self._tickets.get(request)
        if deferred is None:
            return self._deferred(method, request)
        if deferred.ticket not in self._released:
            return Deferred(deferred.ticket, self._clock() + self._ask_after, deferred.give_up_at)
        return self._said(deferred.ticket)

    def _deferred(self, method: str, request: Request) -> Deferred:
        ticket, now = f"T{len(self._tickets) + 1}", self._clock()
        deferred = Deferred(ticket, now + self._ask_after, now + self._give_up_after)
        try:
            self.answers[ticket] = getattr(self.port, method)(request)
        except PortRefused as refused:
            self.answers[ticket] = Refused(refused.code, refused.message)
        self.requests[ticket], self._tickets[request] = request, deferred
        return deferred

    def _said(self, ticket: str) -> Reply:
        answer = self.answers[ticket]
        if isinstance(answer, Refused):
            raise PortRefused(answer.code, answer.message)
        return answer
