"""Addresses of databases: what is mistyped, told without the password."""

from __future__ import annotations

import re

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pipelines.errors import InputError

_SCHEME = re.compile(r"postgres(ql)?://")
_PORTS = re.compile(r"[0-9,]*")


def check(dsn: str, name: str = "DATABASE_URL") -> None:
    """
    Refuse an address whose password could be read as something else, and then be printed.

    A `@` or `/` in a password makes the rest of it the host's name, the port or the database.

    :param name: The setting that holds it.
    :raises InputError: The address is mistyped.
    """
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.Error:  # its text quotes the address
        raise InputError(mistyped(name)) from None
    if not _PORTS.fullmatch(str(parts.get("port") or "")):
        raise InputError(mistyped(name))
    if scheme := _SCHEME.match(dsn):
        hosts, _, path = dsn[scheme.end() :].partition("?")[0].partition("/")
        if hosts.count("@") > 1 or "@" in path:
            raise InputError(mistyped(name))


def mistyped(name: str = "DATABASE_URL") -> str:
    """What is wrong with a setting that holds no address, in sentences."""
    return (
        f"{name} cannot be read. It looks like postgresql://USER:PASSWORD@HOST:PORT/NAME, with"
        " special characters of the password written as %XX, e.g. @ as %40. It is not shown,"
        " because it may hold a password."
    )


def without_password(text: str, dsn: str) -> str:
    """A message of the driver with the address's password covered."""
    password = str(conninfo_to_dict(dsn).get("password") or "")
    return text.replace(password, "***") if password else text
