"use strict";
// What a reader gets who opens an attempt. It is made then, not before.

const MARKS = {
  same: ["✔", "as expected"], differs: ["✘", "differs"], missing: ["✘", "missing"],
  extra: ["✘", "not expected"], also: ["+", "there besides"], unjudged: ["·", "not judged"],
};
const TITLES = {
  end: "Ends with", unhandled: "Unhandled", elapsed: "Takes", stack: "Stack", wire: "On the wire",
  served: "Servers say",
};
const SLUG = /[^a-z]+/g;

/** The details of attempt number `number`, whose row says `name`. */
function details(attempt, name) {
  const parts = [
    why(attempt),
    element("div", {class: "sides"}, comparison(attempt), stack(attempt)),
    "ladder" in attempt
      ? section("Ladder", ladder(data.blocks[attempt.ladder], attempt.times ?? [], name)) : null,
    momentsOf(attempt).length ? section("Timeline", timeline(attempt)) : null,
    ...["stdout", "stderr"].filter(key => key in attempt).map(key =>
      section(`Its ${key}`, [element("pre", {tabindex: "0"}, say(attempt[key]))])),
    about(attempt),
  ];
  return element("div", {class: "details"}, ...parts.filter(Boolean));
}

function section(title, children, kind = "") {
  return element("section", kind ? {class: kind} : {}, element("h3", {}, title), ...children);
}

function why(attempt) {
  const reasons = (attempt.reasons ?? []).map(say);
  if (!reasons.length && !("because" in attempt)) return null;
  const list = reasons.length ? element("ul", {class: "reasons"},
    ...reasons.map(reason => element("li", {}, bdi(reason)))) : null;
  const because = "because" in attempt
    ? element("p", {class: "because"}, bdi(say(attempt.because))) : null;
  return section("Why", [list, because].filter(Boolean), "why-part");
}

/** Each fact: as expected in one cell, else both sides beside each other. */
function comparison(attempt) {
  if (!("compared" in attempt) || !data.blocks[attempt.compared].length) return null;
  const rows = data.blocks[attempt.compared].map(([mark, what, expected, observed]) =>
    ({mark, what: say(what), expected: say(expected), observed: say(observed)}));
  const head = ["", "", "Expected", "Observed"].map(text =>
    text ? element("th", {scope: "col"}, text) : element("td"));
  const bodies = grouped(rows, row => row.what).map(group =>
    element("tbody", {}, ...group.map((row, place) => comparedRow(row, place ? 0 : group.length))));
  return section("Expected and observed", [element("table", {class: "compared"},
    element("thead", {}, element("tr", {}, ...head)), ...bodies)]);
}

/** The first of a group says what so many rows are about. */
function comparedRow({mark, what, expected, observed}, rows) {
  const [sign, words] = MARKS[mark];
  const title = rows ? element("th", {scope: "rowgroup", rowspan: rows},
    bdi(TITLES[what] ?? what.replace(/\battrs\./, ""))) : null;
  const first = element("td", {class: "sign", title: words},
    element("span", {"aria-hidden": "true"}, sign), element("span", {class: "unseen"}, words));
  const cells = mark === "same" && expected === observed
    ? [element("td", {colspan: "2"}, bdi(observed))]
    : [side("Expected", expected), side("Observed", observed)];
  return element("tr", {class: mark}, title, first, ...cells);
}

/** `data-side` is what phones show before it, where both are below each other. */
const side = (name, text) => element("td", {"data-side": text ? name : ""}, bdi(text));

/** Runs of rows that are alike. */
function grouped(rows, key) {
  const groups = [];
  for (const row of rows) {
    if (groups.length && key(groups.at(-1)[0]) === key(row)) groups.at(-1).push(row);
    else groups.push([row]);
  }
  return groups;
}

/** From the client down to where it ended, a block for each layer. */
function stack(attempt) {
  if (!("stack" in attempt)) return null;
  const blocks = data.blocks[attempt.stack].map(([layer, frames]) =>
    element("li", {class: `layer ${say(layer).replace(SLUG, "-")}`},
      element("span", {class: "layer-name"}, bdi(say(layer))),
      ...frames.map(frame => element("code", {}, bdi(say(frame))))));
  const ends = data.blocks[attempt.chain].map(([how, said, facts]) =>
    element("li", {class: "exception"},
      how !== null && say(how) ? element("span", {class: "layer-name"}, bdi(say(how))) : null,
      element("strong", {}, bdi(say(said))),
      ...facts.map(fact => element("span", {class: "fact"}, bdi(say(fact))))));
  return section("Stack, by layer", [element("ol", {class: "stack"}, ...blocks, ...ends)]);
}

function about(attempt) {
  const pairs = data.blocks[attempt.facts].flatMap(([what, said]) =>
    [element("dt", {}, say(what)), element("dd", {}, bdi(say(said)))]);
  if ("capture" in attempt) {
    const [path, link] = attempt.capture;
    pairs.push(element("dt", {}, "Packets"), element("dd", {},
      element("a", {href: link, download: ""}, bdi(say(path)))));
  }
  pairs.push(element("dt", {}, "Again"), element("dd", {},
    element("code", {class: "again"}, say(attempt.again))));
  return section("About", [element("dl", {}, ...pairs)]);
}
