"""How pages of grades look: calm, readable on a phone, in the dark and on paper."""

from __future__ import annotations

BASE_STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1c2430; --soft: #566072; --line: #dbe0e7;
  --link: #1f5fbf; --good: #17694a; --bad: #9c3d10; --note: #fff6dd; --note-line: #d9b44a;
  --code: #f1f3f6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181e; --card: #1c222b; --text: #e3e8ef; --soft: #9ba7b8; --line: #323b48;
    --link: #8ab8ff; --good: #7fd3ae; --bad: #ffab7d; --note: #2f2a1a; --note-line: #8f7836;
    --code: #12161b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 2.25rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0; }
h4 { font-size: .85rem; margin: 1rem 0 .35rem; color: var(--soft); font-weight: 600; }
p { margin: .4rem 0; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
main { margin-top: 1.25rem; }
.soft { color: var(--soft); }
.small { font-size: .875rem; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem; margin: 0 0 1rem;
}
.head { display: flex; flex-wrap: wrap; gap: .25rem 1rem; justify-content: space-between; }
.points { font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.note {
  background: var(--note); border: 1px solid var(--note-line); border-radius: 10px;
  padding: .6rem 1rem; margin: 1rem 0;
}
pre, code { font-family: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace; }
code { font-size: .875em; background: var(--code); border-radius: 4px; padding: .1em .3em; }
pre {
  font-size: .8125rem; line-height: 1.45; background: var(--code); border: 1px solid var(--line);
  border-radius: 8px; padding: .75rem; margin: 0; overflow-x: auto; overflow-wrap: normal;
  max-width: 100%;
}
ul.marks { list-style: none; margin: .75rem 0 0; padding: 0; }
ul.marks > li { border-top: 1px solid var(--line); padding: .6rem 0; }
ul.marks > li:last-child { padding-bottom: 0; }
.full .sign { color: var(--good); }
.missed .sign { color: var(--bad); }
.sign { display: inline-block; width: 1.4em; font-weight: 700; }
dl.facts {
  display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem .75rem;
  margin: .4rem 0 0 1.4em;
}
dl.facts dt { color: var(--soft); font-size: .875rem; }
dl.facts dd { margin: 0; }
@media (max-width: 30rem) {
  dl.facts { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dl.facts dd { margin-bottom: .35rem; }
}
@media print {
  body { background: none; padding: 0; font-size: 10pt; }
  .card, .note, tr { break-inside: avoid; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
}
"""

FEEDBACK_STYLE = f"""{BASE_STYLE}
body {{ max-width: 48rem; }}
"""

CLASS_STYLE = f"""{BASE_STYLE}
:root {{
  --none: #f3c4a5; --some: #f9e3cf; --half: #eef0f3; --most: #cfe3f3; --all: #9fcbe9;
  --cell: #14202c;
}}
@media (prefers-color-scheme: dark) {{
  :root {{
    --none: #7a3b17; --some: #4f331f; --half: #2b333e; --most: #1f435c; --all: #12618f;
    --cell: #f4f7fa;
  }}
}}
body {{ max-width: 72rem; }}
ul.looks {{ padding-left: 2.25rem; }}
.tiles {{
  display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem;
  margin: 1.25rem 0;
}}
.tiles div {{
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .7rem .9rem;
}}
.tiles dt {{ color: var(--soft); font-size: .875rem; }}
.tiles dd {{ margin: 0; font-size: 1.35rem; font-weight: 600; }}
.scroll {{
  overflow: auto; max-height: 75vh; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px;
}}
table {{ border-collapse: separate; border-spacing: 0; font-size: .875rem; }}
.heat th, .heat td {{ padding: 0; border-bottom: 1px solid var(--line); overflow-wrap: normal; }}
.heat thead th {{
  position: sticky; top: 0; z-index: 1; background: var(--card); vertical-align: bottom;
  text-align: center; font-weight: 600; padding: .5rem .4rem; min-width: 6.25rem; max-width: 9rem;
  overflow-wrap: anywhere; hyphens: auto;
}}
.heat thead th .small {{ font-weight: 400; }}
.heat th[scope=row] {{
  position: sticky; left: 0; background: var(--card); text-align: left; font-weight: 400;
  border-right: 1px solid var(--line); max-width: 13rem;
}}
.heat thead th:first-child {{
  left: 0; z-index: 2; text-align: left; padding-left: .75rem; border-right: 1px solid var(--line);
}}
.heat th[scope=row] a {{
  display: block; padding: .3rem .75rem; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis;
}}
.heat td a {{
  display: block; padding: .3rem .4rem; text-align: center; color: var(--cell);
  text-decoration: none; font-variant-numeric: tabular-nums; border-left: 1px solid var(--card);
}}
.heat td a:hover {{ text-decoration: underline; }}
.heat a:focus-visible {{ outline-offset: -3px; }}
.none a {{ background: var(--none); }} .some a {{ background: var(--some); }}
.half a {{ background: var(--half); }} .most a {{ background: var(--most); }}
.all a {{ background: var(--all); }} td.total a {{ font-weight: 600; color: var(--text); }}
td.broke a {{ color: var(--soft); }} td.absent {{ text-align: center; color: var(--soft); }}
.mistakes {{ width: 100%; }}
.mistakes th, .mistakes td {{
  text-align: left; vertical-align: top; padding: .5rem .75rem;
  border-bottom: 1px solid var(--line); min-width: 8rem;
}}
.mistakes th:first-child, .mistakes td:first-child {{ min-width: 5rem; }}
details {{ margin: 0; }}
summary {{ cursor: pointer; padding: .5rem .25rem; }}
details.student {{
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 0 .75rem; margin: 0 0 .5rem; scroll-margin-top: 1rem;
}}
details.part {{ border-top: 1px solid var(--line); scroll-margin-top: 1rem; }}
details.part > div {{ padding: 0 .25rem .75rem 1.2rem; }}
details:target > summary, div:target {{ background: var(--note); }}
@media (max-width: 30rem) {{
  .heat th[scope=row] {{ max-width: 8rem; }}
  .heat th[scope=row] a {{ padding: .3rem .5rem; }}
  .heat thead th {{ min-width: 4.5rem; max-width: 7rem; font-size: .75rem; }}
  .heat thead th:first-child {{ padding-left: .5rem; }}
}}
@media print {{
  .scroll {{ overflow: visible; max-height: none; border: none; }}
  .heat thead th, .heat th[scope=row] {{ position: static; min-width: 0; }}
  .heat thead th {{ font-size: 7.5pt; }}
  .heat td a {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
  details.student:not([open]) {{ display: none; }}
}}
"""
