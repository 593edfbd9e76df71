"""Every handler by the name that the address table gives it."""

from __future__ import annotations

from collections.abc import Mapping

from astfx_bridge.commands import (
    folders,
    job_control,
    live,
    named_styles,
    parameters,
    presets,
    rendering,
    session,
)
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
    "preset_put": presets.preset_put,
    "preset_fetch": presets.preset_fetch,
    "preset_rename": presets.preset_rename,
    "preset_delete": presets.preset_delete,
    "styles": named_styles.named_styles,
    "style_put": named_styles.style_put,
    "style_delete": named_styles.style_delete,
    "roots": folders.roots,
    "files": folders.files,
    "render": rendering.render,
    "render_blob": rendering.render_blob,
    "then": rendering.then,
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
