"""What the documents say is shown by a test is shown by one that there is."""

from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("docs/faults.md", "docs/security.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_test_that_a_document_names_is_there(document: str) -> None:
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", (ROOT / document).read_text(encoding="utf-8"))
    assert len(named) > 20
    for path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), (path, test)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_readme_leads_to_every_document(document: str) -> None:
    assert f"]({document})" in (ROOT / "README.md").read_text(encoding="utf-8")
