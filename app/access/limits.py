"""Rate limits, counted in the database and so for all servers together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from prometheus_client import Counter

from app.access.addresses import place
from app.settings import Settings
from pipelines.errors import is_disk_full
from pipelines.store import rate_counts
from pipelines.store.db import Pool

if TYPE_CHECKING:
    from app.access.reader import Reader

MINUTE_S, DAY_S = 60, 24 * 3600
# A visitor can delete the cookie but hardly change the address. Many visitors may share an address.
VISITORS_PER_ADDRESS = 10
BUSY = "Many people are asking at this moment. Please try again in a few seconds."
OVER_BUDGET = (
    "The language model has been called as often as is allowed in a day. Until tomorrow answers "
    "are extracts from the documents."
)
LOGIN_WINDOW_S = 15 * 60
LOGINS_PER_ADDRESS = 5
# Limits on guessing from many addresses at once. Existing sessions are not affected.
LOGINS_PER_NEIGHBOURHOOD, LOGINS_IN_ALL = 20, 100


# app.live.metrics reports it with the others.
logins_refused = Counter("attune_logins_refused", "Sign-ins that were refused.", ["reason"])


def wait_for_login(pool: Pool, address: str) -> float | None:
    """
    Count a sign-in attempt before its password is checked.

    The first attempt of an address is always checked. So strangers who guess, from any number of
    addresses, cannot lock out a person who knows the password. They get one guess per address.

    :returns: Seconds to wait, or None to continue.
    """
    own = f"login {place(address)}"
    around = f"login {place(address, size='wide')}"
    with pool.connection() as conn:
        wait_s = rate_counts.take(conn, own, window_s=LOGIN_WINDOW_S, most=LOGINS_PER_ADDRESS)
        if wait_s is not None:
            return wait_s
        is_first = rate_counts.used(conn, own, window_s=LOGIN_WINDOW_S) == 1
        for key, most in ((around, LOGINS_PER_NEIGHBOURHOOD), ("login", LOGINS_IN_ALL)):
            wait_s = rate_counts.take(conn, key, window_s=LOGIN_WINDOW_S, most=most)
            if wait_s is not None and not is_first:
                return wait_s
    return None


def login_succeeded(pool: Pool, address: str) -> None:
    """Clear the counted attempts of this address."""
    with pool.connection() as conn:
        rate_counts.clear(conn, f"login {place(address)}")


class Limits:
    """The limits of one server on questions. Safe to share between threads of one event loop."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._per_minute = settings.questions_per_minute
        self._per_day = settings.questions_per_day
        self._calls_per_day = settings.llm_calls_per_day
        self._at_once = settings.questions_at_once
        self._under_way = 0

    @contextmanager
    def place(self) -> Iterator[bool]:
        """
        Reserve a place among the running questions. For the event loop only.

        :returns: False if all places are taken.
        """
        free = self._under_way < self._at_once
        self._under_way += free
        try:
            yield free
        finally:
            self._under_way -= free

    def refusal(self, reader: Reader) -> str | None:
        """
        Count a question.

        :returns: The reason why it may not be asked now, or None.
        """
        rules = [
            (f"minute {reader.visitor}", MINUTE_S, self._per_minute),
            (f"minute {place(reader.address)}", MINUTE_S, self._per_minute * VISITORS_PER_ADDRESS),
            (f"day {reader.visitor}", DAY_S, self._per_day),
            (f"day {place(reader.address)}", DAY_S, self._per_day * VISITORS_PER_ADDRESS),
        ]
        try:
            with self._pool.connection() as conn:
                for key, window_s, most in rules:
                    wait_s = most and rate_counts.take(conn, key, window_s=window_s, most=most)
                    if wait_s:
                        return _ask_to_wait(wait_s)
        except psycopg.Error as error:
            if not is_disk_full(error):
                raise
            # Nothing can be counted. `place` still limits how many are answered at once.
        return None

    def may_call_llm(self, calls: int) -> bool:
        """
        Count calls of the LLM.

        :returns: False if the day's calls are used up.
        """
        if not self._calls_per_day:
            return True
        try:
            with self._pool.connection() as conn:
                left = rate_counts.take(
                    conn, "llm calls", window_s=DAY_S, most=self._calls_per_day, cost=calls
                )
        except psycopg.Error as error:
            if not is_disk_full(error):
                raise
            return False  # calls that cannot be counted are not made
        return left is None


def _ask_to_wait(wait_s: float) -> str:
    if wait_s <= MINUTE_S:
        return (
            "You have asked a great many questions in a short time. Please try again in "
            f"{math.ceil(wait_s)} seconds."
        )
    hours = math.ceil(wait_s / 3600)
    return (
        "You have asked as many questions as are allowed in a day. Please try again in "
        f"{hours} {'hour' if hours == 1 else 'hours'}."
    )
