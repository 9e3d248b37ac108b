import ast
import gzip
import os
import re
import runpy
import subprocess
import tomllib
from functools import cache
from inspect import cleandoc

import click
import pytest

import retention_engine
from doc_examples import ENVIRONMENT, PAGES, ROOT, document, page_name, run_page
from retention_engine import BUILT_IN, Profiled, encode
from retention_engine.cli import COMMANDS, main
from retention_engine.plugins.scaffold import Scaffold
from retention_engine.rules import PACKS

DOCS = ROOT / "docs"
SOURCES = sorted((ROOT / "src" / "retention_engine").rglob("*.py"))
READ_ONLY = {"text", "sh"}
"""Blocks that nothing here runs: shapes of text, and commands for a terminal, which `.ci/run` or `test_first_rule` runs."""

RUN_ELSEWHERE = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", DOCS / "first-rule.md")
"""Pages whose commands for a terminal are run: by `.ci/run`, or by `test_first_rule`; another page may repeat them."""

EXAMPLES = {"python", "console", "toml", "jsonl", "csv"}

NOT_HERE = "db.example.com"
"""In the address of a server that help texts speak of, and that there is none of."""

FENCE = re.compile(r"^ *(`{3,})([^\n`]*)\n(.*?)^ *\1 *$", re.MULTILINE | re.DOTALL)


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page, language):
    return [found[3] for found in FENCE.finditer(page.read_text(encoding="utf-8")) if found[2].strip() == language]


@cache
def generated():
    return runpy.run_path(str(DOCS / "generate.py"))["pages"]()


# Examples.


