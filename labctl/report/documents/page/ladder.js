"use strict";
// The ladder: who sent what to whom, drawn, and the same in words.

const LETTER = 6.7, LEFT = 92, TOP = 34, RIGHT = 24;
const ARROW_ROW = 27, NOTE_ROW = 22;
const STEP = {least: 200, most: 400};

/** Columns of hosts, an arrow for what went from one to another, a note for what a host did. */
function ladder(block, times, name) {
  const rows = block.rows.map(([source, target, text, mark, both], number) =>
    ({source, target, text: say(text), mark: say(mark), both, at: times[number]}));
  const hosts = ["client", ...block.hosts.map(say)];
  const frame = framed(hosts, rows);
  const picture = drawn("svg", {
    class: "ladder", role: "img", width: frame.width, height: frame.height,
    viewBox: `0 0 ${frame.width} ${frame.height}`,
  });
  picture.append(
    drawn("title", {}, `What went over the wire for ${name}`),
    drawn("desc", {},
      `${counted(rows.length, "line")} between ${hosts.join(", ")}; as text below.`),
    drawn("text", {class: "at", x: LEFT - 32, y: 20, "text-anchor": "end"}, "ms"),
    ...lifelines(hosts, frame),
    ...rows.map((row, number) => ladderRow(row, frame, frame.tops[number])));
  return [region("Ladder", picture), ...block.notes.map(note => element("p", {class: "soft"},
    bdi(say(note)))), ladderTable(hosts, rows)];
}

/** Where columns and rows are: as far apart as the longest label wants, within reason. */
function framed(hosts, rows) {
  const wanted = rows.filter(row => row.source !== row.target).map(row =>
    (row.text.length * LETTER + 44) / Math.abs(row.target - row.source));
  const step = Math.min(Math.max(STEP.least, ...wanted), STEP.most);
  const tops = [];
  let y = TOP + 8;
  for (const row of rows) {
    tops.push(y);
    y += row.source === row.target ? NOTE_ROW : ARROW_ROW;
  }
  const notes = rows.filter(row => row.source === row.target).map(row =>
    LEFT + row.source * step + 30 + row.text.length * LETTER);
  const columns = LEFT + (hosts.length - 1) * step + 90;
  const width = Math.max(columns, Math.min(Math.max(0, ...notes), 900)) + RIGHT;
  return {step, tops, width: Math.round(width), height: y + 8, x: column => LEFT + column * step};
}

function lifelines(hosts, frame) {
  return hosts.flatMap((host, column) => {
    const x = frame.x(column);
    const most = Math.floor((column ? frame.step - 12 : 120) / LETTER);
    return [
      drawn("line", {class: "life", x1: x, x2: x, y1: TOP, y2: frame.height}),
      drawn("text", {class: "host", x, y: 20, "text-anchor": "middle"}, clipped(host, most),
        drawn("title", {}, host)),
    ];
  });
}

function ladderRow(row, frame, y) {
  const group = drawn("g", {}, drawn("title", {}, row.text));
  if (typeof row.at === "number") {
    const below = row.source === row.target ? 14 : 20;
    group.append(drawn("text", {class: "at", x: LEFT - 32, y: y + below, "text-anchor": "end"},
      row.at.toFixed(1)));
  }
  group.append(...(row.source === row.target ? note(row, frame, y) : arrow(row, frame, y + 17)));
  return group;
}

function note(row, frame, y) {
  const x = frame.x(row.source), most = Math.floor((frame.width - x - 20) / LETTER);
  return [
    drawn("circle", {class: `dot ${kindOf(row.mark)}`, cx: x, cy: y + 10, r: 4}),
    drawn("text", {class: `note-text ${kindOf(row.mark)}`, x: x + 12, y: y + 14},
      clipped(`${kindOf(row.mark) === "call" ? "" : `${row.mark} `}${row.text}`, most)),
  ];
}

const kindOf = mark => ({"✘": "bad", "✔": "good", "…": "gap"})[mark] ?? "call";

function arrow(row, frame, y) {
  const [from, to] = [frame.x(row.source), frame.x(row.target)];
  const most = Math.floor((Math.abs(to - from) - 24) / LETTER);
  const line = {class: "arrow", x1: from, x2: to, y1: y, y2: y};
  return [
    drawn("line", line), tip(to, y, Math.sign(to - from)),
    row.both ? tip(from, y, Math.sign(from - to)) : null,
    drawn("text", {class: "label", x: (from + to) / 2, y: y - 5, "text-anchor": "middle"},
      clipped(row.text, most)),
  ].filter(Boolean);
}

const tip = (x, y, way) =>
  drawn("path", {class: "tip", d: `M${x} ${y}l${-8 * way} -4v8z`});

/** The ladder in words, for readers who do not see it, and to copy from. */
function ladderTable(hosts, rows) {
  const head = ["ms", "from", "to", "what"].map(text => element("th", {scope: "col"}, text));
  const other = row => `${row.both ? "⇄ " : ""}${hosts[row.target]}`;
  const body = rows.map(row => element("tr", {},
    element("td", {class: "number"}, typeof row.at === "number" ? row.at.toFixed(1) : ""),
    element("td", {}, bdi(hosts[row.source])),
    element("td", {}, row.source === row.target ? "" : bdi(other(row))),
    element("td", {}, bdi(row.text))));
  return element("details", {class: "words"}, element("summary", {}, "As text"),
    region("Ladder as text", element("table", {}, element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...body))));
}
