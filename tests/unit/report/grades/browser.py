"""Pages as Chromium shows them: what it measures, and what it says of errors."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_PLAIN = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--enable-logging=stderr",
    "--v=0",
)
_LONGEST_S = 60

# A page around the one that is looked at, which so needs nothing in it for tests.
_AROUND = """<!DOCTYPE html><meta charset="utf-8"><title>around</title>
<iframe id="page" width="{width}" height="800" style="border: 0" src="{page}"></iframe>
<pre id="found"></pre>
<script>
onload = async () => {{
  const frame = document.getElementById("page");
  const page = frame.contentDocument, view = frame.contentWindow;
  const next = () => new Promise(done => setTimeout(done, 50));
  let found;
  try {{ found = await (async () => {{ {script} }})(); }} catch (error) {{ found = String(error); }}
  document.getElementById("found").textContent = JSON.stringify(found);
}};
</script>
"""


def chromium() -> str:
    """The program; a test fails without it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.fail("no Chromium: ./bootstrap test installs it, or apt-get install chromium")


def ask(folder: Path, page: str, script: str, *, width: int = 375, dark: bool = False) -> Any:
    """What the script returns, which has `page`, `view` and `await next()`; fails on any error."""
    (folder / "page.html").write_text(page, "utf-8")
    around = _AROUND.format(width=width, page="page.html", script=script)
    (folder / "around.html").write_text(around, "utf-8")
    done = subprocess.run(
        [
            chromium(),
            *_PLAIN,
            f"--user-data-dir={folder / 'profile'}",
            "--allow-file-access-from-files",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            "--virtual-time-budget=5000",
            "--dump-dom",
            (folder / "around.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not said, "\n".join(said)
    found = re.search(r'<pre id="found">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, f"Chromium said nothing: {done.returncode}\n{done.stderr[-2000:]}"
    return json.loads(html.unescape(found[1]))
