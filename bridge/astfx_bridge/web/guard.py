"""Who may ask over HTTP and WebSocket: tokens, and no web pages of other sites."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from astfx_bridge.errors import RefusedError
from astfx_bridge.settings import is_loopback
from astfx_bridge.wire.access import Access, LockedOutError


class NotAdmittedError(RefusedError):
    """A request that is not answered.

    Parameters
    ----------
    status : int
        The HTTP status that says so.
    message : str
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def admit(access: Access, host: str, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
    """Check that a request may be answered.

    Parameters
    ----------
    access : Access
    host : str
        Where the request comes from.
    headers : mapping of str to str
        The headers of the request, by their names in lower case.
    query : mapping of str to str
        Its query. A browser cannot send a header with a WebSocket, so `token` may be here.

    Raises
    ------
    NotAdmittedError
        If the token is missing or wrong. If the server has none, for a web page of another site,
        or one whose host name was made to point at this machine (DNS rebinding).
    """
    if access.needs_token:
        given = headers.get("authorization", "").removeprefix("Bearer ") or query.get("token", "")
        if not given:
            raise NotAdmittedError(401, "this server needs a token")
        try:
            access.check_token(host, given)
        except LockedOutError as error:
            raise NotAdmittedError(429, str(error)) from None
        except RefusedError as error:
            raise NotAdmittedError(401, str(error)) from None
        return
    asked = headers.get("host", "localhost")
    if not is_loopback(_name(asked)):
        raise NotAdmittedError(403, "ask for localhost")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != asked.lower():
        raise NotAdmittedError(403, "web pages of other sites are not answered")


def _name(host: str) -> str:
    """The host name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""
