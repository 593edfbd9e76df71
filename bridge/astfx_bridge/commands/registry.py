"""The handlers by the names that the address table gives them."""

from __future__ import annotations

from collections.abc import Mapping

from astfx_bridge.commands import job_control, presets, session
from astfx_bridge.commands.dispatch import Handler

HANDLERS: Mapping[str, Handler] = {
    "ping": session.ping,
    "version": session.version,
    "auth": session.auth,
    "replyto": session.replyto,
    "notify": session.notify,
    "sync": session.sync,
    "get": session.get,
    "set": session.set_parameter,
    "param": session.param,
    "presets": presets.presets,
    "preset": presets.preset,
    "quit": session.quit_server,
    "render": job_control.render,
    "render_blob": job_control.render_blob,
    "stem": job_control.stem,
    "preview": job_control.preview,
    "preset_make": presets.preset_make,
    "preset_blend": presets.preset_blend,
    "cancel": job_control.cancel,
    "cancel_all": job_control.cancel_all,
    "status": job_control.status,
    "result": job_control.result,
    "queue": job_control.queue,
    "job_get": job_control.job_get,
    "job_set": job_control.job_set,
    "forget": job_control.forget,
}
