"""The page in a browser: it filters, opens, can be read anywhere, and reaches for nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from labctl.model.result import Result
from labctl.report.documents.page import run_page
from tests.unit.judge.samples import interpreter
from tests.unit.report.grades import browser
from tests.unit.report.grades.test_browser import CONTRAST, SCROLLS, STAYS
from tests.unit.report.page.samples import (
    HOSTILE,
    broken,
    failing,
    hostile,
    many,
    passing,
    run,
    served,
    shown,
    undrawn,
    unproven,
    wrong_attribute,
)

OLD, NEW = interpreter("3.9.25"), interpreter("3.13.5")
ATTEMPTS = (
    passing(scenario="reset-on-read", interpreter=OLD),
    passing(scenario="refused-port", interpreter=NEW),
    failing(scenario="refused-port", interpreter=OLD),
    wrong_attribute(scenario="reset-on-read", interpreter=NEW),
    unproven(scenario="reset-on-read", interpreter=NEW),
    broken(scenario="dns-timeout", interpreter=OLD),
    served(scenario="smtp-quit", interpreter=NEW),
    shown(scenario="refused-port", interpreter=NEW),
    undrawn(scenario="refused-port", interpreter=OLD),
)
"""In the page: broken, failing, wrong attribute, served, unproven, shown, and three that pass."""

PAGES: dict[str, Result] = {
    "plain": run(*ATTEMPTS),
    "hostile": run(*(hostile(text) for text in (*HOSTILE, "".join(HOSTILE)))),
    "empty": run(),
}

HELP = """
const rows = [...page.querySelectorAll("#rows > .row")];
const seen = () => rows.map((row, n) => row.hidden ? null : n).filter(n => n !== null);
const count = () => page.getElementById("count").textContent;
const chip = name => [...page.querySelectorAll(".chip")].find(
  one => one.firstChild.textContent === name);
