"""Long tables are sorted and narrowed by the script of the page itself, without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ROWS = [("b", "−2.5"), ("a", "10"), ("c", "–"), *((f"d{k}", str(k)) for k in range(1, 10))]
PROBE = """
const rows = () => [...document.querySelectorAll("tbody tr")].filter(row => !row.hidden);
const shown = () => rows().map(row => row.cells[0].textContent).join(" ");
const heading = document.querySelectorAll("th")[1], seen = [shown()];
for (let click = 0; click < 3; click++) { heading.click(); seen.push(shown()); }
const filter = document.querySelector(".filter");
filter.value = "-2.5"; filter.dispatchEvent(new Event("input")); seen.push(shown());
document.title = seen.join("|");
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_a_long_table_is_sorted_by_its_headings_and_filtered_by_words(tmp_path: Path) -> None:
    script = (files("natriface.templates") / "report" / "tables.js").read_text()
    body = "".join(f"<tr><td>{name}</td><td class='n'>{value}</td></tr>" for name, value in ROWS)
    body = body.replace("</tr>", "</tr><tr class='because'><td>why b</td></tr>", 1)
    page = tmp_path / "page.html"
    page.write_text(
        "<!DOCTYPE html><meta charset='utf-8'><div class='wide'><table><thead><tr><th>of</th>"
        f"<th class='n'>value</th></tr></thead><tbody>{body}</tbody></table></div>"
        f"<script type='module'>{script}</script><script type='module'>{PROBE}</script>"
    )
    done = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
         f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search("<title>(.*)</title>", done.stdout)
    assert found is not None, done.stderr
    given, up, down, again, filtered = found[1].split("|")
    numbers = " ".join(f"d{k}" for k in range(1, 10))
    assert given == again == f"b why b a c {numbers}"
    assert up == f"b why b {numbers} a c"  # the sentence goes with its row, what lacks comes last
    assert down == f"a {' '.join(reversed(numbers.split()))} b why b c"
    assert filtered == "b why b"
