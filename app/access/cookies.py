"""The `Set-Cookie` headers of sessions and visitors."""

from __future__ import annotations

from http.cookies import SimpleCookie

from starlette.requests import HTTPConnection


def header(name: str, value: str, *, secure: bool, framed: bool, max_age_s: int) -> str:
    """
    A header that stores a cookie in the browser, out of reach of scripts.

    :param secure: The browser uses https, see `is_https`.
    :param framed: The page is shown inside another site, as a Space is. Browsers then keep only a
        cookie with ``SameSite=None``, and accept it over https only.
    """
    jar: SimpleCookie = SimpleCookie()
    jar[name] = value
    jar[name]["httponly"] = True
    jar[name]["path"] = "/"
    jar[name]["max-age"] = max_age_s
    jar[name]["samesite"] = "None" if secure and framed else "Lax"
    jar[name]["secure"] = secure
    # Python's own attribute for this is too new.
    return jar[name].OutputString() + ("; Partitioned" if secure and framed else "")


def is_https(connection: HTTPConnection) -> bool:
    """Whether the browser uses https, at least as far as a proxy."""
    forwarded = connection.headers.get("x-forwarded-proto", connection.url.scheme)
    return forwarded.split(",")[0].strip() == "https"
