"""Rows of `usage_count`: counts of events per time window, shared by all servers."""

from __future__ import annotations

from datetime import timedelta

from pipelines.store.db import Connection

_SLOT = "to_timestamp(floor(extract(epoch from clock_timestamp()) / %(window_s)s) * %(window_s)s)"


def take(conn: Connection, key: str, *, window_s: int, most: int, cost: int = 1) -> float | None:
    """
    Count `cost` if the current time window has room for it.

    :returns: None if it was counted. Else the number of seconds until the window ends.
    """
    values = {"key": key, "window_s": window_s, "most": most, "cost": cost}
    row = conn.execute(
        f"insert into usage_count (key, slot, used) select %(key)s, {_SLOT}, %(cost)s"
        " where %(cost)s <= %(most)s on conflict (key, slot) do update"
        " set used = usage_count.used + excluded.used"
        " where usage_count.used + excluded.used <= %(most)s returning used",
        values,
    ).fetchone()
    if row is not None:
        return None
    left = conn.execute(
        f"select %(window_s)s - extract(epoch from clock_timestamp() - {_SLOT})", values
    ).fetchone()
    assert left is not None
    return float(left[0])


def used(conn: Connection, key: str, *, window_s: int) -> int:
    """The count in the current time window."""
    row = conn.execute(
        f"select used from usage_count where key = %(key)s and slot = {_SLOT}",
        {"key": key, "window_s": window_s},
    ).fetchone()
    return 0 if row is None else int(row[0])


def clear(conn: Connection, key: str) -> None:
    """Delete the counts of this key."""
    conn.execute("delete from usage_count where key = %s", (key,))


def any_before(conn: Connection, age: timedelta) -> bool:
    """Whether there are time windows that began longer ago than `age`."""
    row = conn.execute(
        "select exists (select from usage_count where slot < now() - %s)", (age,)
    ).fetchone()
    return row is not None and bool(row[0])


def forget_before(conn: Connection, age: timedelta) -> int:
    """Delete time windows that began longer ago than `age`, and return their number."""
    return conn.execute("delete from usage_count where slot < now() - %s", (age,)).rowcount
