"""Every handler by the name that the address table gives it."""

from __future__ import annotations

from collections.abc import Mapping

from astfx_bridge.commands import job_control, live, parameters, presets, rendering, session
from astfx_bridge.commands.services import Handler

HANDLERS: Mapping[str, Handler] = {
    "ping": session.ping,
    "version": session.version,
    "auth": session.auth,
    "replyto": session.replyto,
    "notify": session.notify,
    "sync": session.sync,
    "quit": session.quit_server,
    "get": parameters.get,
    "set": parameters.set_parameter,
    "param": parameters.param,
    "presets": presets.presets,
    "preset": presets.preset,
    "preset_make": presets.preset_make,
    "preset_blend": presets.preset_blend,
    "render": rendering.render,
    "render_blob": rendering.render_blob,
    "stem": rendering.stem,
    "preview": rendering.preview,
    "cancel": job_control.cancel,
    "cancel_all": job_control.cancel_all,
    "status": job_control.status,
    "result": job_control.result,
    "queue": job_control.queue,
    "job_get": job_control.job_get,
    "job_set": job_control.job_set,
    "forget": job_control.forget,
    "live_open": live.live_open,
    "live_command": live.live_command,
    "live_close": live.live_close,
    "live_list": live.live_list,
}
