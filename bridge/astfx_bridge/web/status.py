"""The status page: what the server does just now, as HTML for browsers and screen readers."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from astfx_bridge.addresses import PARAMETERS
from astfx_bridge.jobs import log
from astfx_bridge.jobs.lifecycle import JobLifecycle
from astfx_bridge.jobs.store import QUEUED, RUNNING, Job
from astfx_bridge.parameters import ServerParameters
from astfx_bridge.settings import ServerSettings

MOST_SHOWN = 50
TEMPLATE = "status.jinja"


def is_wanted(request: Request) -> bool:
    """Whether a request is that of a browser which shows pages, and not of an OSCQuery client."""
    asked = set(request.query_params) - {"token"}
    accepted = request.headers.get("accept", "")
    return request.url.path == "/" and not asked and "text/html" in accepted


class StatusPage:
    """The page at `/`.

    Parameters
    ----------
    settings : ServerSettings
    parameters : ServerParameters
    jobs : JobLifecycle
    osc_port : callable
        Returns the port for OSC.
    """

    def __init__(
        self,
        settings: ServerSettings,
        parameters: ServerParameters,
        jobs: JobLifecycle,
        osc_port: Callable[[], int],
    ) -> None:
        self._settings, self._parameters, self._jobs = settings, parameters, jobs
        self._osc_port = osc_port
        self._started_at = time.strftime("%Y-%m-%d %H:%M:%S")

    def response(self) -> Response:
        """The page as it is now. It can load nothing, and no other page can show it in a frame."""
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
            "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",  # the address may hold the token
            "Vary": "Accept",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(self._text(nonce), headers=headers)

    def _text(self, nonce: str) -> str:
        from jinja2 import Environment, PackageLoader, StrictUndefined

        environment = Environment(
            loader=PackageLoader("astfx_bridge.web", "."),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        store = self._jobs.store
        pending = store.pending(MOST_SHOWN + self._settings.jobs + 1)
        return environment.get_template(TEMPLATE).render(
            nonce=nonce,
            version=metadata.version("astfx"),
            host=self._settings.host,
            osc_port=self._osc_port(),
            started_at=self._started_at,
            trouble=self._jobs.trouble,
            running=[self._row(job) for job in pending if job.state == RUNNING],
            queued=[self._row(job) for job in pending if job.state == QUEUED][:MOST_SHOWN],
            queued_count=store.counts().get(QUEUED, 0),
            ended=[self._row(job) for job in store.latest_ended(MOST_SHOWN)],
            parameters=[
                (name, self._parameters[name], parameter.summary)
                for name, parameter in PARAMETERS.items()
            ],
        )

    def _row(self, job: Job) -> dict[str, Any]:
        return {
            "id": log.printable(job.id),
            "state": job.state,
            "reason": log.reason_of(job),
            "fraction": self._jobs.pool.fraction(job),
            "duration": log.duration_of(job) if job.ended else "",
            "command": job.command,
            "files": log.files_of(job),
            "client": job.client,
        }
