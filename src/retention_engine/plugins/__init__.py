"""Rules, kinds of event and packs that others bring: found, loaded and kept from harming what is not theirs."""

from .configuring import configure, load_chosen
from .loading import NO_PLUGINS, PluginFailure, Plugins, load_plugins

__all__ = ["NO_PLUGINS", "PluginFailure", "Plugins", "configure", "load_chosen", "load_plugins"]
