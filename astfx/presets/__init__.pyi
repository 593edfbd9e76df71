"""Public names and the modules that define them, which `lazy_loader` reads from here."""

from .folders import factory_folder as factory_folder
from .folders import names as names
from .folders import paths as paths
from .folders import user_folder as user_folder
from .library import find as find
from .library import keep as keep
from .library import remove as remove
from .library import rename as rename
from .library import resolve as resolve
from .preset import Preset as Preset
