"""The process that has one region of a plugin's input rendered, as a job of a bridge.

`astfx_bridge.live.region` starts it and writes to its standard input: a line of JSON with the
sample rate and the number of channels, then parts, each a line of JSON and the bytes that it
announces. The last part has the settings and the presets. The process answers with lines of JSON:
how much is rendered, and in the last line why there is no file, and the number of the file. If
standard input closes before, the job is cancelled, and nothing is left.

The regions of all plugins of a user are rendered one after the other: by the server that runs on
this machine, if there is one that takes them, or else by one of this process, which ends with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

import numpy as np
from filelock import FileLock, Timeout

from astfx.audio import AudioWriter
from astfx.errors import AstfxError, AudioFileError, CancelledError
from astfx.presets.files import packed, unpacked
from astfx.presets.preset import Preset
from astfx.runtime.files import written_aside
from astfx_bridge.addresses import PARAMETERS
from astfx_bridge.client import Client, own_id
from astfx_bridge.errors import BridgeError
from astfx_bridge.live.renders import RenderProblem
from astfx_bridge.server import Bridge
from astfx_bridge.settings import OSC_PORT, Limits, ServerSettings

Progress = Callable[[float], None]

NICENESS = 5  # the workers of a server add their own
_POLL_SECONDS = 0.2
_BLOCK_FRAMES = 1 << 16
_PACKET_SPARE_BYTES = 1 << 16  # for all that a packet has besides a clip and a style
_NAME = re.compile(r"render-(\d{4,9})\.wav")


class _RegionError(Exception):
    """Why there is no file.

    Parameters
    ----------
    problem : RenderProblem
    sentence : str
    """

    def __init__(self, problem: RenderProblem, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = problem


@dataclass(frozen=True)
class Region:
    """A region that is whole.

    Attributes
    ----------
    frames : file
        Its frames as float32 numbers, the channels of each one after the other.
    sample_rate, channels, n_frames : int
    strength, mix, morph : float, 0 to 1
    presets : list of bytes
        The files of the preset, and of the one to morph to.
    """

    frames: IO[bytes]
    sample_rate: int
    channels: int
    n_frames: int
    strength: float
    mix: float
    morph: float
    presets: list[bytes]

    def write(self, path: Path) -> None:
        """Write the sound as a WAV with float samples."""
        n_bytes = 4 * self.channels
        self.frames.seek(0)
        with AudioWriter(
            path, self.sample_rate, self.channels, self.n_frames, float_samples=True
        ) as writer:
            while data := self.frames.read(n_bytes * _BLOCK_FRAMES):
                writer.write(np.frombuffer(data, np.float32).reshape(-1, self.channels).T)

    def style(self) -> bytes:
        """The file of the preset, or of a blend where the region is between two.

        Raises
        ------
        PresetError
            If a preset is damaged, or the two cannot be blended.
        """
        if len(self.presets) == 1 or self.morph == 0.0:
            return self.presets[0]
        if self.morph == 1.0:
            return self.presets[1]
        first, second = (unpacked(data, "preset of the plugin", Preset) for data in self.presets)
        return packed(Preset.blend({first: 1.0 - self.morph, second: self.morph}, name="morph"))

    def parameters(self) -> dict[str, Any]:
        """All parameters of the job. The server's own would differ from one server to the next."""
        usual = {name: row.default for name, row in PARAMETERS.items() if name != "style"}
        return {**usual, "strength": self.strength, "mix": self.mix}


def heard(source: IO[bytes], frames: IO[bytes]) -> Region | None:
    """Read a region, and write its frames to a file. None if the other process has ended."""

    def message() -> dict[str, Any]:
        line = source.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        found: dict[str, Any] = json.loads(line)
        return found

    def data(size: int) -> bytes:
        found = source.read(size)
        if len(found) < size:
            raise EOFError
        return found

    try:
        setup, n_bytes = message(), 0
        while "audio" in (part := message()):
            n_bytes += frames.write(data(part["audio"]))
        presets = [data(size) for size in part["presets"]]
    except EOFError:
        return None
    n_frames = n_bytes // (4 * setup["channels"])
    return Region(frames, **setup, n_frames=n_frames, **part["settings"], presets=presets)


