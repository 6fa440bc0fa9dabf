"""The pages in a browser: they fit, open, can be read, and neither load nor run anything else."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from labctl.report.grades.class_page import class_html
from labctl.report.grades.feedback import feedback_html
from tests.unit.report.grades.browser import ask
from tests.unit.report.grades.samples import HOSTILE, RUN, STATES, classroom, grade, hostile

LONG = RUN.model_copy(
    update={
        "stdout": "x" * 3000,
        "ladder": ("-" * 300,),
        "title": "w" * 400,
        "capture": "c" * 200,
    }
)
PARTS = [RUN.model_copy(update={"name": f"client/{n}", "title": f"Run {n}"}) for n in range(10)]
CLASS = classroom(*STATES, *(grade(*PARTS, LONG, name="N" * 200, id=f"s{n}") for n in range(30)))
ALL_HOSTILE = classroom(*map(hostile, HOSTILE))
PAGES = {
    "class": class_html(CLASS),
    "hostile": class_html(ALL_HOSTILE),
    "feedback": feedback_html(grade(*PARTS, LONG)),
    "hostile feedback": feedback_html(hostile("".join(HOSTILE))),
    "broke": feedback_html(STATES[3]),
}

# How wide a page is for its frame, in a phone's, a larger phone's, and a screen's.
WIDTHS = (320, 375, 1280)
SCROLLS = f"""
for (const one of page.querySelectorAll("details")) one.open = true;
const root = page.documentElement, found = [];
for (const width of {[*WIDTHS]}) {{
  frame.width = width;
  await next();
  found.push([root.scrollWidth, root.clientWidth, page.body.scrollWidth - page.body.clientWidth]);
}}
return found;
"""
STAYS = [[width, width, 0] for width in WIDTHS]
"""What SCROLLS returns of a page that does not scroll sideways."""

# Contrast as WCAG 2 has it, of each text with what is behind it.
CONTRAST = """
for (const one of page.querySelectorAll("details")) one.open = true;
const light = colour => {
  const [r, g, b] = colour.match(/[0-9.]+/g).map(Number).map(value => {
    const part = value / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = element => {
  for (let at = element; at; at = at.parentElement) {
    const colour = view.getComputedStyle(at).backgroundColor;
    if (!/, 0\\)$/.test(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
};
let least = 99, where = "";
for (const element of page.body.querySelectorAll("*")) {
  const says = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  if (!says || element.tagName === "SCRIPT") continue;
  const pair = [light(view.getComputedStyle(element).color), light(behind(element))];
  const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  if (contrast < least) { least = contrast; where = element.outerHTML.slice(0, 200); }
}
return [least, where];
"""


@pytest.mark.parametrize("name", PAGES)
def test_nothing_scrolls_sideways_but_what_has_its_own_scrolling(name: str, tmp_path: Path) -> None:
    assert ask(tmp_path, PAGES[name], SCROLLS) == STAYS


@pytest.mark.parametrize(("name", "dark"), [*product(("class", "feedback"), (False, True))])
def test_every_text_can_be_read(name: str, dark: bool, tmp_path: Path) -> None:
    least, where = ask(tmp_path, PAGES[name], CONTRAST, dark=dark)
    assert least >= 4.5, where


def test_the_dark_page_is_dark(tmp_path: Path) -> None:
    script = "return view.getComputedStyle(page.body).backgroundColor;"
    assert ask(tmp_path, PAGES["class"], script, dark=True) == "rgb(20, 24, 30)"
    assert ask(tmp_path, PAGES["class"], script) == "rgb(246, 247, 249)"


def test_the_table_scrolls_by_itself_and_keeps_names_and_headings(tmp_path: Path) -> None:
    script = """
    const box = page.querySelector(".scroll"), name = page.querySelector("th[scope=row]");
    box.scrollTo(400, 300);
    await next();
    const inside = box.getBoundingClientRect();
    const head = page.querySelector("thead th").getBoundingClientRect();
    return [box.scrollLeft, Math.round(name.getBoundingClientRect().left - inside.left),
            Math.round(head.top - inside.top)];
    """
    assert ask(tmp_path, PAGES["class"], script) == [400, 1, 1]


def test_a_cell_opens_the_details_of_its_part(tmp_path: Path) -> None:
    script = """
    const open = () => [...page.querySelectorAll("details[open]")].map(one => one.id);
    const before = open();
    page.querySelector("td a[href='#s0p2']").click();
    await next();
    const after = open(), focused = page.activeElement.closest("details").id;
    for (const one of page.querySelectorAll("details")) one.open = false;
    page.querySelector("td a[href='#s0p2']").click();
    await next();
    const again = open();
    page.querySelector("th a[href='#s3']").click();
    await next();
    return [before, after, focused, again, open()];
    """
    both = ["s0", "s0p2"]
    assert ask(tmp_path, PAGES["class"], script) == [[], both, "s0p2", both, [*both, "s3"]]


def test_keys_reach_every_cell_and_all_that_scrolls(tmp_path: Path) -> None:
    script = """
    const may = one => /auto|scroll/.test(view.getComputedStyle(one).overflowX);
    const scrolls = [...page.querySelectorAll("*")].filter(
      one => may(one) && one.scrollWidth > one.clientWidth);
    const links = [...page.querySelectorAll("a, summary")];
    return [scrolls.length > 0, scrolls.every(one => one.tabIndex === 0),
            links.length > 0, links.every(one => one.tabIndex === 0)];
    """
    assert ask(tmp_path, PAGES["class"], script) == [True, True, True, True]
    assert ask(tmp_path, PAGES["feedback"], script)[:2] == [True, True]


@pytest.mark.parametrize("name", PAGES)
def test_it_loads_and_runs_nothing_else(name: str, tmp_path: Path) -> None:
    script = """
    const loaded = view.performance.getEntriesByType("resource").map(entry => entry.name);
    const others = page.querySelectorAll("img, iframe, link, object, embed, form, script[src]");
    return [loaded, others.length, page.scripts.length];
    """
    scripts = 0 if "feedback" in name or name == "broke" else 1
    assert ask(tmp_path, PAGES[name], script) == [[], 0, scripts]


def test_were_a_script_to_slip_in_it_would_not_run(tmp_path: Path) -> None:
    slipped = PAGES["class"].replace("<h1>", "<script>document.title = 'ran'</script><h1>", 1)
    with pytest.raises(AssertionError, match="Content Security Policy"):
        ask(tmp_path, slipped, "return page.title;")
