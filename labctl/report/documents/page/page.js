"use strict";
// Opening, keys, theme and paper; and the start.

const PRINTED = 100; // details on paper: of hundreds of failures nobody reads more
const openedForPaper = [];
const list = document.getElementById("rows");
const search = document.getElementById("search");
const keys = document.getElementById("keys");

/** Make the details of a row, once. */
function build(row) {
  if (row.children.length > 1) return;
  const number = rows.indexOf(row);
  row.append(details(data.attempts[number], row.querySelector(".name").textContent));
}

function toggled(row) {
  if (row.open) build(row);
  const number = rows.indexOf(row), before = wanted.at;
  if (row.open && !openedForPaper.includes(row)) wanted.at = number;
  if (!row.open && wanted.at === number) wanted.at = null;
  // This comes late: what the address asked for meanwhile must not be overwritten.
  if (wanted.at !== before) remember();
}

/** The row that keys act on: one of them is reached by Tab, the others from there. */
function current() {
  const focused = document.activeElement?.closest("#rows > .row");
  return focused ?? rows.find(row => row.firstElementChild.tabIndex === 0 && !row.hidden);
}

function focusRow(row) {
  if (!row) return;
  reach(row);
  row.firstElementChild.focus();
}

function reach(row) {
  for (const one of rows) one.firstElementChild.tabIndex = one === row ? 0 : -1;
}

function move(step) {
  const inList = document.activeElement?.closest("#rows > .row");
  let at = rows.indexOf(current());
  if (inList || at < 0) at += step;
  while (rows[at]?.hidden) at += step;
  focusRow(rows[at]);
}

/** Where the row that Tab reached is hidden now, it reaches the first of those that are not. */
function keepReachable() {
  const first = rows.find(row => !row.hidden);
  if (first && (current()?.hidden ?? true)) reach(first);
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const typing = event.target === search;
  const act = typing ? TYPING[event.key] : KEYS[event.key];
  if (!act || (!typing && event.target.closest?.("input, select, textarea"))) return;
  if (event.key.startsWith("Arrow") && !typing && !onRow(event.target)) return;
  event.preventDefault();
  act();
}

const onRow = target => target.matches?.("#rows > .row > summary");

const KEYS = {
  j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1),
  "/": () => { search.focus(); search.select(); },
  "?": () => showKeys(), Escape: () => clear(),
};
const TYPING = {
  ArrowDown: () => focusRow(rows.find(row => !row.hidden)),
  Enter: () => focusRow(rows.find(row => !row.hidden)),
  Escape: () => { if (search.value) searchFor(""); else search.blur(); },
};

function showKeys(shown = keys.hidden) {
  keys.hidden = !shown;
  document.getElementById("keys-button").setAttribute("aria-expanded", String(!keys.hidden));
}

function searchFor(text) {
  wanted.text = search.value = text;
  changed();
}

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const theme = () =>
  document.documentElement.dataset.theme ?? (systemIsDark.matches ? "dark" : "light");

function nameTheme() {
  document.getElementById("theme").textContent = theme() === "dark" ? "Light" : "Dark";
}

function otherTheme() {
  const other = theme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = other;
  try {
    localStorage.setItem(THEME, other);
  } catch {
    // It then lasts as long as the page.
  }
  nameTheme();
}

/** Paper has no clicks: what did not pass is shown open. */
function beforePaper() {
  const bad = row => !row.hidden && !row.open && !row.matches(".pass, .shown");
  for (const row of rows.filter(bad).slice(0, PRINTED)) {
    openedForPaper.push(row);
    build(row);
    row.open = true;
  }
}

function afterPaper() {
  for (const row of openedForPaper.splice(0)) row.open = false;
}

/** Show what an address asks for. */
function arrive() {
  fromHash();
  const row = rows[wanted.at];
  if (!row) return;
  row.hidden = false;
  build(row);
  row.open = true;
  focusRow(row);
  row.scrollIntoView({block: "start"});
}

/** A link of the summary leads to the list, with some of the attempts in it. */
function followed() {
  arrive();
  if (wanted.at === null) document.getElementById("attempts").scrollIntoView();
}

function start() {
  const made = Object.entries(KINDS).map(([kind, names]) => makeChips(kind, names));
  document.getElementById("chips").append(...made.filter(Boolean));
  if (rows.length) reach(rows[0]);
  list.addEventListener("toggle", event => {
    if (event.target.parentElement === list) toggled(event.target);
  }, true);
  search.addEventListener("input", () => searchFor(search.value));
  for (const button of document.querySelectorAll(".clear")) button.addEventListener("click", clear);
  document.getElementById("keys-button").addEventListener("click", () => showKeys());
  document.getElementById("theme").addEventListener("click", otherTheme);
  systemIsDark.addEventListener("change", nameTheme);
  document.addEventListener("keydown", pressed);
  addEventListener("hashchange", followed);
  addEventListener("beforeprint", beforePaper);
  addEventListener("afterprint", afterPaper);
  nameTheme();
  showKeys(!matchMedia("(max-width: 40rem)").matches);
  document.getElementById("tools").hidden = false;
  arrive();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

start();