const key = (key, target = page.activeElement) => target.dispatchEvent(
  new view.KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
const search = page.getElementById("search");
const type = text => { search.value = text; search.dispatchEvent(new view.Event("input")); };
const until = async so => { while (!so()) await next(); };
const built = row => row.open && row.children.length > 1;
// Else sizes may be those of what is not laid out yet.
const layOut = row => { row.style.contentVisibility = "visible"; };
const open = async n => {
  layOut(rows[n]);
  rows[n].firstElementChild.click();
  await until(() => built(rows[n]));
};
const openAll = async () => {
  for (const row of rows) { layOut(row); row.open = true; }
  await until(() => rows.every(built));
};
const at = () => rows.indexOf(page.activeElement.closest(".row"));
"""


@cache
def written(name: str) -> str:
    return run_page(PAGES[name], "")


def ask(folder: Path, name: str, script: str, **how: Any) -> Any:
    """As `browser.ask`, with the functions above."""
    return browser.ask(folder, written(name), HELP + script, **{"width": 1200, **how})


def test_it_says_when_it_is_ready_and_makes_no_details_before_they_are_asked_for(
    tmp_path: Path,
) -> None:
    script = """
    const before = [Number(page.documentElement.dataset.ready) > 0, rows.length,
                    page.querySelectorAll(".details").length, count()];
    await open(1);
    const after = page.querySelectorAll(".details").length;
    rows[1].firstElementChild.click();
    await next();
    await open(1);
    return [...before, after, page.querySelectorAll(".details").length];
    """
    assert ask(tmp_path, "plain", script) == [True, 9, 0, "9 attempts", 1, 1]


def test_a_large_page_has_nothing_but_its_rows(tmp_path: Path) -> None:
    text = run_page(many(1200), "")
    script = """
    return [rows.length, page.querySelectorAll("#rows *").length / rows.length < 10,
            page.querySelectorAll("svg").length,
            view.getComputedStyle(rows[1100]).contentVisibility];
    """
    found = browser.ask(tmp_path, text, HELP + script, width=1200)
    assert found == [1200, True, 1, "auto"]


def test_chips_filter_and_count_what_is_shown(tmp_path: Path) -> None:
    script = """
    const numbers = () => ["fail", "pass", "3.9", "3.13", "tcp"].map(
      name => chip(name).lastChild.textContent).join(" ");
    const said = [numbers()];
    chip("fail").click();
    said.push(seen().join(), count(), numbers());
    chip("3.13").click();
    said.push(seen().join(), count(), numbers());
    said.push(chip("fail").ariaPressed, chip("pass").ariaPressed);
    chip("error").click();
    chip("fail").click();
    said.push(seen().join(), count(), page.getElementById("empty").hidden);
    page.querySelector("#tools .clear").click();
    said.push(seen().length, view.location.hash);
    return said;
    """
    assert ask(tmp_path, "plain", script) == [
        *("3 3 4 5 3", "1,2,3", "3 of 9 attempts", "3 3 1 2 1"),
        *("2,3", "2 of 9 attempts", "2 1 1 2 1", "true", "false"),
        *("", "0 of 9 attempts", False),
        *(9, ""),
    ]


def test_search_goes_by_names_and_every_exception(tmp_path: Path) -> None:
    script = """
    const found = text => { type(text); return seen().join(); };
    return [found("QUIT"), found("timed out"), found("refused-port timeouterror"),
            found("no route to host"), found("valueerror"), found("nothing has this"), found("")];
    """
    assert ask(tmp_path, "plain", script) == ["3", "1", "1", "1", "3", "", "0,1,2,3,4,5,6,7,8"]


def test_the_address_has_the_filters_and_what_is_open(tmp_path: Path) -> None:
    script = """
    chip("fail").click(); chip("error").click(); chip("3.9").click();
    type("a & b=c");
    const hash = view.location.hash;
    page.querySelector("#tools .clear").click();
    await open(3);
    await until(() => view.location.hash);
    return [hash, view.location.hash, page.getElementById("count").ariaLive];
    """
    assert ask(tmp_path, "plain", script) == [
        "#verdict=fail&verdict=error&python=3.9&search=a+%26+b%3Dc",
        "#at=3",
        "polite",
    ]


def test_an_address_restores_the_filters_and_opens(tmp_path: Path) -> None:
    script = """
    view.location.hash = "#verdict=fail&verdict=none&python=3.13&search=re&at=2";
    await until(() => built(rows[2]));
    const one = [seen().join(), search.value, chip("fail").ariaPressed, rows[2].open, at()];
    view.location.hash = "#at=99&layer=none";
    await until(() => search.value === "");
    return [...one, seen().length, search.value];
    """
    assert ask(tmp_path, "plain", script) == ["2,3", "re", "true", True, 2, 9, ""]


def test_numbers_of_the_summary_filter(tmp_path: Path) -> None:
    script = """
    page.querySelector(".cards a[href='#verdict=fail&python=3.13']").click();
    await until(() => rows[0].hidden);
    return [seen().join(), chip("3.13").ariaPressed];
    """
    assert ask(tmp_path, "plain", script) == ["2,3", "true"]


def test_keys(tmp_path: Path) -> None:
    script = """
    const said = [];
    key("j", page.body); said.push(at());
    key("j"); said.push(at());
    key("ArrowDown"); said.push(at());
    key("k"); said.push(at());
    key("ArrowUp"); key("ArrowUp"); said.push(at());
    chip("3.9").click();
    key("j"); key("j"); said.push(at());
    key("Escape"); said.push(seen().length);
    key("/"); said.push(page.activeElement.id);
    key("j"); said.push(page.activeElement.id);
    type("quit"); key("Enter"); said.push(at());
    key("/"); key("Escape"); said.push(search.value, seen().length);
    key("ArrowDown"); said.push(at());
    return said;
    """
    assert ask(tmp_path, "plain", script) == [0, 1, 2, 1, 0, 6, 9, "search", "search", 3, "", 9, 0]


def test_one_row_is_reached_by_tab_and_it_is_one_that_is_shown(tmp_path: Path) -> None:
    script = """
    const tabs = () => rows.filter(row => row.firstElementChild.tabIndex === 0)
      .map(row => rows.indexOf(row)).join();
    const said = [tabs()];
    key("j", page.body); key("j"); said.push(tabs());
    chip("pass").click(); said.push(tabs());
    return said;
    """
    assert ask(tmp_path, "plain", script) == ["0", "1", "6"]


def test_the_keys_are_shown_and_can_be_hidden(tmp_path: Path) -> None:
    script = """
    const keys = page.getElementById("keys"), said = [keys.hidden, keys.textContent];
    key("?", page.body);
    return [...said, keys.hidden, page.getElementById("keys-button").ariaExpanded];
    """
    told = "jknext, previous↓↑the same, in the listEnteropen or close/searchEscclear the filters"
    assert ask(tmp_path, "plain", script) == [False, f"{told}?these keys", True, "false"]
    assert ask(tmp_path, "plain", script, width=375)[0] is True


TITLES = (
    "Why; Expected and observed; Stack, by layer; Ladder; Timeline; Its stdout; Its stderr; About"
)


def test_the_details_of_a_failure(tmp_path: Path) -> None:
    script = """
    await open(1);
    const details = rows[1].querySelector(".details");
    const text = one => details.querySelector(one).textContent;
    const marked = kind => [...details.querySelectorAll(`.compared .${kind}`)].map(
      row => [...row.cells].map(cell => cell.textContent).join("|"));
    return [
      [...details.querySelectorAll("h3")].map(one => one.textContent).join("; "),
      details.querySelectorAll(".reasons li").length, text(".because"),
      marked("differs"), marked("missing"),
      [...details.querySelectorAll(".layer")].map(one => one.className).join("; "),
      text(".exception strong"), text("pre").split("\\n").length, text(".again"),
    ];
    """
    assert ask(tmp_path, "plain", script) == [
        TITLES,
        3,
        "Nobody answered the SYN to port 2525 of closed.lab.",
        [
            "Ends with|✘differs|ConnectionRefusedError|TimeoutError: timed out",
            "✘differs|smtplib:SMTP._get_socket|ssl:SSLSocket.read",
            "✘differs|tcp closed.lab:2525 refused|tcp closed.lab:2525 unanswered",
        ],
        ["✘missing|socket:create_connection|"],
        "layer application; layer tls",
        "TimeoutError: timed out",
        8,
        "labctl run scenarios/dns/refused-port.yaml --attempt smtplib --python 3.9",
    ]


def test_the_ladder_is_drawn_and_told(tmp_path: Path) -> None:
    script = """
    await open(1);
    const ladder = rows[1].querySelector("svg.ladder"), box = ladder.getBoundingClientRect();
    const inside = [...ladder.querySelectorAll("text")].every(one => {
      const {left, right} = one.getBoundingClientRect();
      return left >= box.left - 1 && right <= box.right + 1;
    });
    const words = [...rows[1].querySelectorAll(".words tbody tr")].map(
      row => [...row.cells].map(cell => cell.textContent).join("|"));
    return [
      ladder.getAttribute("role"), ladder.querySelector("title").textContent,
      [...ladder.querySelectorAll(".host")].map(one => one.firstChild.data).join(),
      ladder.querySelectorAll(".arrow").length, ladder.querySelectorAll(".note-text").length,
      inside, words[1], words[6],
    ];
    """
    assert ask(tmp_path, "plain", script) == [
        *("img", "What went over the wire for refused-port/smtplib", "client,dns,closed.lab"),
        *(4, 3, True, "1.1|client|dns|closed.lab A?", "5004.0|client||TimeoutError: timed out"),
    ]


def test_the_line_of_time_says_where_it_waited(tmp_path: Path) -> None:
    script = """
    await open(1);
    const line = rows[1].querySelector("svg.timeline");
    const undrawn = rows.length - 1;
    await open(undrawn);
    return [
      line.getAttribute("role"), line.querySelector("desc").textContent,
      line.querySelector(".silence").textContent,
      ["lane0", "lane1", "lane2"].map(lane => line.querySelectorAll(`.${lane}`).length).join(),
      rows[undrawn].querySelector("svg.timeline desc").textContent,
    ];
    """
    assert ask(tmp_path, "plain", script) == [
        "img",
        "2 calls, 4 steps on the wire; nothing for 3.97 s from 1.03 s on; ended after 5.00 s.",
        "nothing for 3.97 s",
        "2,3,1",
        "1 call, 2 steps on the wire; nothing for 20 ms from 20 ms on; ended after 40 ms.",
    ]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_scrolls_sideways_but_what_has_its_own_scrolling(name: str, tmp_path: Path) -> None:
    assert ask(tmp_path, name, f"await openAll(); {SCROLLS}") == STAYS


def test_keys_reach_all_that_scrolls(tmp_path: Path) -> None:
    script = """
    await openAll();
    const may = one => /auto|scroll/.test(view.getComputedStyle(one).overflowX);
    const scrolls = [...page.querySelectorAll("*")].filter(
      one => may(one) && one.scrollWidth > one.clientWidth);
    const ladder = page.querySelector("svg.ladder").parentElement;
    return [scrolls.includes(ladder), scrolls.filter(one => one.tabIndex !== 0).length];
    """
    assert ask(tmp_path, "plain", script, width=375) == [True, 0]


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_can_be_read(dark: bool, tmp_path: Path) -> None:
    least, where = ask(tmp_path, "plain", "await openAll();" + CONTRAST, dark=dark)
    assert least >= 4.5, where


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_of_a_drawing_can_be_read(dark: bool, tmp_path: Path) -> None:
    """The same by what fills it, on the card that it is drawn on."""
    colours = CONTRAST.replace("getComputedStyle(element).color", "getComputedStyle(element).fill")
    script = "await openAll();" + colours.replace(
        'body.querySelectorAll("*")', 'querySelectorAll("svg text")'
    )
    least, where = ask(tmp_path, "plain", script, dark=dark)
    assert least >= 4.5, where


def test_the_theme_is_the_systems_until_another_is_chosen_and_that_is_remembered(
    tmp_path: Path,
) -> None:
    script = """
    const ground = () => view.getComputedStyle(page.body).backgroundColor;
    const button = page.getElementById("theme"), said = [ground(), button.textContent];
    button.click();
    said.push(ground(), button.textContent, view.localStorage.getItem("labctl-theme"));
    button.click();
    return [...said, ground(), view.localStorage.getItem("labctl-theme")];
    """
    light, dark = "rgb(245, 246, 248)", "rgb(18, 22, 28)"
    found = ask(tmp_path, "plain", script)
    assert found == [light, "Dark", dark, "Light", "dark", light, "light"]
    # The last choice was light, and is stronger than the system's.
    assert ask(tmp_path, "plain", script, dark=True)[0] == light


def test_without_a_choice_the_dark_is_dark(tmp_path: Path) -> None:
    script = "return view.getComputedStyle(page.body).backgroundColor;"
    assert ask(tmp_path, "plain", script, dark=True) == "rgb(18, 22, 28)"


def test_paper_shows_the_details_of_what_did_not_pass(tmp_path: Path) -> None:
    script = """
    await open(8);
    await until(() => view.location.hash);
    view.dispatchEvent(new view.Event("beforeprint"));
    await next();
    const opened = rows.map((row, n) => row.querySelector(".details") && row.open ? n : -1);
    view.dispatchEvent(new view.Event("afterprint"));
    await next();
    return [opened.filter(n => n >= 0).join(),
            rows.map((row, n) => row.open ? n : -1).filter(n => n >= 0).join(), view.location.hash];
    """
    assert ask(tmp_path, "plain", script) == ["0,1,2,3,4,8", "8", "#at=8"]


@pytest.mark.parametrize("name", PAGES)
def test_it_loads_nothing(name: str, tmp_path: Path) -> None:
    script = """
    await openAll();
    const loaded = view.performance.getEntriesByType("resource").map(entry => entry.name);
    const others = page.querySelectorAll("img, iframe, object, embed, form, script[src]");
    const styled = page.querySelectorAll(":not(.row)[style]");
    return [loaded, others.length + styled.length, page.scripts.length];
    """
    assert ask(tmp_path, name, script) == [[], 0, 3]


KINDS = (
    "a bdi circle code dd desc details div dl dt g h3 li line ol p path pre section span strong "
    "summary svg table tbody td text th thead title tr ul"
)
"""All that details are made of."""


def test_whatever_anyone_says_is_a_text_when_it_is_opened_too(tmp_path: Path) -> None:
    script = """
    await openAll();
    const kinds = [...new Set([...page.querySelectorAll(".details *")].map(one => one.localName))];
    const first = rows.findIndex(row => row.textContent.includes("<" + "/script>"));
    return [page.title, page.getElementById("broke"), rows.length, page.querySelectorAll(
      ".details").length, kinds.sort().join(" "), first >= 0,
      page.body.textContent.includes("\\u202e"), page.body.textContent.includes("\\\\u202eevil")];
    """
    found = ask(tmp_path, "hostile", script)
    assert found == [
        "Of 15 attempts, 15 failed · labctl",
        None,
        15,
        15,
        KINDS,
        True,
        False,
        True,
    ]


def test_were_a_script_to_slip_in_it_would_not_run(tmp_path: Path) -> None:
    slipped = written("plain").replace("<h1>", "<script>document.title = 'ran'</script><h1>", 1)
    with pytest.raises(AssertionError, match="Content Security Policy"):
        browser.ask(tmp_path, slipped, "return page.title;")


def test_where_nothing_fits_it_says_so(tmp_path: Path) -> None:
    script = "return [page.getElementById('empty').hidden, count()];"
    assert ask(tmp_path, "empty", script) == [False, "0 attempts"]
