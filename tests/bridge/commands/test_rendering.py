from __future__ import annotations

from pathlib import Path

from tests.bridge.offline import ask, make_services, refusal
from tests.bridge.serving import make_sounds

STYLE = ("style", "style.wav")


def test_a_stem_folder_is_not_rendered_into_itself(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    (tmp_path / "root" / "stems").mkdir()
    message = refusal(services, "/astfx/stem", 1, "stems", "./stems", *STYLE)
    assert message == "output 'stems' is the folder itself: name another"


def test_a_stem_folder_with_more_sounds_than_the_queue_holds_is_refused(tmp_path: Path) -> None:
    services = make_services(tmp_path, queue_jobs=2)
    (tmp_path / "root" / "stems").mkdir()
    for name in ("a.wav", "b.flac", "c.aif", "notes.txt"):
        (tmp_path / "root" / "stems" / name).write_bytes(b"")
    message = refusal(services, "/astfx/stem", 1, "stems", "out", *STYLE)
    assert message == "folder 'stems' contains 3 sounds, at most 2 jobs may wait"
    assert not (tmp_path / "root" / "out").exists()


def test_a_chosen_id_has_six_digits_and_is_not_in_use(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    (first,) = ask(services, "/astfx/render", 100_002, "content.wav", "1.wav", *STYLE)
    (chosen,) = ask(services, "/astfx/render", 0, "content.wav", "2.wav", *STYLE)
    assert (first.values, chosen.values) == ((100_002,), (100_003,))


def test_a_job_keeps_the_servers_parameters_that_it_does_not_bring(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    services.parameters.set("strength", 0.25)
    ask(services, "/astfx/render", 1, "content.wav", "1.wav", *STYLE, "mix", 1)
    services.parameters.set("strength", 0.75)
    settings = services.jobs.find(1).spec["settings"]
    assert settings["strength"] == 0.25
    assert settings["mix"] == 1.0
