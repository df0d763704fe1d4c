"""The documents: every link in them leads somewhere, and none of them names what is not on a user's machine."""

import re

import pytest

from tests.support.databases import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document):
    text = document.read_text()
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    gone = [link for link in links if not link.startswith("http") and not (document.parent / link).exists()]
    assert gone == []


def test_there_are_documents():
    assert {"README.md", "ledger.md", "stripe.md", "operate.md", "benchmarks.md"} <= {path.name for path in DOCUMENTS}
