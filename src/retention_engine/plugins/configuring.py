"""A settings file read together with the plug-ins that it uses: what it says of their rules is checked, too."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..declare import Rule
from ..errors import SettingsError
from ..settings import Settings, read_toml
from ..settings_tables import ALL_OF_A_PLUGIN, read_plugin_choice
from .finding import find_plugins, merged, name_of
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
    used, problems = find_plugins(choice.use, base=folder)
    problems = [f"{source}: plugins.use: {problem}" for problem in problems]
    further, unknown = find_plugins(plugins, base=here)
    loaded = load_found(merged([*used, *further]), time_budget=choice.time_budget)
    problems += [f"{named_by}: {problem}" for problem in unknown]
    specs = [*choice.use, *plugins] if problems else []
    unchecked = [stand_in(name_of(spec) + ALL_OF_A_PLUGIN, spec, "not found") for spec in specs]
    try:
        read = Settings.from_table(table, [*loaded.catalogue, *rules, *unchecked], source=source)
    except SettingsError as error:
        raise SettingsError([*problems, *error.problems]) from None
    if problems:
        raise SettingsError(problems)
    return read, loaded


def _read(settings: Path | Mapping[str, Any] | None, here: Path) -> tuple[Mapping[str, Any], Path, str]:
    """The tables, the folder from which they name files, and where they come from."""
    if isinstance(settings, Path):
        return read_toml(settings), settings.parent, str(settings)
    return settings or {}, here, "settings"
