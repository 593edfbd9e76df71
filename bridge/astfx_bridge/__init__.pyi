"""The public names and their homes; `lazy_loader` reads them from here."""

from .client import Client as Client
from .server import Bridge as Bridge
from .settings import Limits as Limits
from .settings import ServerSettings as ServerSettings
