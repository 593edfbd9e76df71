"""Train the weights that come with astfx: `python -m benchmarks.train_weights [NETWORK ...]`.

`voice-cnn` learns the six speakers of the Free Spoken Digit Dataset (some ten minutes on
two cores), `audio-cnn` the synthesised sounds of the factory presets (the weights that come with
astfx learned the first forty of them). Writes the weights into the package, the curves and the
figures into docs/measured/methods.md.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from astfx.networks.train import TrainSettings, train
from astfx.networks.weight_files import read_tensors
from astfx.networks.weights import SHIPPED
from astfx.report.plots import draw_training
from benchmarks.common import MEASURED, SHARED, need_audio, table, write_section
from presets.synthesis import SOUNDS

RATE = 22050
TAKES = 8  # versions of each synthesised sound, with different seeds
PAGE = MEASURED / "methods.md"
SETTINGS = {
    "voice-cnn": TrainSettings(epochs=16, seconds=1.05, learning_rate=0.003, decay=0.85),
    "audio-cnn": TrainSettings(epochs=60, patience=15, learning_rate=0.002, decay=0.96),
}
PROVENANCE = {
    "voice-cnn": (
        "Free Spoken Digit Dataset (Z. Jackson et al.), CC BY-SA 4.0: six speakers, the data "
        "set's own test recordings held out"
    ),
    "audio-cnn": (
        "synthesised by presets/synthesis of this project (GPL-3.0-or-later): "
        f"{len(SOUNDS)} textures, {TAKES} takes each, whole takes held out"
    ),
}


def voices(folder: Path) -> None:
    need_audio()
    with tarfile.open(SHARED / "data" / "fsdd" / "recordings.tar") as archive:
        archive.extractall(folder, filter="data")


def textures(folder: Path) -> None:
    for number, (name, sound) in enumerate(SOUNDS.items()):
        (folder / name).mkdir()
        for take in range(TAKES):
            rng = np.random.default_rng([number, take])
            samples = sound.synthesise(rng, RATE)
            soundfile.write(folder / name / f"{take}.wav", samples, RATE, subtype="PCM_16")
        print(name, file=sys.stderr, flush=True)


def make(network: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (voices if network == "voice-cnn" else textures)(folder)
        SHIPPED.mkdir(exist_ok=True)
        result = train(
            network,
            folder,
            SHIPPED / f"{network}.safetensors",
            SETTINGS[network],
            provenance=PROVENANCE[network],
        )
    print(network, result.summary(), flush=True)
    history = result.history
    draw_training(
        MEASURED / f"{network}.png",
        history.train_loss,
        history.validation_loss,
        history.validation_accuracy,
        f"{network}: {100 * result.accuracy:.1f} % of held-out clips",
    )


def describe() -> None:
    rows = []
    for network in SETTINGS:
        path = SHIPPED / f"{network}.safetensors"
        about = json.loads(read_tensors(path)[1]["astfx-network"])
        trained, validated, tested = about["clips"]
        rows.append(
            [
                f"`{network}`",
                len(about["settings"]["classes"]),
                f"{trained} / {validated} / {tested}",
                about["epochs"],
                f"{100 * about['held_out_accuracy']:.1f} %",
                f"{path.stat().st_size / 1e3:.0f} kB",
                about["provenance"],
            ]
        )
    header = ["network", "classes", "clips: trained on / stopped by / held out", "epochs"]
    header += ["held-out accuracy", "size", "data"]
    write_section(PAGE, "weights", table(header, rows))


if __name__ == "__main__":
    for name in sys.argv[1:] or SETTINGS:
        make(name)
    describe()
