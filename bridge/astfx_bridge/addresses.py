"""The address table: every address that the bridge understands, and every reply that it sends.

The server, the checks of arguments, the OSCQuery tree, the tables of the README, `astfx send` and
the round-trip tests all read it. A new command is a row here, a function in `commands`, and its
name in `commands.registry`.
"""

from __future__ import annotations

from astfx.settings import TABLE, Setting
from astfx_bridge.live.table import LIVE_REPLIES, LIVE_ROWS
from astfx_bridge.table import Argument, Parameter, Reply, Row

PROTOCOL = 1
LARGEST = 2**31 - 1

_TYPE_TAGS = {float: "f", int: "i", bool: "i", str: "s"}


def _of_setting(row: Setting) -> Parameter:
    """A setting of renders as a parameter of the server; 0 stands for None, and for "no"."""
    if row.type is bool:
        return Parameter(Argument(row.short, "i", 0, 1), int(row.default), row.help)
    low = 0 if row.optional else row.low
    high = min(row.high, LARGEST) if row.type is int and row.high is not None else row.high
    argument = Argument(row.short, _TYPE_TAGS[row.type], low, high, row.choices)
    zero = 0 if row.type is int else 0.0
    return Parameter(argument, zero if row.optional else row.default, row.help)


PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        Parameter(
            Argument("style", "s"),
            "",
            "The style of jobs that name none: a path under the roots, or the name of a preset or "
            "of a kept style clip.",
        ),
        *(_of_setting(row) for row in TABLE.values() if row.over_osc),
        Parameter(
            Argument("format", "s", choices=("wav", "flac")),
            "wav",
            "The format of results that are sent as a blob.",
        ),
        Parameter(
            Argument("start", "f", 0, 86_400),
            0.0,
            "Where the rendered region of the content begins, in seconds.",
        ),
        Parameter(
            Argument("seconds", "f", 0, 86_400),
            0.0,
            "The length of the rendered region, in seconds; 0 goes up to the content's end.",
        ),
        Parameter(
            Argument("priority", "i", -100, 100),
            0,
            "Of the jobs that wait, those with the highest priority run first.",
        ),
    )
}

_ID = ("id", "is")
_JOB_REPLIES = ("/astfx/queued", "/astfx/progress", "/astfx/done")
_ANY_ID, _KEY = Argument("id", "is"), Argument("key", "s", choices=tuple(PARAMETERS))
_VALUE = Argument("value", "ifs")
_FIRST = Argument("first", "i", 0, LARGEST, optional=True)


def _reply(address: str, arguments: str, types: str, summary: str, **more: bool) -> Reply:
    return Reply(
        address=address,
        arguments=tuple(arguments.split()),
        types=tuple(types.split()),
        summary=summary,
        **more,
    )


REPLIES = {
    reply.address: reply
    for reply in (
        _reply("/astfx/queued", "id", "is", "The job is on record and will run."),
        _reply(
            "/astfx/progress",
            "id fraction",
            "is f",
            "How much of a running job is done, 0 to 1.",
        ),
        _reply(
            "/astfx/done",
            "command id output sample_rate frames",
            "s is sb i i",
            "The job has succeeded. `output` is a path, or the clip as a blob.",
        ),
        _reply(
            "/astfx/fail",
            "command id message",
            "s is s",
            "A command was refused, or a job failed or was cancelled. `id` is the first argument "
            "of the command if that can be an id, else 0.",
        ),
        _reply(
            "/astfx/trouble",
            "id message",
            "is s",
            "The server cannot go on for now, because its records cannot be read or written. `id` "
            "is the job whose end waits for this, or 0. Its done or fail follows.",
        ),
        _reply("/astfx/pong", "token", "ifs", "The token of the ping, or 0 if it had none."),
        _reply(
            "/astfx/version", "version protocol", "s i", "The versions of astfx and of this table."
        ),
        _reply("/astfx/authenticated", "udp_port", "i", "The token is correct."),
        _reply(
            "/astfx/replying",
            "port",
            "i",
            "The port that replies go to from now on; 0 means that of the sender.",
        ),
        _reply("/astfx/notified", "on", "i", "Whether the messages of every job are sent here."),
        _reply("/astfx/synced", "id", "ifs", "All of the sender's earlier jobs have ended."),
        _reply("/astfx/stem", "id count", "is i", "How many sounds of the folder became jobs."),
        _reply("/astfx/cancelled", "id count", "is i", "How many jobs were cancelled."),
        _reply(
            "/astfx/status",
            "id state fraction detail",
            "is s f s",
            "`state` is queued, running, done, failed or cancelled. `detail` is the output, or why "
            "there is none.",
        ),
        _reply(
            "/astfx/queue",
            "running queued",
            "i i",
            "The numbers of running and of queued jobs. A `/astfx/job` follows for each job.",
        ),
        _reply("/astfx/job", "id state fraction command", "is s f s", "One job of the queue."),
        _reply("/astfx/job/value", "id key value", "is s ifs", "A parameter of a job."),
        _reply("/astfx/forgotten", "id", "is", "The record is deleted, and the id is free."),
        _reply("/astfx/value", "key value", "s ifs", "A parameter of the server."),
        _reply(
            "/astfx/presets",
            "count first name",
            "i i s",
            "The number of presets, and up to 200 names, from the place `first` on.",
            repeats=True,
        ),
        _reply("/astfx/preset/deleted", "name", "s", "The preset is gone."),
        _reply(
            "/astfx/styles",
            "count first name",
            "i i s",
            "The number of kept style clips, and up to 200 names, from the place `first` on.",
            repeats=True,
        ),
        _reply("/astfx/style/kept", "name seconds", "s f", "The style clip can be named now."),
        _reply("/astfx/style/deleted", "name", "s", "The style clip is gone."),
        _reply(
            "/astfx/roots",
            "count path",
            "i s",
            "The number of root folders, and their paths. Relative paths begin at the first one.",
            repeats=True,
        ),
        _reply(
            "/astfx/listing",
            "count first name",
            "i i s",
            "The number of files and folders, and up to 200 names, from the place `first` on. "
            "Those of folders end in a slash.",
            repeats=True,
        ),
        _reply("/astfx/bye", "", "", "The server stops. Unfinished jobs run when it starts again."),
    )
}


