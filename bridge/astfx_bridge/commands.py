"""The handlers by the names that the address table gives them."""

from __future__ import annotations

from collections.abc import Mapping

from astfx_bridge import control, job_commands, preset_commands
from astfx_bridge.dispatch import Handler

HANDLERS: Mapping[str, Handler] = {
    "ping": control.ping,
    "version": control.version,
    "auth": control.auth,
    "replyto": control.replyto,
    "notify": control.notify,
    "sync": control.sync,
    "get": control.get,
    "set": control.set_parameter,
    "param": control.param,
    "presets": preset_commands.presets,
    "preset": preset_commands.preset,
    "quit": control.quit_server,
    "render": job_commands.render,
    "render_blob": job_commands.render_blob,
    "stem": job_commands.stem,
    "preview": job_commands.preview,
    "preset_make": preset_commands.preset_make,
    "preset_blend": preset_commands.preset_blend,
    "cancel": job_commands.cancel,
    "cancel_all": job_commands.cancel_all,
    "status": job_commands.status,
    "result": job_commands.result,
    "queue": job_commands.queue,
    "job_get": job_commands.job_get,
    "job_set": job_commands.job_set,
    "forget": job_commands.forget,
}
