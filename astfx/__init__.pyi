"""The public names and their homes; `lazy_loader` reads them from here."""

from . import metrics as metrics
from . import presets as presets
from .api import prepare_style as prepare_style
from .api import transfer as transfer
from .api import transfer_file as transfer_file
from .effect.automation import Automation as Automation
from .effect.containers import Chain as Chain
from .effect.containers import Mix as Mix
from .effect.containers import Pedalboard as Pedalboard
from .effect.containers import process as process
from .effect.files import render_file as render_file
from .effect.process_stream import StreamReport as StreamReport
from .effect.process_stream import process_stream as process_stream
from .effect.style_transfer import StyleTransfer as StyleTransfer
from .engine.render import Report as Report
from .errors import AstfxError as AstfxError
from .errors import CancelledError as CancelledError
from .presets.preset import Preset as Preset
from .runtime.versions import __version__ as __version__
from .settings import Settings as Settings
from .styles.targets import StyleTargets as StyleTargets
