"""A settings file read together with the plug-ins that it uses: what it says of their rules is checked, too."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ..declare import Rule
from ..errors import SettingsError
from ..settings import Settings, read_toml
from ..settings_tables import ALL_OF_A_PLUGIN, PluginChoice, read_plugin_choice
from .finding import Plugin, find_plugins, merged, name_of
from .loading import Plugins, load_found, stand_in


def configure(
    settings: Path | Mapping[str, Any] | None = None,
    *,
    plugins: Iterable[str] = (),
    rules: Iterable[Rule] = (),
    base: Path | None = None,
    named_by: str = "plugins",
) -> tuple[Settings, Plugins]:
    """The settings, and the plug-ins that they and the caller name.

    Args:
        settings: a settings file, or its tables; files of plug-ins are named from the file's folder.
        plugins: further plug-ins, as `load_plugins` takes them.
        rules: further rules, which the settings may name.
        base: the folder from which files among the further plug-ins are named; else the current one.
        named_by: what the caller calls the further plug-ins, for messages.

    Raises:
        SettingsError: the settings hold mistakes, or a plug-in can't be found; all of that is listed.
    """
    here = base or Path()
    table, folder, source = _read(settings, here)
    of_settings = table.get("plugins", {})
    choice, _ = read_plugin_choice(of_settings if isinstance(of_settings, Mapping) else {})
    found, problems = _find(choice, folder, plugins, here, (f"{source}: plugins.use", named_by))
    loaded = load_found(found, time_budget=choice.time_budget)
    specs = [*choice.use, *plugins] if problems else []
    unchecked = [stand_in(name_of(spec) + ALL_OF_A_PLUGIN, spec, "not found") for spec in specs]
    try:
        read = Settings.from_table(table, [*loaded.catalogue, *rules, *unchecked], kinds=loaded.kinds, source=source)
    except SettingsError as error:
        raise SettingsError([*problems, *error.problems]) from None
    if problems:
        raise SettingsError(problems)
    return attrs.evolve(read, plugins=attrs.evolve(read.plugins, folder=folder)), loaded


def load_chosen(choice: PluginChoice, plugins: Iterable[str] = ()) -> Plugins:
    """The plug-ins that settings use, files being named from where the settings were read, and further ones.

    Raises:
        SettingsError: a word names no plug-in; `problems` lists all such.
    """
    found, problems = _find(choice, choice.folder or Path(), plugins, Path(), ("plugins.use", "plugins"))
    if problems:
        raise SettingsError(problems)
    return load_found(found, time_budget=choice.time_budget)


def _find(
    choice: PluginChoice, folder: Path, further: Iterable[str], here: Path, named_by: tuple[str, str]
) -> tuple[list[Plugin], list[str]]:
    """The plug-ins that settings and their reader name, and the words of both that name none."""
    used, problems = find_plugins(choice.use, base=folder)
    more, unknown = find_plugins(further, base=here)
    said = [f"{by}: {problem}" for by, found in zip(named_by, (problems, unknown), strict=True) for problem in found]
    return merged([*used, *more]), said


def _read(settings: Path | Mapping[str, Any] | None, here: Path) -> tuple[Mapping[str, Any], Path, str]:
    """The tables, the folder from which they name files, and where they come from."""
    if isinstance(settings, Path):
        return read_toml(settings), settings.parent, str(settings)
    return settings or {}, here, "settings"
