"""Pages: links lead somewhere, decisions keep their form, no page names a machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changes/*.md")])
DECISIONS = sorted(ROOT.glob("docs/decisions/[0-9]*.md"))
TEXTS = sorted(
    path
    for folder in ("src", "docs", "changes")
    for path in (ROOT / folder).rglob("*")
    if path.suffix
    in {".py", ".sql", ".md", ".toml", ".html", ".jinja", ".j2", ".txt", ".js", ".css"}
) + sorted(ROOT.glob("*.md"))

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]*)\)")
MACHINE_PATH = re.compile(r"(?<![\w.\-/])/(?:tmp|root|home|work|opt|mnt)(?:/|\b)(?![-\w]*\s*[:=])")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|file:///", re.IGNORECASE)
OUR_WORK = re.compile(r"\bissue #?\d+\b|\bsession \d+\b|\bsub-?agents?\b", re.IGNORECASE)


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_lead_somewhere(page):
    targets = LINK.findall(without_code(page.read_text(encoding="utf-8")))
    near = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in near if not leads_somewhere(page, target)] == []


def leads_somewhere(page: Path, target: str) -> bool:
    place, _, anchor = target.partition("#")
    path = (page.parent / place).resolve() if place else page
    if not target or not path.exists():
        return False
    return not anchor or path.suffix != ".md" or anchor in anchors(path)


@pytest.mark.parametrize("path", DECISIONS, ids=names(DECISIONS))
def test_a_decision_keeps_its_form(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    number = int(path.name[:4])
    assert len(lines) <= 60
    assert lines[0].startswith(f"# {number}. ")
    for part in ("Status:", "Context:", "Decision:", "Consequences:", "Considered:"):
        assert any(line.startswith(part) for line in lines), f"no line begins with {part}"


def test_decisions_are_numbered_once():
    numbers = [path.name[:4] for path in DECISIONS]
    assert sorted(set(numbers)) == numbers


def test_the_list_of_decisions_is_up_to_date(golden):
    page = ROOT / "docs/decisions/README.md"
    above = page.read_text(encoding="utf-8").partition("| number |")[0]
    heads = [path.read_text(encoding="utf-8").splitlines()[0] for path in DECISIONS]
    rows = [
        f"| [{int(path.name[:4])}]({path.name}) | {head.partition('. ')[2]} |"
        for path, head in zip(DECISIONS, heads, strict=True)
    ]
    golden(page, above + "\n".join(["| number | decision |", "|---|---|", *rows, ""]))


@pytest.mark.parametrize("path", TEXTS, ids=names(TEXTS))
def test_no_text_names_a_machine_or_a_registry(path):
    text = path.read_text(encoding="utf-8")
    assert MACHINE_PATH.findall(text) == []
    assert REGISTRY.findall(text) == []
    assert OUR_WORK.findall(text) == []


@pytest.mark.parametrize("path", PAGES, ids=names(PAGES))
def test_prose_does_not_oversell(path):
    text = without_code(path.read_text(encoding="utf-8")).lower()
    assert re.findall(r"\b(?:simply|just|obviously|powerful|blazing|seamless)\b", text) == []


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(ROOT.glob("changes/*.md")) if p.name != "README.md"] or [None],
    ids=lambda path: path.name if path else "none yet",
)
def test_a_change_note_is_named_by_its_kind(path):
    if path is None:
        pytest.skip("no notes since the last release")
    assert re.fullmatch(r"\d+\.(added|changed|fixed|removed|security)\.md", path.name)
