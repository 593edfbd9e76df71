from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import astfx
from tests.bridge.offline import ask, make_services, refusal
from tests.bridge.serving import Server, eventually, make_sounds, until


@pytest.mark.parametrize(
    ("address", "values", "message"),
    [
        ("/astfx/preset", ("nobody",), "there is no preset 'nobody': /astfx/presets lists them"),
        (
            "/astfx/preset/blend",
            (1, "new", "nobody", 1.0),
            "there is no preset 'nobody': /astfx/presets lists them",
        ),
        (
            "/astfx/preset/blend",
            (1, "new", "rain", 2),
            "the weight of 'rain' is 2: it must lie between 0 and 1",
        ),
        (
            "/astfx/preset/blend",
            (1, "new", "rain", "much"),
            "the weight of 'rain' is 'much': it must lie between 0 and 1",
        ),
        ("/astfx/preset/blend", (1, "new"), "a blend needs presets with weights above 0"),
        ("/astfx/preset/blend", (1, "new", "rain", 0), "a blend needs presets with weights above"),
        (
            "/astfx/presets",
            (5000,),
            "first=5000 must be at most 60, the number of presets",
        ),
        ("/astfx/preset/make", (1, "new", "gone.wav"), "sound 'gone.wav' does not exist"),
        ("/astfx/preset/make", (1, "New", "gone.wav"), "preset name 'New' must be 1 to 64 lower"),
    ],
)
def test_a_preset_command_that_cannot_be_met_is_refused(
    tmp_path: Path, address: str, values: tuple[str | int | float, ...], message: str
) -> None:
    assert refusal(make_services(tmp_path), address, *values).startswith(message)


def test_many_presets_come_in_pages(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    names = [f"made-{number:03}" for number in range(300)]
    for name in names:
        (services.jobs.presets / f"{name}.astfx").touch()
    first, second, end = (ask(services, "/astfx/presets", n)[0].values for n in (0, 200, 360))
    assert first[:2] == (360, 0)
    assert list(first[2:]) == names[:200]
    assert second[:2] == (360, 200)
    assert list(second[2:102]) == names[200:]
    assert end == (360, 360)
    assert ask(services, "/astfx/presets")[0].values == first


def test_a_preset_that_is_in_use_or_comes_with_astfx_is_kept(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    (services.jobs.presets / "mine.astfx").touch()
    assert refusal(services, "/astfx/preset/delete", "nobody").startswith("there is no preset")
    for address, more in (("/astfx/preset/delete", ()), ("/astfx/preset/rename", ("other",))):
        first = (1,) if more else ()
        assert refusal(services, address, *first, "rain", *more) == (
            "preset 'rain' comes with astfx: only presets made here can change"
        )
    assert refusal(services, "/astfx/preset/rename", 1, "mine", "rain") == (
        "there is a preset 'rain' already: choose another name"
    )
    uses: tuple[tuple[Any, ...], ...] = (
        ("/astfx/render", 1, "content.wav", "o.wav", "style", "mine"),
        ("/astfx/preset/blend", 2, "ours", "mine", 0.5),
        ("/astfx/preset/rename", 3, "mine", "other"),
    )
    for number, use in enumerate(uses, 1):
        assert ask(services, use[0], *use[1:])[0].address == "/astfx/queued"
        assert refusal(services, "/astfx/preset/delete", "mine") == (
            f"preset 'mine' is used by job {number}, which has not ended"
        )
        ask(services, "/astfx/cancel", number)
    assert ask(services, "/astfx/preset/delete", "mine")[0].values == ("mine",)
    assert not (services.jobs.presets / "mine.astfx").exists()


def test_presets_travel_and_get_other_names(start: Callable[..., Server]) -> None:
    server = start()
    presets = server.state / "presets"
    with server.client() as client:
        client.send("/astfx/preset/fetch", 1, "rain")
        data = until(client, "/astfx/done").values[2]
        assert isinstance(data, bytes)
        client.send("/astfx/preset/put", 2, "my-rain", data)
        until(client, "/astfx/done")
        client.send("/astfx/preset/rename", 3, "my-rain", "our-rain")
        until(client, "/astfx/done")
        eventually(lambda: [path.name for path in presets.iterdir()] == ["our-rain.astfx"])
        assert astfx.Preset.load(presets / "our-rain.astfx").name == "our-rain"
        client.render("content.wav", "o.wav", style="our-rain", quality="draft", iterations=1)
        client.send("/astfx/preset/put", 4, "bad", data[:-1])
        message = str(until(client, "/astfx/fail").values[2])
        assert message.startswith("preset file ")
        client.ask("/astfx/preset/delete", "our-rain")
        assert list(presets.iterdir()) == []
        # As a blob, a render in a kept style needs no path of the server's.
        client.ask("/astfx/style/put", "noise", (server.root / "style.wav").read_bytes())
        clip = (server.root / "content.wav").read_bytes()
        assert client.render_blob(clip, style="noise", quality="draft").output[:4] == b"RIFF"

    def held() -> list[str]:
        return sorted(path.suffix for path in (server.state / "blobs").iterdir())

    eventually(lambda: held() == [".astfx", ".wav"])  # the results, and nothing that was sent
