"""The commands `weights`, `train`, `distill` and `compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from astfx.cli.session import Session, in_session
from astfx.cli.setting_options import given_settings, takes_settings
from astfx.errors import AstfxError, CancelledError, InvalidSettingError

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

DATASET is a folder with a folder for each class, UrbanSound8K, VCTK, or a folder
of files named DIGIT_SPEAKER_INDEX.wav (the Free Spoken Digit Dataset).
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

The network of a preset is saved with your own presets, for one sample rate.
"""


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    weights_app = typer.Typer(
        help="Add published or trained weights of networks, and list them.",
        no_args_is_help=True,
        epilog=_WEIGHTS_EXAMPLES,
    )
    app.add_typer(weights_app, name="weights")

    @weights_app.command("add")
    def weights_add(
        name: Annotated[str, typer.Argument(help="vgg19, soundnet, audio-cnn or voice-cnn.")],
        file: Annotated[
            Path, typer.Argument(help="The published file, or one that `astfx train` wrote.")
        ],
    ) -> None:
        """Check a file of weights, and save it where the methods find it."""
        from astfx.networks import weights

        target = weights.add(name, file)
        size = target.stat().st_size / 1e6
        print(
            f"{target}: weights of {name}, {size:.1f} MB, for "
            f"`astfx render FILE --style SOUND -o OUT --method {name}`"
        )

    @weights_app.command("list")
    def weights_list(
        as_json: Annotated[
            bool, typer.Option("--json", help="Print JSON instead of lines.")
        ] = False,
    ) -> None:
        """Show which weights each network uses."""
        from astfx.networks import weights

        if as_json:
            found = {name: weights.find(name) for name in weights.NAMES}
            print(
                json.dumps({k: None if v is None else str(v) for k, v in found.items()}, indent=2)
            )
            return
        for name in weights.NAMES:
            path = weights.find(name)
            print(f"{name}: {path}" if path is not None else weights.describe(name))
        print("Next: astfx weights add NETWORK FILE, or astfx train, which makes such a file")

    @app.command(epilog=_TRAIN_EXAMPLES)
    @in_session
    def train(
        network: Annotated[str, typer.Argument(help="audio-cnn or voice-cnn.")],
        dataset: Annotated[Path, typer.Argument(help="A folder of labelled clips.")],
        output: Annotated[
            Path, typer.Option("--output", "-o", help="The .safetensors file to write.")
        ],
        epochs: Annotated[int, typer.Option(help="Largest number of epochs.")] = 40,
        patience: Annotated[
            int, typer.Option(help="Stop early after so many epochs without improvement.")
        ] = 8,
        seconds: Annotated[
            float | None,
            typer.Option(help="Length of excerpts; default: 3, or 1.05 for voice-cnn."),
        ] = None,
        learning_rate: Annotated[
            float, typer.Option(help="Learning rate of Adam in the first epoch.")
        ] = 0.003,
        decay: Annotated[
            float, typer.Option(help="Factor on the learning rate after each epoch.")
        ] = 0.9,
        batch_size: Annotated[int, typer.Option(help="Excerpts in a training step.")] = 32,
        sample_rate: Annotated[
            int | None,
            typer.Option(help="In Hz; default: 22050, or that of most clips for voice-cnn."),
        ] = None,
        held_out: Annotated[
            float,
            typer.Option(help="Share held out to measure accuracy, unless DATASET has a split."),
        ] = 0.1,
        seed: Annotated[
            int, typer.Option(help="Seed of the split and of the initial weights.")
        ] = 0,
        device: Annotated[str, typer.Option(help="Where to compute: auto, cpu or cuda.")] = "auto",
        resume: Annotated[
            bool, typer.Option(help="Continue after the last complete epoch.")
        ] = False,
        provenance: Annotated[
            str, typer.Option(help="Source and licence of the data, stored in the file.")
        ] = "",
        plot: Annotated[
            Path | None,
            typer.Option(metavar="PNG", help="Picture of the curves; default: OUTPUT with .png."),
        ] = None,
        *,
        session: Session,
    ) -> None:
        """Train a classifier whose layers a style transfer method compares."""
        from astfx.cli.runs import check_side_files
        from astfx.networks.train import TrainSettings
        from astfx.networks.train import train as train_network
        from astfx.report.plots import draw_training
        from astfx.runtime.extras import is_installed

        picture = plot or output.with_suffix(".png")
        check_side_files({"weights": str(output)}, plot=plot)
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
        with session.progress("training") as move:
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
                    "interrupted: --resume continues after the last complete epoch"
                ) from None
        session.say(f"{output}: {result.summary()}")
        if is_installed("matplotlib"):
            history = result.history
            draw_training(
                picture,
                history.train_loss,
                history.validation_loss,
                history.validation_accuracy,
                f"{network}: {100 * result.accuracy:.1f} % of held-out clips",
            )
            session.say(f"curves in {picture}")
        session.say(f"Next: astfx weights add {network} {output}")

    @app.command(epilog=_DISTILL_EXAMPLES)
    @in_session
    @takes_settings("options", "seed", "device")
    def distill(
        style: Annotated[str, typer.Argument(help="The sound to imitate: a preset or audio file.")],
        output: Annotated[
            Path | None,
            typer.Option(
                "--output",
                "-o",
                help="The .safetensors file to write; not needed for a preset.",
            ),
        ] = None,
        sample_rate: Annotated[
            int, typer.Option(help="Sample rate of the content to render later, in Hz.")
        ] = 44100,
        steps: Annotated[
            int, typer.Option(help="Training steps; more come nearer to the style.")
        ] = 1500,
        phrases: Annotated[int, typer.Option(help="Synthetic phrases to learn from.")] = 250,
        *,
        session: Session,
        **values: Any,
    ) -> None:
        """Train a feed-forward network for a style, in minutes. A render is then one pass."""
        if output is not None and output.suffix != ".safetensors":
            raise InvalidSettingError(f"style file '{output}' must end in .safetensors")
        from astfx.api import prepare_style
        from astfx.plan import RenderPlan
        from astfx.presets import distilled, resolve
        from astfx.settings import make_settings

        preset = resolve(style)
        if preset is None and output is None:
            raise InvalidSettingError(
                f"the network of an audio file needs an output: astfx distill {style} -o "
                "FILE.safetensors (only that of a preset is saved with the presets)"
            )
        if output is not None:
            session.will_write(output)
        given = given_settings(values)
        given["options"] = {"steps": steps, "phrases": phrases, **(given["options"] or {})}
        settings = make_settings({}, method="feed-forward", **given)
        with session.progress("distilling") as move:
            targets = prepare_style(preset or style, sample_rate, settings=settings, progress=move)
            if output is not None:
                targets.save(output)
        if output is None:
            assert preset is not None
            output = distilled.keep(preset, targets, RenderPlan.of(settings, sample_rate))
        size = output.stat().st_size / 1e6
        used = output if preset is None else style
        session.say(
            f"{output}: feed-forward network for {sample_rate} Hz, {size:.1f} MB, for "
            f"`astfx render FILE --style {used} -o OUT --method feed-forward`"
        )

    @app.command(epilog=_COMPARE_EXAMPLES)
    @in_session
    @takes_settings("quality", "seed", "device")
    def compare(
        content: Annotated[Path, typer.Argument(help="The audio file to transform.")],
        style: Annotated[Path, typer.Argument(help="The audio file to imitate.")],
        output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
        methods: Annotated[
            str | None,
            typer.Option(help="Methods or recipes, separated by commas; default: all methods."),
        ] = None,
        budget: Annotated[
            float,
            typer.Option(
                metavar="SECONDS",
                help="Time after which each method stops refining, or training its network.",
            ),
        ] = 60.0,
        *,
        session: Session,
        **values: Any,
    ) -> None:
        """Render two clips by every method, and write an HTML page that compares the results."""
        from astfx.report.comparison import compare as compare_methods
        from astfx.report.comparison import expected_files
        from astfx.settings import make_settings

        settings = make_settings({}, budget_seconds=budget, **given_settings(values))
        names = None if methods is None else [name.strip() for name in methods.split(",")]
        session.will_write(*expected_files(output, names))
        with session.progress("comparing") as move:
            result = compare_methods(
                content, style, output, methods=names, settings=settings, progress=move
            )
        entries = [entry for entry in result.entries if not entry.is_anchor]
        failed = [entry for entry in entries if entry.failed]
        for entry in failed:
            session.say(f"{entry.name} {entry.note}")
        if len(failed) == len(entries):
            raise AstfxError(f"no method could render these clips: {failed[0].note}")
        rendered = len(entries) - len(failed)
        early = [entry.name for entry in entries if entry.stopped_early]
        if early:
            session.say(
                f"The time budget of {settings.budget_seconds:g} s ended the search of "
                f"{', '.join(early)} early: a larger --budget may come nearer to the style."
            )
        shown = f"{rendered} method{'s' if rendered != 1 else ''} side by side"
        session.say(f"{result.page}: {shown}, to open in a browser")