def _row(
    address: str, handler: str, *arguments: Argument, replies: str = "", **more: object
) -> Row:
    names = tuple(f"/astfx/{name}" for name in replies.split())
    return Row(address=address, handler=handler, arguments=arguments, replies=names, **more)  # type: ignore[arg-type]


def _job(address: str, handler: str, *arguments: Argument, first: str = "", **more: object) -> Row:
    replies = (f"/astfx/{first}",) if first else ()
    return Row(
        address=address,
        handler=handler,
        arguments=(_ANY_ID, *arguments),
        replies=(*replies, *_JOB_REPLIES),
        job=True,
        **more,  # type: ignore[arg-type]
    )


_ROWS = (
    _row("/astfx/ping", "ping", Argument("token", "ifs", optional=True), replies="pong",
         changes=False, summary="Ask whether the server is there."),
    _row("/astfx/version", "version", replies="version", changes=False,
         summary="Ask for the versions of astfx and of the protocol."),
    _row("/astfx/auth", "auth", Argument("token", "s"),
         Argument("udp_port", "i", 0, 65_535, optional=True), replies="authenticated",
         tcp_only=True, summary="Send the token, as the first message, if the server has one. "
         "While the connection lasts, UDP from this host and port is accepted too (0: any port)."),
    _row("/astfx/replyto", "replyto", Argument("port", "i", 0, 65_535), replies="replying",
         summary="Send replies by UDP to this port of the sender's host; 0 undoes it."),
    _row("/astfx/notify", "notify", Argument("on", "i", 0, 1),
         Argument("port", "i", 0, 65_535, optional=True), replies="notified",
         summary="Subscribe to the messages of every job and to changes of parameters."),
    _row("/astfx/sync", "sync", Argument("id", "ifs"), replies="synced", changes=False,
         summary="Ask for an answer when the sender's earlier jobs have ended."),
    _job("/astfx/render", "render", Argument("content", "s"), Argument("output", "s"),
         pairs="settings", summary="Render a file to a file. With id 0 the server chooses an id."),
    _job("/astfx/render/blob", "render_blob", Argument("clip", "b"), pairs="settings",
         tcp_only=True, summary="Render a WAV or FLAC that is sent as a blob. The style may be a "
         "blob too, also a preset's file. The result is one."),
    _job("/astfx/then", "then", Argument("after", "is"), Argument("output", "s"),
         pairs="settings", summary="Render the output of another job, which need not be there yet. "
         "It fails if the other job does not succeed."),
    _job("/astfx/stem", "stem", Argument("folder", "s"), Argument("output", "s"),
         pairs="settings", first="stem",
         summary="Render every sound of a folder into another folder. Each is a job of its own, "
         "with the id `id/file`."),
    _job("/astfx/preview", "preview", Argument("output", "s"),
         Argument("start", "f", 0, 86_400, optional=True),
         Argument("seconds", "f", 0.5, 30, optional=True),
         summary="Render an excerpt of a queued or running job at once, in draft quality, as the "
         "job `id/preview`. `start` (0) and `seconds` (5) say which excerpt."),
    _row("/astfx/cancel", "cancel", _ANY_ID, replies="cancelled",
         summary="Cancel a job, or all jobs of a stem folder. Each ends with a fail."),
    _row("/astfx/cancel/all", "cancel_all", replies="cancelled", summary="Cancel every job."),
    _row("/astfx/status", "status", _ANY_ID, replies="status", changes=False,
         summary="Ask for the state of a job."),
    _row("/astfx/result", "result", _ANY_ID, replies="done", changes=False,
         summary="Ask for the done or fail of an ended job again."),
    _row("/astfx/queue", "queue", Argument("limit", "i", 0, 1000, optional=True),
         replies="queue job", changes=False, summary="List the jobs that have not ended, at most "
         "limit (100) of them."),
    _row("/astfx/job/get", "job_get", _ANY_ID, _KEY, replies="job/value", changes=False,
         summary="Ask for a parameter of a job."),
    _row("/astfx/job/set", "job_set", _ANY_ID, _KEY, _VALUE, replies="job/value",
         summary="Change a parameter of a job that is still queued."),
    _row("/astfx/forget", "forget", _ANY_ID, replies="forgotten",
         summary="Delete the record of an ended job, so that its id can be used again."),
    _row("/astfx/get", "get", Argument("key", "s", choices=tuple(PARAMETERS), optional=True),
         replies="value", changes=False,
         summary="Ask for a parameter of the server, or for all of them."),
    _row("/astfx/set", "set", _KEY, _VALUE, replies="value",
         summary="Change a parameter of the server, for later jobs."),
    _row("/astfx/presets", "presets", _FIRST, replies="presets", changes=False,
         summary="Ask for the names of the presets, 200 of them from the place `first` (0) on."),
    _row("/astfx/preset", "preset", Argument("name", "s"), replies="value",
         summary="Use a preset as the style of later jobs."),
    _job("/astfx/preset/make", "preset_make", Argument("name", "s"), Argument("path", "s"),
         summary="Make a preset from a sound."),
    _job("/astfx/preset/blend", "preset_blend", Argument("name", "s"), pairs="weights",
         summary="Make a preset by blending others, with weights from 0 to 1."),
    _job("/astfx/preset/put", "preset_put", Argument("name", "s"), Argument("file", "b"),
         tcp_only=True, summary="Keep a preset file (`.astfx`) that is sent as a blob, under a "
         "name."),
    _job("/astfx/preset/fetch", "preset_fetch", Argument("name", "s"), tcp_only=True,
         summary="Ask for a preset as a file (`.astfx`). The result is a blob."),
    _job("/astfx/preset/rename", "preset_rename", Argument("name", "s"), Argument("to", "s"),
         summary="Give a preset that was made here another name."),
    _row("/astfx/preset/delete", "preset_delete", Argument("name", "s"),
         replies="preset/deleted", summary="Delete a preset that was made here."),
    _row("/astfx/styles", "styles", _FIRST, replies="styles", changes=False,
         summary="Ask for the names of the kept style clips, 200 from the place `first` (0) on."),
    _row("/astfx/style/put", "style_put", Argument("name", "s"), Argument("clip", "b"),
         replies="style/kept", tcp_only=True, summary="Keep a WAV or FLAC that is sent as a blob. "
         "Its name can be used as a style from now on."),
    _row("/astfx/style/delete", "style_delete", Argument("name", "s"), replies="style/deleted",
         summary="Delete a kept style clip."),
    _row("/astfx/roots", "roots", replies="roots", changes=False,
         summary="Ask for the folders that clients may use."),
    _row("/astfx/files", "files", Argument("folder", "s", optional=True), _FIRST,
         replies="listing", summary="Ask what a folder holds (the first root, if it is "
         "empty): 200 names from the place `first` (0) on."),
    _row("/astfx/quit", "quit", replies="bye",
         summary="Stop the server. Unfinished jobs run when it is started again."),
)  # fmt: skip

ROWS = {row.address: row for row in _ROWS} | {
    f"/astfx/param/{name}": Row(
        address=f"/astfx/param/{name}",
        handler="param",
        arguments=(
            Argument(
                name,
                parameter.argument.types,
                parameter.argument.low,
                parameter.argument.high,
                parameter.argument.choices,
                optional=True,
            ),
        ),
        replies=("/astfx/value",),
        summary=f"{parameter.summary} Without an argument, its value is sent.",
        parameter=parameter,
    )
    for name, parameter in PARAMETERS.items()
}
ROWS |= LIVE_ROWS
REPLIES |= LIVE_REPLIES
