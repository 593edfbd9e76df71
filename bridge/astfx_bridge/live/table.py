"""What live audio adds to the address table: parameters, rows and replies."""

from __future__ import annotations

from astfx.settings import TABLE
from astfx_bridge.live.midi import LEARNABLE
from astfx_bridge.table import Argument, Parameter, Reply, Row

MOST_STYLES = 64
MOST_RUNNING = 16
GAIN_RANGE_DB = (-60.0, 12.0)
STANDALONE = "live"
"""The id of the session of `astfx live`."""


def _number(name: str) -> Parameter:
    row = TABLE[name]
    return Parameter(Argument(name, "f", row.low, row.high), row.default, row.help)


LIVE_PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        Parameter(
            Argument("style", "s"), "", "The sound to imitate. A new one fades in when it is ready."
        ),
        _number("strength"),
        _number("mix"),
        Parameter(
            Argument("morph", "f", 0, MOST_STYLES),
            0.0,
            "Position between `style` (0) and the further styles (1, 2, ...).",
        ),
        Parameter(Argument("gain", "f", *GAIN_RANGE_DB), 0.0, "Gain of the output, in decibels."),
        Parameter(Argument("bypass", "i", 0, 1), 0, "Whether the dry sound is played, aligned."),
    )
}
"""What can be changed while it plays."""

ENGINES = ("live", "stream", "gain")
OPENING = {
    parameter.name: parameter
    for parameter in (
        *LIVE_PARAMETERS.values(),
        Parameter(
            Argument("engine", "s", choices=ENGINES),
            "live",
            "live has the least latency, stream the nearest sound, gain keeps most of the content.",
        ),
        Parameter(Argument("channels", "i", 1, 8), 2, "Number of channels."),
        Parameter(Argument("sample_rate", "i", 8000, 192_000), 48_000, "Of a ring, in hertz."),
        Parameter(Argument("block_size", "i", 16, 8192), 256, "Of a ring, in frames."),
        Parameter(Argument("further", "s"), "", "Further styles to morph to, separated by commas."),
        Parameter(
            Argument("mix_law", "s", choices=TABLE["mix_law"].choices),
            TABLE["mix_law"].default,
            TABLE["mix_law"].help,
        ),
    )
}
"""What `/astfx/live/open` takes in pairs."""

_ID = Argument("id", "is")
_KEY = Argument("key", "s", choices=tuple(LIVE_PARAMETERS))

LIVE_REPLIES = {
    reply.address: reply
    for reply in (
        Reply(
            address="/astfx/live/opened",
            arguments=("id", "sample_rate", "block_size", "latency"),
            types=("is", "i", "i", "i"),
            summary="Audio runs. `latency` is the delay of the output in samples.",
        ),
        Reply(
            address="/astfx/live/closed",
            arguments=("id", "reason"),
            types=("is", "s"),
            summary="Audio has ended. The reason is empty after `/astfx/live/close`.",
        ),
        Reply(
            address="/astfx/live/value",
            arguments=("id", "key", "value"),
            types=("is", "s", "ifs"),
            summary="A parameter of live audio.",
        ),
        Reply(
            address="/astfx/live/recording",
            arguments=("id", "path", "frames"),
            types=("is", "s", "i"),
            summary="What is recorded, or was: the file, and its length so far in frames.",
        ),
        Reply(
            address="/astfx/live/status",
            arguments=(
                "id",
                "load",
                "late_blocks",
                "blocks",
                "xruns",
                "input_peak",
                "output_peak",
                "trouble",
            ),
            types=("is", "f", "i", "i", "i", "f", "f", "s"),
            summary="The share of the time that processing takes, how many blocks came too late "
            "and were dry, peaks since the last question (full scale = 1), and what is wrong.",
        ),
        Reply(
            address="/astfx/live/sessions",
            arguments=("count",),
            types=("i",),
            summary="How many live sessions run. A `/astfx/live/session` follows for each.",
        ),
        Reply(
            address="/astfx/live/session",
            arguments=("id", "input", "output", "engine", "latency"),
            types=("is", "s", "s", "s", "i"),
            summary="One session that runs.",
        ),
    )
}


def _row(
    address: str, handler: str, *arguments: Argument, replies: str, summary: str, **more: object
) -> Row:
    return Row(
        address=f"/astfx/live/{address}",
        handler=handler,
        arguments=arguments,
        replies=tuple(f"/astfx/live/{name}" for name in replies.split()),
        summary=summary,
        **more,  # type: ignore[arg-type]
    )


LIVE_ROWS = {
    row.address: row
    for row in (
        _row(
            "open",
            "live_open",
            _ID,
            Argument("input", "s"),
            Argument("output", "s"),
            pairs="settings",
            replies="opened",
            summary="Start live audio between JACK ports. `input` and `output` are names of ports "
            "or of clients, separated by commas; `default` stands for the sound card, `none` for "
            "no connection. `ring:FILE` for both is a memory-mapped file under the roots. With id "
            "0 the server chooses an id.",
        ),
        _row(
            "set",
            "live_command",
            _ID,
            _KEY,
            Argument("value", "ifs"),
            replies="value",
            summary="Change a parameter. It takes effect at once, without a click.",
        ),
        _row(
            "get",
            "live_command",
            _ID,
            Argument("key", "s", choices=tuple(LIVE_PARAMETERS), optional=True),
            replies="value",
            changes=False,
            summary="Ask for a parameter, or for all of them.",
        ),
        _row(
            "morph",
            "live_command",
            _ID,
            pairs="weights",
            replies="value",
            summary="Mix any number of presets by weights.",
        ),
        _row(
            "learn",
            "live_command",
            _ID,
            Argument("key", "s", choices=LEARNABLE),
            replies="value",
            summary="Bind a parameter to the next MIDI control that moves.",
        ),
        _row(
            "record",
            "live_command",
            _ID,
            Argument("path", "s"),
            replies="recording",
            summary="Record the output into a new file; if there is such a file, a number is added "
            "to the name. An empty path ends the recording.",
        ),
        _row(
            "status",
            "live_command",
            _ID,
            replies="status",
            changes=False,
            summary="Ask how it goes.",
        ),
        _row("close", "live_close", _ID, replies="closed", summary="End live audio."),
        _row(
            "list",
            "live_list",
            replies="sessions session",
            changes=False,
            summary="List the live sessions that run.",
        ),
    )
}
