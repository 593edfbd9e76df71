"""The ASGI application: OSCQuery and the status page by HTTP GET, and WebSockets."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from astfx_bridge.errors import RefusedError
from astfx_bridge.parameters import ServerParameters
from astfx_bridge.settings import ServerSettings
from astfx_bridge.web.guard import NotAdmittedError, admit
from astfx_bridge.web.oscquery import attributes, find, host_info, tree
from astfx_bridge.web.sockets import WebSockets
from astfx_bridge.web.status import StatusPage, is_wanted
from astfx_bridge.wire.access import Access, RateLimiter

MAX_HOSTS = 256
_UNCACHED = {"Cache-Control": "no-store", "Vary": "Accept"}


def application(
    settings: ServerSettings,
    parameters: ServerParameters,
    access: Access,
    sockets: WebSockets,
    osc_port: Callable[[], int],
    status: StatusPage,
) -> Starlette:
    """The application that answers HTTP and WebSocket clients.

    Parameters
    ----------
    settings : ServerSettings
    parameters : ServerParameters
    access : Access
        Checks tokens, and counts the wrong ones of all doors together.
    sockets : WebSockets
    osc_port : callable
        Returns the port for OSC.
    status : StatusPage
    """
    rates: dict[str, RateLimiter] = {}

    def within_rate(host: str) -> bool:
        if host not in rates and len(rates) >= MAX_HOSTS:
            del rates[next(iter(rates))]
        per_second = settings.limits.messages_per_second
        return rates.setdefault(host, RateLimiter(per_second)).take()

    async def node(request: Request) -> Response:
        host = request.client.host if request.client else ""
        if not within_rate(host):
            rate = f"more than {settings.limits.messages_per_second:g} requests a second"
            return _error(429, rate)
        query = dict(request.query_params)
        try:
            admit(access, host, request.headers, query)
            query.pop("token", None)
            if is_wanted(request):
                return status.response()
            if "HOST_INFO" in query:
                return _answer(host_info(settings.host, osc_port()))
            found = find(tree(parameters), request.url.path)
            if found is None:
                return _error(404, f"there is no address {request.url.path[:256]}")
            wanted = attributes(found, query)
        except NotAdmittedError as error:
            return _error(error.status, str(error))
        except RefusedError as error:
            return _error(400, str(error))
        return _answer(wanted) if wanted else Response(status_code=204, headers=_UNCACHED)

    async def socket(websocket: WebSocket) -> None:
        host = websocket.client.host if websocket.client else ""
        try:
            admit(access, host, websocket.headers, dict(websocket.query_params))
        except NotAdmittedError as error:
            await websocket.send_denial_response(_error(error.status, str(error)))
            return
        await sockets.serve(websocket, websocket.state.incoming)

    return Starlette(
        routes=[
            Route("/{path:path}", node, methods=["GET"]),
            WebSocketRoute("/{path:path}", socket),
        ]
    )


def _answer(content: dict[str, object]) -> Response:
    return JSONResponse(content, headers=_UNCACHED)


def _error(status: int, message: str) -> Response:
    return JSONResponse({"ERROR": message}, status, _UNCACHED)
