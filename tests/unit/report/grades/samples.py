"""Grades for tests: plain ones, hostile ones, and a whole class."""

from __future__ import annotations

from labctl.model.grade import ClassGrades, Grade, GradeState, Mark, Part

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</pre></code></script><h1>hi</h1>",
    "<!-- --><![CDATA[",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "\u202eevil\u202c \u2066x\u2069",
    "```\n# heading\n```",
    "~~~~~\n[link](javascript:alert(1))",
    "` `` ``` ````",
    "![x](http://example.com/x.png) <http://example.com> www.example.com https://example.com",
    "=cmd|' /C calc'!A1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    " =1",
    '\\",100,"',
    "ends with \\",
    "a,b;c\nd\r\ne",
    "Points Possible",
    "1. one\n2. two\n- three\n> four\n\n    five",
    "***bold*** __b__ ~~s~~ &amp; &#60; | a | b |",
    "\x00\x7f\ud800",
    "",
)


def mark(title: str = "exit code", points: float = 1, most: float = 1, **more: str) -> Mark:
    return Mark(title=title, points=points, max_points=most, **more)


MISSED = mark(
    "three tries",
    0,
    2,
    expected="3 tries",
    actual="1 try",
    message="it gave up after the first",
    hint="RFC 5321, 4.5.4.1, on trying again",
)
RUN = Part(
    name="client/refused",
    kind="client",
    title="Nothing listens",
    marks=(mark(expected="exit code 0", actual="exit code 0"), MISSED),
    elapsed_s=1.25,
    ladder=("client        server", "   | -- SYN -->  |", "   | <-- RST --  |"),
    stdout="trying\n",
    stderr="Traceback (most recent call last):\nConnectionRefusedError\n",
    capture="client-refused.pcapng",
    evidence="client-refused.json",
)
HIDDEN = Part(
    name="client/slow",
    kind="client",
    title="A slow server",
    hidden=True,
    marks=(mark("waits", 2, 2), mark("says so", 0, 1, message="it hung", hint="timeout=")),
)
BONUS = Part(name="client/v6", kind="client", title="IPv6", bonus=True, marks=(mark("v6", 1, 1),))
PREDICT = Part(
    name="predict/errno",
    kind="predict",
    title="Which errno?",
    marks=(mark("errno", 1, 1, expected="111", actual="111"),),
)
TAMPERED = RUN.model_copy(
    update={"state": GradeState.TAMPERED, "reasons": ("the report says 3, the wire says 1",)}
)
BROKEN = RUN.model_copy(
    update={"state": GradeState.ERROR, "reasons": ("no answer from dockerd",), "marks": ()}
)

STARVED = BROKEN.model_copy(
    update={"state": GradeState.INCONCLUSIVE, "reasons": ("no answer from dockerd",)}
)


def grade(*parts: Part, **more: object) -> Grade:
    """Its points are those of its parts, unless given."""
    given: dict[str, object] = {
        "labctl": "0.1.0",
        "exercise": "retry",
        "exercise_digest": "sha256:e",
        "title": "Try again",
        "id": "ada",
        "name": "Ada Lovelace",
        "submission": "ada.zip",
        "digest": "sha256:d",
        "state": GradeState.GRADED,
        "points": sum(part.points for part in parts),
        "max_points": sum(part.max_points for part in parts if not part.bonus),
        "elapsed_s": 2.5,
        "parts": parts,
    }
    return Grade.model_validate(given | more)


FULL = grade(PREDICT, RUN, HIDDEN, BONUS)
REFUSED = grade(state=GradeState.REFUSED, message="client.py is missing", max_points=7, points=0)
TAMPERING = grade(
    PREDICT,
    TAMPERED,
    state=GradeState.TAMPERED,
    message="report and wire of client/refused disagree",
)
BROKE = grade(
    PREDICT, BROKEN, state=GradeState.ERROR, message="dockerd: no space left", max_points=7
)
BUSY = BROKE.model_copy(update={"state": GradeState.INCONCLUSIVE, "parts": (PREDICT, STARVED)})
STATES = (FULL, REFUSED, TAMPERING, BROKE, BUSY)


def hostile(text: str) -> Grade:
    """A grade of which every text is this."""
    bad = Mark(
        title=text, points=0, max_points=1, expected=text, actual=text, message=text, hint=text
    )
    part = Part(
        name="client/x",
        kind="client",
        title=text,
        marks=(bad, bad),
        ladder=(text, text),
        stdout=text,
        stderr=text,
        capture=text,
        evidence=text,
        reasons=(text,),
    )
    return grade(part, part.model_copy(update={"name": "client/y", "hidden": True})).model_copy(
        update={"name": text, "title": text, "message": text, "id": text, "submission": text}
    )


def marked(part: Part, marker: str) -> Part:
    """The part with the marker, and a number, in each of its texts."""

    def of(name: str) -> str:
        return f"{marker}-{name}"

    marks = tuple(
        one.model_copy(
            update={key: of(key) for key in ("title", "expected", "actual", "message", "hint")}
        )
        for one in part.marks
    )
    texts = {key: of(key) for key in ("name", "title", "stdout", "stderr", "capture", "evidence")}
    more = {"reasons": (of("reason"),), "ladder": (of("ladder"),), "marks": marks}
    return part.model_copy(update=texts | more)


def classroom(*grades: Grade) -> ClassGrades:
    return ClassGrades(
        labctl="0.1.0", exercise="retry", title="Try again", max_points=7, grades=grades
    )
