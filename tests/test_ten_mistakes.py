"""A settings file with ten mistakes of ten sorts: one run tells all of them, each with its path."""

import pytest

from command import AT, retention
from distributions import install_acme_rules, python_path

RULES = '''
from datetime import timedelta
from retention_engine import Client, Findings, days, rule

@rule
def slow_payer(client: Client, *, grace: timedelta = days(14)) -> Findings:
    """An invoice is unpaid."""
    yield from ()
'''

SETTINGS = """
[plugins]
use = ["acmee", "./missing.py", "./own.py"]
time_budget = 2

[packs]
essential = true

[rules."own/slow-payer"]
grce = "30 days"

[rules.quite-client]
every = "30 days"

[tiers.key.rules.quiet-client]
every = "1 fortnight"

[worklist]
budget = -1

[score]
watch = 50

[import.crm]
client = "AccountId"
at = "Done"
constants = { kind = "engagd" }
"""

MISTAKES = {
    "plugins.use: 'acmee': no plug-in of this name is installed; did you mean 'acme'?": ('"acmee", ', ""),
    "plugins.use: './missing.py': there is no file ": ('"./missing.py", ', ""),
    "plugins.time_budget: expected a duration such as '30 days', got 2": ("time_budget = 2\n", ""),
    "packs.essential: no such pack; did you mean 'essentials'?": ("essential =", "essentials ="),
    "rules.own/slow-payer.grce: no such setting; did you mean 'grace'?": ("grce", "grace"),
    "rules.quite-client: no such rule; did you mean 'quiet-client'?": ("rules.quite-client", "rules.quiet-client"),
    "tiers.key.rules.quiet-client.every: '1 fortnight' is not a duration": ("1 fortnight", "2 weeks"),
    "worklist.budget: expected a whole number": ("budget = -1", "budget = 1"),
    "score.at-risk: 35 is less than the 50 of watch": ("watch = 50", "watch = 20"),
    "import.crm.constants.kind: nobody registered the kind 'engagd'; did you mean 'engaged'?": ("engagd", "engaged"),
}
"""What each message begins with, and how its mistake is mended."""


@pytest.fixture
def replayed(tmp_path):
    """The outcome of a replay with these settings, where acme-rules is installed."""
    path = python_path(*install_acme_rules(tmp_path / "site"))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "own.py").write_text(RULES, encoding="utf-8")
    (folder / "log.jsonl").write_text('{"client": "fern", "kind": "engaged", "at": "2026-06-01"}\n', encoding="utf-8")

    def replay(settings):
        (folder / "wrong.toml").write_text(settings, encoding="utf-8")
        return retention("replay", "log.jsonl", "--settings", "wrong.toml", *AT, cwd=folder, env=path)

    return replay


def messages(ran):
    """The lines on standard error, each for the mistake that it begins with."""
    lines = ran.err.removeprefix("Error: ").splitlines()
    assert all(line.startswith("wrong.toml: ") for line in lines)
    told = [line.removeprefix("wrong.toml: ") for line in lines]
    found = [next((mistake for mistake in MISTAKES if line.startswith(mistake)), line) for line in told]
    assert len(set(found)) == len(found)
    return set(found)


def test_ten_mistakes_give_ten_messages_with_their_paths_in_one_run(replayed):
    ran = replayed(SETTINGS)
    assert (ran.code, ran.out) == (2, b"")
    assert len(MISTAKES) == 10
    assert messages(ran) == MISTAKES.keys()


@pytest.mark.parametrize("mended", MISTAKES)
def test_what_is_mended_leaves_the_other_nine(mended, replayed):
    ran = replayed(SETTINGS.replace(*MISTAKES[mended]))
    assert ran.code == 2
    assert messages(ran) == MISTAKES.keys() - {mended}


def test_without_mistakes_it_is_replayed(replayed):
    settings = SETTINGS
    for wrong, right in MISTAKES.values():
        settings = settings.replace(wrong, right)
    ran = replayed(settings)
    assert (ran.code, ran.err) == (0, "")
    assert ran.text.startswith("1 client as of 2026-06-30: ")
