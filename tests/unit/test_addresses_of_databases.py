"""Mistyped addresses of databases: told in a sentence, without the password."""

from __future__ import annotations

import traceback

import pytest

from pipelines.errors import AttuneError, InputError
from pipelines.store import addresses, db


@pytest.mark.parametrize(
    "dsn",
    [
        "postgres//x:SECRET@y",
        "postgres://x:12SECRET@SECRET@y/z",
        "postgres://x:SECRET/SECRET@y/z",
        "postgres://x:12/SECRET@y/z",
        "postgres://x:SE%CRET@y/z",
        "host=y user=x password=SEC RET",
        "host=y port=SECRET",
    ],
)
def test_a_mistyped_address_is_refused_without_its_password(dsn):
    """Neither the message nor the chain of errors, which a log may print, holds the password."""
    with pytest.raises(InputError) as refused:
        db.migrate(dsn)
    assert "postgresql://USER:PASSWORD@HOST:PORT/NAME" in str(refused.value)
    assert "SEC" not in "".join(traceback.format_exception_only(refused.value))
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None or refused.value.__suppress_context__


def test_an_unreachable_database_is_told_without_the_password():
    """The driver's message stays, with the password covered wherever it stands."""
    with pytest.raises(AttuneError, match="cannot be reached") as refused:
        db.migrate("postgresql://x:127.0.0.1@127.0.0.1:1/z")
    assert "127.0.0.1" not in str(refused.value)


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "postgresql://postgres:@/postgres?host=/tmp/a@b/pg",
        "postgresql://x:a%40b@one,two:5432,5433/z?sslmode=require",
        "host=y dbname=z",
    ],
)
def test_a_right_address_is_accepted(dsn):
    """A socket's folder in the query may hold any character."""
    addresses.check(dsn)
