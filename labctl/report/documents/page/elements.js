"use strict";
// Elements, of which every text is a text: nothing that clients say is ever read as HTML.

const data = JSON.parse(document.getElementById("data").textContent);

/** The text of a number in the data. */
const say = number => data.texts[number] ?? "";

/** An element; `class` and `aria-label` as in HTML, and children that are nodes or texts. */
function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same, of a drawing. */
function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.flat().filter(child => child !== null));
  return made;
}

/** A text of somebody else's, whose direction stays its own matter. */
const bdi = (text, kind = "") => element("bdi", kind ? {class: kind} : {}, text);

/** A block that scrolls sideways by itself, which keys must reach. */
function region(label, ...children) {
  return element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": label},
    ...children);
}

/** `0.3 ms`, `5.00 s`. */
function duration(ms) {
  if (ms === null || ms === undefined) return "";
  return Math.abs(ms) < 1000 ? `${Number(ms.toFixed(1))} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** `1 packet`, `1,200 packets`. */
const counted = (number, noun) =>
  `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** At most so many letters of a text. */
const clipped = (text, most) =>
  text.length > most ? `${text.slice(0, Math.max(most - 1, 1))}…` : text;
