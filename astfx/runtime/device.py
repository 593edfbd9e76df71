"""The compute device, and the number of threads that torch uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from astfx.errors import DeviceError, InvalidSettingError
from astfx.runtime.pool import Pool
from astfx.runtime.threads import default_threads

DEVICES = ("auto", "cpu", "cuda")

_PROCESS = os.getpid()
if hasattr(os, "register_at_fork"):
    # The threads of OpenMP do not survive a fork. A child that waited for them would hang.
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


def resolve_device(name: str = "auto") -> torch.device:
    """Turn a device setting into a torch device.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda"}
        "auto" is the GPU if there is one, else the CPU.

    Raises
    ------
    InvalidSettingError
        For a name that is none of these.
    DeviceError
        For "cuda" on a machine without a usable GPU.
    """
    if name not in DEVICES:
        raise InvalidSettingError(f"device={name!r} must be one of {', '.join(DEVICES)}")
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise DeviceError(
            "device='cuda' needs a GPU that torch can use, and none was found: "
            "use device='auto' or 'cpu' (`astfx doctor` shows what torch sees)"
        )
    return torch.device("cuda" if has_gpu and name != "cpu" else "cpu")


@contextmanager
def thread_count(threads: int | None) -> Iterator[int]:
    """Context manager: set torch's number of threads, and restore the caller's afterwards.

    Parameters
    ----------
    threads : int or None
        None is one thread per core, up to four. It is a single thread if spinning threads
        could stall a busy machine (see `astfx.runtime.threads`). A process that was forked after
        astfx was imported has a single thread in any case.

    Notes
    -----
    A thread of the program that uses torch for the first time meanwhile keeps this number.
    """
    before = torch.get_num_threads()
    chosen = (threads or default_threads()) if os.getpid() == _PROCESS else 1
    torch.set_num_threads(chosen)
    try:
        yield chosen
    finally:
        torch.set_num_threads(before)


def pool_on(device: torch.device) -> Pool:
    """Pool of as many threads as torch uses; of one if a GPU does the work."""
    return Pool(torch.get_num_threads() if device.type == "cpu" else 1)


def gpu_name() -> str | None:
    """Name of the GPU that "auto" would use, or None."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def synchronise(device: torch.device) -> None:
    """Wait until the device has finished, so that times measured next are correct."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
