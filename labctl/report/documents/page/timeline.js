"use strict";
// The line of time: calls, packets and the end, drawn, and what matters of it in words.

const LANES = ["calls", "sent", "received"];
const LANE_HEIGHT = 22, AXIS = 3 * LANE_HEIGHT + 8;

/** `[lane, ms, text]` of all that has its time, in its order. */
function momentsOf(attempt) {
  if (!("ladder" in attempt)) {
    return (attempt.moments ?? []).map(([lane, at, text]) => ({lane, at, text: say(text)}))
      .filter(one => typeof one.at === "number");
  }
  const found = [];
  data.blocks[attempt.ladder].rows.forEach(([source, target, text, mark, both], number) => {
    const at = attempt.times[number], own = kindOf(say(mark)) === "call";
    if (typeof at !== "number" || (source === target && !own)) return;
    const lanes = source === target ? [0] : both ? [1, 2] : [source === 0 ? 1 : 2];
    for (const lane of lanes) found.push({lane, at, text: say(text)});
  });
  return found;
}

/** Calls, packets and the end over time; where most of it is waiting, that is said. */
function timeline(attempt) {
  const moments = momentsOf(attempt), end = attempt.ended ?? 0;
  const last = Math.max(end, ...moments.map(one => one.at), 0.1);
  const first = Math.min(0, ...moments.map(one => one.at));
  const place = at => `${(2 + 95 * (at - first) / (last - first)).toFixed(2)}%`;
  const quiet = longest(moments, end);
  const said = inWords(moments, quiet, end);
  const picture = drawn("svg", {class: "timeline", role: "img", width: "100%", height: AXIS + 24},
    drawn("title", {}, "Line of time"), drawn("desc", {}, said),
    ...LANES.map((_, lane) =>
      drawn("line", {class: "lane", x1: "2%", x2: "97%", y1: middle(lane), y2: middle(lane)})),
    ...axis(first, last, place),
    ...(quiet ? [silence(quiet, place)] : []),
    ...moments.map(one => dot(one, place)),
    drawn("line", {class: "end", x1: place(end), x2: place(end), y1: 0, y2: AXIS},
      drawn("title", {}, `ended after ${duration(end)}`)));
  const names = element("div", {class: "lanes", "aria-hidden": "true"},
    ...LANES.map(name => element("span", {}, name)));
  return [
    element("div", {class: "time-line"}, names, picture),
    element("p", {class: "soft"}, said),
  ];
}

const since = at => at ? `${duration(at)} on` : "the start";

function inWords(moments, quiet, end) {
  const calls = moments.filter(one => one.lane === 0).length;
  const parts = [
    `${counted(calls, "call")}, ${counted(moments.length - calls, "step")} on the wire`,
    quiet ? `nothing for ${duration(quiet.to - quiet.from)} from ${since(quiet.from)}` : "",
    `ended after ${duration(end)}.`,
  ];
  return parts.filter(Boolean).join("; ");
}

const middle = lane => lane * LANE_HEIGHT + LANE_HEIGHT / 2;

function dot(one, place) {
  return drawn("circle", {
    class: `moment lane${one.lane}`, cx: place(one.at), cy: middle(one.lane), r: 4.5,
  }, drawn("title", {}, `${duration(one.at)}: ${one.text}`));
}

/** Four to eight round numbers. */
function axis(first, last, place) {
  const rough = (last - first) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough);
  const ticks = [];
  for (let at = Math.ceil(first / step) * step; at <= last; at += step) {
    ticks.push(drawn("line", {class: "tick", x1: place(at), x2: place(at), y1: 0, y2: AXIS}),
      drawn("text", {class: "at", x: place(at), y: AXIS + 16, "text-anchor": "middle"},
        at ? duration(at) : "0"));
  }
  return ticks;
}

/** The longest time in which nothing happened before the end, if that is much of it. */
function longest(moments, end) {
  const before = moments.map(one => one.at).filter(at => at > 0 && at < end);
  const all = [0, ...before, end].sort((a, b) => a - b);
  let found = null;
  for (let n = 1; n < all.length; n++) {
    const gap = all[n] - all[n - 1];
    if (!found || gap > found.to - found.from) found = {from: all[n - 1], to: all[n]};
  }
  return found && found.to - found.from > 0.4 * end ? found : null;
}

function silence({from, to}, place) {
  const at = {x: place((from + to) / 2), y: middle(1) + 4, "text-anchor": "middle"};
  return drawn("text", {class: "silence", ...at}, `nothing for ${duration(to - from)}`);
}