@pytest.mark.parametrize("page", [page for page in PAGES if any(document(page))], ids=page_name)
def test_every_example_on_a_page_does_what_the_page_says(page, tmp_path):
    run_page(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_block_of_code_is_an_example_or_plain_text(page):
    languages = [found[2].strip() for found in FENCE.finditer(page.read_text(encoding="utf-8"))]
    code = [language for language in languages if not language.startswith("{")]
    assert set(code) <= EXAMPLES | READ_ONLY
    starts = {example.document.text.rfind("```", 0, example.start + 1) for example in document(page)}
    assert len(starts) == sum(language in EXAMPLES for language in code)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_a_command_for_a_terminal_stands_where_it_is_run(page):
    known = [block for page in RUN_ELSEWHERE for block in blocks(page, "sh")]
    assert [block for block in blocks(page, "sh") if block not in known] == []


def commands_in_help():
    def walk(command, context):
        for paragraph in re.findall(r"Examples?:\n((?:  .*\n?)+)", cleandoc(command.help or "")):
            yield from (line.strip() for line in paragraph.splitlines())
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                yield from walk(command.get_command(context, name), context)

    return sorted(set(walk(main, click.Context(main))))


@pytest.fixture
def folder_of_a_reader(tmp_path):
    """A folder with the files and the logs that the help texts speak of."""
    acme = [
        Profiled(client="acme", at="2026-01-01", id="p1", tier="key", owner="jo"),
        retention_engine.Engaged(client="acme", at="2026-06-20", id="e1"),
        retention_engine.Complained(client="acme", at="2026-01-01", id="c1"),
    ]
    lines = b"".join(encode(event) + b"\n" for event in acme)
    for name in ("clients.jsonl", "backup.jsonl"):
        (tmp_path / name).write_bytes(lines)
    (tmp_path / "2026-06.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "tasks.csv").write_text("AccountId,Done\nacme,2026-06-21T10:00:00Z\n", encoding="utf-8")
    (tmp_path / "retention.toml").write_text(
        '[tiers.key.rules.quiet-client]\nevery = "2 weeks"\n'
        '[import.salesforce-task]\nclient = "AccountId"\nat = "Done"\nconstants = { kind = "engaged" }\n'
    )
    (tmp_path / "acme.test.toml").write_text(
        '[[test]]\nname = "An unpaid invoice is no contact"\nrule = "quiet-client"\n'
        'events = ["0d engaged", "9d engaged purpose=invoice"]\n[test.expect]\n"from 90d until 120d" = "watch"\n'
    )
    for name in ("clients.db", "copy.db"):
        with retention_engine.create_log(f"sqlite:///{tmp_path / name}") as log:
            log.record_many(acme)
    return tmp_path


@pytest.mark.parametrize("line", [line for line in commands_in_help() if NOT_HERE not in line])
def test_every_example_in_a_help_text_works(line, folder_of_a_reader):
    if "./acme.py" in line:
        Scaffold.named("acme/slow-payer").write(folder_of_a_reader)
    terminal, keyboard = os.openpty()
    os.write(terminal, b"y\n")
    done = subprocess.run(
        ["sh", "-c", line], cwd=folder_of_a_reader, stdin=keyboard, capture_output=True, env=ENVIRONMENT, check=False
    )
    os.close(keyboard)
    os.close(terminal)
    assert b"Error" not in done.stderr
    assert done.returncode == ("--fail-on" in line)


# Reference pages.


@pytest.mark.parametrize("name", sorted(generated()))
def test_a_generated_page_is_what_the_code_generates(name):
    assert text_of(f"docs/reference/{name}") == generated()[name], "run: python docs/generate.py"


def test_every_page_in_the_reference_folder_is_generated():
    assert {page.name for page in (DOCS / "reference").iterdir()} == set(generated())


def test_every_public_name_is_documented():
    documented = set(re.findall(r"^\.\. (?:auto\w+|py:data):: (\w+)", text_of("docs/api.md"), re.MULTILINE))
    assert documented - {"retention_engine"} == set(retention_engine.__all__)


@pytest.mark.parametrize("rule", BUILT_IN, ids=lambda rule: rule.name)
def test_every_rule_says_why_where_it_comes_from_and_what_each_setting_is(rule):
    assert rule.about.endswith(".")
    assert re.search(r"^Source: articles? 00\d", rule.rationale, re.MULTILINE)
    assert [name for name, setting in rule.settings.items() if not setting.about] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_on_the_page_of_the_command_line_with_an_example(name):
    page = text_of("docs/reference/cli.md")
    section = re.search(rf"^## retention {name}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section
    assert re.search(rf"^retention {name}", section[1].partition("Examples:")[2], re.MULTILINE)


@pytest.mark.parametrize("pack", PACKS)
def test_every_pack_is_explained(pack):
    assert f"`{pack}`" in text_of("docs/why.md")
    assert f"## {pack}\n" in text_of("docs/reference/packs.md")


def texts_in_the_source():
    """The texts written in the package's code, and those of them that are given as an error's code."""
    texts, codes = set(), set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"EventError", "InstantError"}:
                codes.update(code.value for code in node.args[:1] if isinstance(code, ast.Constant))
    return texts, codes


def test_every_code_of_a_bad_line_is_explained():
    tables = text_of("docs/log-format.md").split("| code |")[1:]
    explained = [re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE) for table in tables]
    texts, codes = texts_in_the_source()
    assert codes - set().union(*explained) == set()
    assert set().union(*explained) - texts == set()
    assert explained == [sorted(of_table) for of_table in explained]


# The project's own pages.


def test_the_changelog_starts_with_what_is_not_released_yet():
    headings = re.findall(r"^## (.*)$", text_of("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert re.search(r"^### Added\n\n- ", text_of("CHANGELOG.md"), re.MULTILINE)


def test_every_dependency_has_its_reason():
    project = tomllib.loads(text_of("pyproject.toml"))
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    named = {re.match(r"[\w-]+", requirement)[0] for requirement in wanted} - {"retention-engine"}
    assert {name for name in named if f"`{name}`" not in text_of("docs/dependencies.md")} == set()


def test_every_room_of_the_house_is_on_the_plan():
    plan = text_of("docs/architecture.md")
    modules = [source.relative_to(ROOT / "src" / "retention_engine") for source in SOURCES]
    rooms = {module.parts[0] + ("/" if len(module.parts) > 1 else "") for module in modules}
    assert {room for room in rooms if room not in plan} == set()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text_of(page))
    assert [link for link in links if not (ROOT / link).exists()] == []


# What runs on every change.


def test_the_readme_has_the_two_commands_that_ci_runs():
    first, second = blocks(ROOT / "README.md", "sh")
    assert "retention replay examples/cdnow/cdnow-sample.jsonl.gz --at 1997-10-01" in first
    assert 'pip install -e ".[test]"' in second
    assert second.strip().endswith("pytest")


def test_ci_knows_how_a_skipped_test_says_that_it_wants_the_shared_folder():
    reason = re.search(r'reason="(.*)"', text_of("tests/shared_folder.py"))[1]
    assert reason in text_of(".ci/run")
