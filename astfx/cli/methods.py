"""Commands about methods: their weights, their training, their comparison."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from astfx.cli.setting_options import given_settings, takes_settings
from astfx.errors import CancelledError, InvalidSettingError

ProgressBar = Callable[[str], AbstractContextManager[Callable[[float], None]]]

_WEIGHTS_EXAMPLES = """
Examples:

  astfx weights add vgg19 vgg19-dcbb9e9d.pth

  astfx weights list
"""

_TRAIN_EXAMPLES = """
Examples:

  astfx train voice-cnn recordings/ -o speakers.safetensors

  astfx train audio-cnn UrbanSound8K/ -o sounds.safetensors --epochs 60

  astfx weights add voice-cnn speakers.safetensors

DATASET is a folder per class, UrbanSound8K, VCTK, or a folder of files named
DIGIT_SPEAKER_INDEX.wav (the Free Spoken Digit Dataset).
"""


_COMPARE_EXAMPLES = """
Examples:

  astfx compare voice.wav rain.wav -o comparison

  astfx compare voice.wav rain.wav -o comparison --methods gram,monge,texture --quality draft

  astfx compare voice.wav rain.wav -o documents --methods gram,ulyanov-2016,grinstein-2018
"""


_DISTILL_EXAMPLES = """
Examples:

  astfx distill rain

  astfx render voice.wav -s rain -o out.wav --method feed-forward

  astfx distill shower.wav -o shower.safetensors --sample-rate 48000

  astfx render voice.wav -s shower.safetensors -o out.wav --method feed-forward

