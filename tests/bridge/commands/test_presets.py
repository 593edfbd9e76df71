from __future__ import annotations

from pathlib import Path

import pytest

from tests.bridge.offline import ask, make_services, refusal


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
