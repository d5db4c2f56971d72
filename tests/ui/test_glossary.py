"""The glossary: every term has its one sentence, is found, and is what the pages' headings refer to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nnviz.ui.glossary import GLOSSARY, meaning
from tests.pages import open_page, rerun, words

PROJECT = Path(__file__).parents[2]
TERMS = [term for terms in GLOSSARY.values() for term in terms]


@pytest.mark.parametrize("term", TERMS)
def test_a_term_has_one_sentence(term: str) -> None:
    assert TERMS.count(term) == 1
    assert term[0].isupper()
    sentence = meaning(term)
    assert sentence.endswith(".")
    assert not re.search(r"[.!?] [A-Z]", sentence)
    assert len(sentence) < 160


def test_every_heading_has_its_term() -> None:
    calls = [
        call
        for path in (PROJECT / "nnviz" / "ui").rglob("*.py")
        for call in re.findall(r'(?<!def )\bheading\("([^"]+)"(?:, "([^"]+)")?', path.read_text(encoding="utf-8"))
    ]
    assert len(calls) > 5
    assert {term or title for title, term in calls} <= set(TERMS)


def test_the_page_lists_them_and_finds(app_runs: Path) -> None:
    at = open_page("pages/7_Glossary.py")
    assert all(term in words(at) for term in TERMS)
    at.text_input(key="glossary-find").set_value("momentum")
    shown = words(rerun(at))
    assert "Momentum" in shown
    assert "Softmax" not in shown
    at.text_input(key="glossary-find").set_value("qqq")
    assert "No term has these letters" in words(rerun(at), "info")