def rendered(
    region: Region,
    renders: Path,
    folder: Path,
    gone: threading.Event,
    port: int = OSC_PORT,
    progress: Progress = lambda share: None,
) -> int:
    """Have a region rendered. Returns the number of the file.

    Parameters
    ----------
    region : Region
    renders : Path
        The folder of the file.
    folder : Path
        The folder of what is needed until then.
    gone : Event
        Set when nobody waits for the file any more.
    port : int
        The port of a server that may run on this machine.
    progress : callable
        Called with the share that is rendered.

    Raises
    ------
    AstfxError
        If the job has failed, or a file cannot be written.
    _RegionError
        If no server can be started.
    CancelledError
        If `gone` was set first.
    """
    with _turn(folder, gone), tempfile.TemporaryDirectory(prefix="region-", dir=folder) as name:
        work = Path(name)
        (work / "style.astfx").write_bytes(region.style())
        region.write(work / "region.wav")
        found = None
        if _fits(work):
            with suppress(AstfxError):
                found = _by_running_server(work, region.parameters(), gone, port, progress)
        if gone.is_set():
            raise CancelledError("nobody waits for the region any more")
        if found is None:
            found = _by_own_server(work, region.parameters(), gone, progress)
        return _numbered(found, renders)


@contextmanager
def _turn(folder: Path, gone: threading.Event) -> Iterator[None]:
    """Wait until no other process renders a region, and delete what killed ones have left."""
    lock = FileLock(folder / "queue.lock")
    while not lock.is_locked:
        if gone.is_set():
            raise CancelledError("nobody waits for the region any more")
        with suppress(Timeout):
            lock.acquire(timeout=_POLL_SECONDS)
    try:
        for left in folder.glob("region-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()


def _fits(work: Path) -> bool:
    """Whether a usual server takes the region in one packet."""
    n_bytes = sum(path.stat().st_size for path in work.iterdir())
    return n_bytes + _PACKET_SPARE_BYTES <= Limits().blob_bytes


def _by_running_server(
    work: Path, parameters: dict[str, Any], gone: threading.Event, port: int, progress: Progress
) -> Path:
    """Have the region rendered by a server that may run on this machine, by blobs.

    Raises
    ------
    AstfxError
        If none runs there, or the server refuses it.
    """
    with Client(port=port) as client:
        client.ask("/astfx/version")
        clip, style = ((work / name).read_bytes() for name in ("region.wav", "style.astfx"))
        with _cancelled_when(gone, port) as job:
            result = client.render_blob(
                clip, job_id=job, progress=progress, style=style, **parameters
            )
    assert isinstance(result.output, bytes)
    path = work / "render.wav"
    path.write_bytes(result.output)
    return path


def _by_own_server(
    work: Path, parameters: dict[str, Any], gone: threading.Event, progress: Progress
) -> Path:
    """Have the region rendered by a server of this process, by files."""
    path = work / "render.wav"
    with (
        _own_server(work) as port,
        Client(port=port) as client,
        _cancelled_when(gone, port) as job,
    ):
        client.render(
            work / "region.wav",
            path,
            job_id=job,
            progress=progress,
            style=work / "style.astfx",
            **parameters,
        )
    return path


@contextmanager
def _cancelled_when(gone: threading.Event, port: int) -> Iterator[str]:
    """The id of a new job, which is cancelled when nobody waits for it any more."""
    job, ended = own_id(), threading.Event()

    def cancel() -> None:
        gone.wait()
        while not ended.wait(_POLL_SECONDS):  # it may not be accepted yet
            with suppress(AstfxError), Client(port=port) as client:
                client.ask("/astfx/cancel", job)

    threading.Thread(target=cancel, name="astfx cancel", daemon=True).start()
    try:
        yield job
    finally:
        ended.set()


@contextmanager
def _own_server(folder: Path) -> Iterator[int]:
    """Run a server in a thread, at a free port of the loopback address.

    Raises
    ------
    _RegionError
        If it cannot start.
    """
    settings = ServerSettings(osc_port=0, http_port=None, roots=(folder,), state=folder / "server")
    started: SimpleQueue[Bridge | Exception] = SimpleQueue()
    loop = asyncio.new_event_loop()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(Bridge(settings).run(started.put))
        except Exception as error:
            started.put(error)
        finally:
            loop.close()

    thread = threading.Thread(target=serve, name="astfx server", daemon=True)
    thread.start()
    bridge = started.get()
    if isinstance(bridge, Exception):
        thread.join()
        raise _RegionError(RenderProblem.SERVER, f"no server can be started ({bridge})")
    try:
        yield bridge.osc_port
    finally:
        with suppress(RuntimeError):  # it has ended by itself
            loop.call_soon_threadsafe(bridge.stop)
        thread.join()


def _numbered(found: Path, renders: Path) -> int:
    """Move a file to the folder of the renders. Returns its number, the highest one there."""
    try:
        renders.mkdir(parents=True, exist_ok=True)
        names = [_NAME.fullmatch(path.name) for path in renders.iterdir()]
    except OSError as error:
        raise AudioFileError(
            f"folder '{renders}' cannot be written to ({error.strerror})"
        ) from None
    number = max((int(name[1]) for name in names if name), default=0) + 1
    with written_aside(renders / f"render-{number:04}.wav") as part:
        shutil.copyfile(found, part)
    return number


def outcome_of(
    source: IO[bytes],
    renders: Path,
    folder: Path,
    port: int = OSC_PORT,
    progress: Progress = lambda share: None,
) -> tuple[RenderProblem, int, str]:
    """Read a region and have it rendered, as `rendered` does.

    Returns
    -------
    problem : RenderProblem
    number : int
        That of the file; 0 if there is none.
    sentence : str
        What is wrong.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A file without a name, of which nothing is left whatever happens.
        with tempfile.TemporaryFile(dir=folder) as frames:
            region = heard(source, frames)
            if region is None:
                return RenderProblem.LOST, 0, "the plugin has gone"
            gone = threading.Event()
            threading.Thread(target=_wait_for_end, args=(source, gone), daemon=True).start()
            number = rendered(region, renders, folder, gone, port, progress)
            return RenderProblem.NONE, number, ""
    except _RegionError as error:
        return error.problem, 0, str(error)
    except (AudioFileError, OSError) as error:
        return RenderProblem.FOLDER, 0, str(error)
    except BridgeError as error:
        return RenderProblem.SERVER, 0, str(error)
    except AstfxError as error:
        return RenderProblem.JOB, 0, str(error)


def _wait_for_end(source: IO[bytes], gone: threading.Event) -> None:
    while source.read(1):
        pass
    gone.set()


def main(renders: Path) -> None:
    """Serve one region by standard input and output."""
    from platformdirs import user_cache_path

    os.nice(NICENESS)
    # Whatever a library prints must not come between the results.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def tell(**message: int) -> None:
        with suppress(OSError):
            output.write(json.dumps(message) + "\n")
            output.flush()

    problem, number, sentence = outcome_of(
        sys.stdin.buffer,
        renders,
        user_cache_path("astfx") / "regions",
        progress=lambda share: tell(percent=round(100.0 * share)),
    )
    if sentence:
        print(f"astfx: region of the plugin: {sentence}", file=sys.stderr)
    tell(problem=problem, number=number)
    os._exit(0)  # at once, with the thread that waits for the end


if __name__ == "__main__":
    main(Path(sys.argv[1]))
