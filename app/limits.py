"""How often something may be done, counted in the database and so for all servers together."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from pipelines.store import usage
from pipelines.store.db import Pool

LOGIN_WINDOW_S = 15 * 60
LOGINS_PER_ADDRESS = 5
# Guessing from many addresses at once; who is signed in already notices nothing.
LOGINS_IN_ALL = 100


def address_of(connection: HTTPConnection) -> str:
    """Where a request comes from, behind the proxies that are trusted."""
    return connection.client.host if connection.client else "unknown"


def wait_for_login(pool: Pool, address: str) -> float | None:
    """
    Count one try to sign in, before its password is looked at.

    :returns: Seconds to wait; None: go on.
    """
    with pool.connection() as conn:
        for key, most in ((f"login {address}", LOGINS_PER_ADDRESS), ("login", LOGINS_IN_ALL)):
            wait_s = usage.take(conn, key, window_s=LOGIN_WINDOW_S, most=most)
            if wait_s is not None:
                return wait_s
    return None


def login_succeeded(pool: Pool, address: str) -> None:
    """Forget the failed tries from this address."""
    with pool.connection() as conn:
        usage.clear(conn, f"login {address}")
