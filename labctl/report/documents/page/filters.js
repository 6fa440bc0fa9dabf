"use strict";
// Which attempts are shown. The state is in the address, so that a link can be handed on.

const KINDS = {verdict: data.verdicts, layer: data.layers.map(say), python: data.pythons.map(say)};
const wanted = {verdict: new Set(), layer: new Set(), python: new Set(), text: "", at: null};
const rows = [...document.querySelectorAll("#rows > .row")];
const chips = [];
const searched = [];

/** What a search looks at: all that the row says, and every exception of the attempt. */
function searchText(number) {
  if (searched[number] === undefined) {
    const attempt = data.attempts[number];
    const chain = "chain" in attempt ? data.blocks[attempt.chain].map(([, said]) => say(said)) : [];
    const row = rows[number].firstElementChild.textContent;
    searched[number] = [row, ...chain].join(" ").toLowerCase();
  }
  return searched[number];
}

/** Which of the kinds it does not fit; `text` for the search. */
function misfits(number) {
  const attempt = data.attempts[number];
  const found = Object.keys(KINDS).filter(kind =>
    wanted[kind].size && !wanted[kind].has(KINDS[kind][attempt[kind]]));
  const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.every(word => searchText(number).includes(word))) found.push("text");
  return found;
}

/** Show what fits. A chip counts what its kind would add to what all the others let through. */
function apply() {
  const counts = new Map();
  let shown = 0;
  rows.forEach((row, number) => {
    const found = misfits(number), attempt = data.attempts[number];
    row.hidden = found.length > 0;
    shown += row.hidden ? 0 : 1;
    for (const kind of Object.keys(KINDS)) {
      if (found.every(one => one === kind)) {
        const key = `${kind} ${KINDS[kind][attempt[kind]]}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
  });
  for (const chip of chips) refresh(chip, counts);
  tell(shown);
  keepReachable();
}

function refresh({button, kind, name, number}, counts) {
  button.setAttribute("aria-pressed", String(wanted[kind].has(name)));
  number.textContent = String(counts.get(`${kind} ${name}`) ?? 0);
}

function tell(shown) {
  const all = rows.length, few = n => n.toLocaleString("en");
  document.getElementById("count").textContent = shown === all
    ? counted(all, "attempt") : `${few(shown)} of ${counted(all, "attempt")}`;
  document.getElementById("empty").hidden = shown > 0;
  document.querySelector("#tools .clear").hidden = !filtering();
}

const filtering = () =>
  Boolean(wanted.text) || Object.keys(KINDS).some(kind => wanted[kind].size);

function clear() {
  for (const kind of Object.keys(KINDS)) wanted[kind].clear();
  wanted.text = document.getElementById("search").value = "";
  changed();
}

function changed() {
  apply();
  remember();
}

/** The state as the part of an address behind `#`. */
function toHash() {
  const found = new URLSearchParams();
  for (const kind of Object.keys(KINDS)) for (const name of wanted[kind]) found.append(kind, name);
  if (wanted.text) found.set("search", wanted.text);
  if (wanted.at !== null) found.set("at", wanted.at);
  return found.toString();
}

function remember() {
  const hash = toHash();
  if (hash === location.hash.slice(1)) return;
  try {
    history.replaceState(null, "", `#${hash}`);
  } catch {
    location.hash = hash; // a page in a frame without an origin has no history of its own
  }
}

function fromHash() {
  const found = new URLSearchParams(location.hash.slice(1));
  for (const [kind, names] of Object.entries(KINDS)) {
    wanted[kind] = new Set(names.filter(name => found.getAll(kind).includes(name)));
  }
  wanted.text = document.getElementById("search").value = found.get("search") ?? "";
  const at = Number(found.get("at") ?? NaN);
  wanted.at = rows[at] ? at : null;
  apply();
}

/** Buttons for the values of a kind; one value alone filters nothing. */
function makeChips(kind, names) {
  const met = new Set(data.attempts.map(attempt => KINDS[kind][attempt[kind]]));
  const shown = names.filter(name => met.has(name));
  if (shown.length < 2) return null;
  return element("div", {class: "chips", role: "group", "aria-label": `Filter by ${kind}`},
    element("span", {class: "kind", "aria-hidden": "true"}, kind), ...shown.map(name => {
      const number = element("span", {class: "number"});
      const button = element("button", {type: "button", class: "chip", "aria-pressed": "false"},
        bdi(name), number);
      button.addEventListener("click", () => {
        if (!wanted[kind].delete(name)) wanted[kind].add(name);
        changed();
      });
      chips.push({button, kind, name, number});
      return button;
    }));
}