A preset's network is kept with the user's presets, for one sample rate.
"""


def register(app: typer.Typer, progress_bar: ProgressBar) -> None:
    """Add the commands to the program."""
    weights_app = typer.Typer(
        help="The weights of networks: add published or trained ones, list them.",
        no_args_is_help=True,
        epilog=_WEIGHTS_EXAMPLES,
    )
    app.add_typer(weights_app, name="weights")

    @weights_app.command("add")
    def weights_add(
        name: Annotated[str, typer.Argument(help="vgg19, soundnet, audio-cnn or voice-cnn.")],
        file: Annotated[Path, typer.Argument(help="The published file, or one of `train`.")],
    ) -> None:
        """Check weights and keep them where the methods look."""
        from astfx.networks import weights

        target = weights.add(name, file)
        print(f"{target}: weights of {name}, {target.stat().st_size / 1e6:.1f} MB")

    @weights_app.command("list")
    def weights_list() -> None:
        """Say which weights each network runs on."""
        from astfx.networks import weights

        for name in weights.NAMES:
            path = weights.find(name)
            print(f"{name}: {path if path is not None else weights.describe(name)}")

    @app.command(epilog=_TRAIN_EXAMPLES)
    def train(
        network: Annotated[str, typer.Argument(help="audio-cnn or voice-cnn.")],
        dataset: Annotated[Path, typer.Argument(help="A folder of labelled clips.")],
        output: Annotated[Path, typer.Option("--output", "-o", help="A .safetensors file.")],
        epochs: Annotated[int, typer.Option(help="At most.")] = 40,
        patience: Annotated[
            int, typer.Option(help="Epochs without a gain before it stops early.")
        ] = 8,
        seconds: Annotated[
            float | None, typer.Option(help="Length of excerpts; default: 3, voices 1.05.")
        ] = None,
        learning_rate: Annotated[float, typer.Option(help="Of Adam, at first.")] = 0.003,
        decay: Annotated[float, typer.Option(help="Of the learning rate, each epoch.")] = 0.9,
        batch_size: Annotated[int, typer.Option(help="Excerpts in a step.")] = 32,
        sample_rate: Annotated[
            int | None, typer.Option(help="In Hz; default: 22050, voices that of most clips.")
        ] = None,
        held_out: Annotated[
            float, typer.Option(help="Share kept for the accuracy, unless the data says.")
        ] = 0.1,
        seed: Annotated[int, typer.Option(help="Of the split and the first weights.")] = 0,
        device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
        resume: Annotated[bool, typer.Option(help="Go on from the last whole epoch.")] = False,
        provenance: Annotated[
            str, typer.Option(help="Source and licence of the data, kept in the file.")
        ] = "",
        plot: Annotated[
            Path | None, typer.Option(metavar="PNG", help="Curves; default: OUTPUT with .png.")
        ] = None,
    ) -> None:
        """Train a classifier whose layers a method compares."""
        from astfx.cli.runs import PICTURES
        from astfx.networks.train import TrainSettings
        from astfx.networks.train import train as train_network
        from astfx.report.plots import draw_training

        picture = plot or output.with_suffix(".png")
        if picture.suffix.lower() not in PICTURES:
            raise InvalidSettingError(f"picture file '{picture}' must end in {', '.join(PICTURES)}")
        settings = TrainSettings(
            epochs=epochs,
            patience=patience,
            seconds=(1.05 if network == "voice-cnn" else 3.0) if seconds is None else seconds,
            learning_rate=learning_rate,
            decay=decay,
            batch_size=batch_size,
            sample_rate=sample_rate,
            held_out=held_out,
            seed=seed,
            device=device,
        )
        with progress_bar("training") as move:
            try:
                result = train_network(
                    network,
                    dataset,
                    output,
                    settings,
                    provenance=provenance,
                    resume=resume,
                    progress=move,
                )
            except KeyboardInterrupt:
                raise CancelledError(
                    "interrupted: --resume goes on after the last whole epoch"
                ) from None
        history = result.history
        draw_training(
            picture,
            history.train_loss,
            history.validation_loss,
            history.validation_accuracy,
            f"{network}: {100 * result.accuracy:.1f} % of held-out clips",
        )
        print(f"{output}: {result.summary()}\ncurves in {picture}")

    @app.command(epilog=_DISTILL_EXAMPLES)
    @takes_settings("options", "seed", "device")
    def distill(
        style: Annotated[str, typer.Argument(help="A preset, or the style's audio.")],
        output: Annotated[
            Path | None,
            typer.Option(
                "--output",
                "-o",
                help="A .safetensors file; a preset's network is kept with it by default.",
            ),
        ] = None,
        sample_rate: Annotated[int, typer.Option(help="Of the content it is for, in Hz.")] = 44100,
        steps: Annotated[int, typer.Option(help="Of training: more is nearer.")] = 1500,
        phrases: Annotated[int, typer.Option(help="Made-up phrases it learns from.")] = 250,
        **values: Any,
    ) -> None:
        """Train the feed-forward network of a style, minutes; renders are then one pass."""
        if output is not None and output.suffix != ".safetensors":
            raise InvalidSettingError(f"style file '{output}' must end in .safetensors")
        from astfx.api import prepare_style
        from astfx.plan import RenderPlan
        from astfx.presets import distilled, resolve
        from astfx.settings import make_settings

        preset = resolve(style)
        if preset is None and output is None:
            raise InvalidSettingError(
                f"the network of a sound needs a file: astfx distill {style} -o FILE.safetensors "
                "(that of a preset is kept with it)"
            )
        given = given_settings(values)
        given["options"] = {"steps": steps, "phrases": phrases, **(given["options"] or {})}
        settings = make_settings({}, method="feed-forward", **given)
        with progress_bar("distilling") as move:
            targets = prepare_style(preset or style, sample_rate, settings=settings, progress=move)
            if output is not None:
                targets.save(output)
        if output is None:
            assert preset is not None
            output = distilled.keep(preset, targets, RenderPlan.of(settings, sample_rate))
        size = output.stat().st_size / 1e6
        print(f"{output}: feed-forward network for {sample_rate} Hz, {size:.1f} MB")

    @app.command(epilog=_COMPARE_EXAMPLES)
    @takes_settings("quality", "seed", "device")
    def compare(
        content: Annotated[Path, typer.Argument(help="The sound that is played.")],
        style: Annotated[Path, typer.Argument(help="The sound it takes its texture from.")],
        output: Annotated[Path, typer.Option("--output", "-o", help="A folder.")],
        methods: Annotated[
            str | None,
            typer.Option(help="Names of methods or recipes, commas between; default: all methods."),
        ] = None,
        budget: Annotated[
            float, typer.Option(metavar="SECONDS", help="Each method stops refining after this.")
        ] = 60.0,
        **values: Any,
    ) -> None:
        """Render two clips by every method, and write one page to listen, look and compare."""
        from astfx.report.comparison import compare as compare_methods
        from astfx.settings import make_settings

        settings = make_settings({}, budget_seconds=budget, **given_settings(values))
        names = None if methods is None else [name.strip() for name in methods.split(",")]
        with progress_bar("comparing") as move:
            result = compare_methods(
                content, style, output, methods=names, settings=settings, progress=move
            )
        failed = [entry for entry in result.entries if entry.note.startswith("failed")]
        print(f"{result.page}: {len(result.entries) - 3} methods side by side")
        for entry in failed:
            print(f"{entry.name} {entry.note}")
