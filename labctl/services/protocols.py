"""What a server that works says, by protocol: an honest client's session goes well.

Replies are text, a line or several; the dialogue adds what ends lines. Those that also end the
connection, or wait for more, are steps. Any of them can be replaced in a script.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """`replies` by verb; `greeting` comes first, `other` answers verbs that are not known.

    After a reply that begins with one of `more`, the client's next line is no command: it is
    answered as the verb MORE. After one that begins with `354`, a message follows, up to a line
    with a dot alone: it is answered as DATA-END. `tagged`: commands begin with a tag, and so does
    the last line of a reply.
    """

    greeting: str
    replies: dict[str, object]
    other: str
    more: tuple[str, ...] = ()
    tagged: bool = False
    options: tuple[str, ...] = ()
    """Keys of a script that are no replies."""


def _last(words: str) -> list[object]:
    """Return a reply after which the server closes."""
    return [{"send": f"{words}\r\n"}, "close"]


SMTP = Protocol(
    greeting="220 smtp.lab ready",
    replies={
        "EHLO": "250-smtp.lab\n250 8BITMIME",
        "HELO": "250 smtp.lab",
        "AUTH": "235 accepted",
        "MORE": "235 accepted",
        "MAIL": "250 ok",
        "RCPT": "250 ok",
        "DATA": "354 go ahead, and end with a dot",
        "DATA-END": "250 taken",
        "RSET": "250 ok",
        "NOOP": "250 ok",
        "VRFY": "252 perhaps",
        "QUIT": _last("221 bye"),
    },
    other="502 no such command",
    more=("334",),
)

FTP = Protocol(
    greeting="220 ftp.lab ready",
    replies={
        "USER": "331 and the password?",
        "PASS": "230 logged in",
        "TYPE": "200 ok",
        "PWD": '257 "/" is the folder',
        "CWD": "250 ok",
        "SIZE": "213 13",
        "PASV": "227 entering passive mode ({data})",
        "LIST": "150 here it comes\n226 done",
        "NLST": "150 here it comes\n226 done",
        "RETR": "150 here it comes\n226 done",
        "STOR": "150 send it\n226 done",
        "NOOP": "200 ok",
        "QUIT": _last("221 bye"),
    },
    other="502 no such command",
    options=("data",),
)

POP3 = Protocol(
    greeting="+OK pop3.lab ready",
    replies={
        "CAPA": "+OK\nUSER\n.",
        "USER": "+OK",
        "PASS": "+OK logged in",
        "STAT": "+OK 1 22",
        "LIST": "+OK 1 message\n1 22\n.",
        "UIDL": "+OK\n1 first\n.",
        "RETR": "+OK 22 octets\nSubject: hello\n\nhello\n.",
        "TOP": "+OK\nSubject: hello\n\n.",
        "DELE": "+OK",
        "RSET": "+OK",
        "NOOP": "+OK",
        "QUIT": _last("+OK bye"),
    },
    other="-ERR no such command",
)

IMAP = Protocol(
    greeting="* OK imap.lab ready",
    replies={
        "CAPABILITY": "* CAPABILITY IMAP4rev1\nOK done",
        "LOGIN": "OK logged in",
        "AUTHENTICATE": "NO there is no such way",
        "SELECT": "* 1 EXISTS\n* OK [UIDVALIDITY 1] valid\nOK [READ-WRITE] selected",
        "EXAMINE": "* 1 EXISTS\n* OK [UIDVALIDITY 1] valid\nOK [READ-ONLY] selected",
        "LIST": '* LIST () "/" INBOX\nOK done',
        "SEARCH": "* SEARCH 1\nOK done",
        "FETCH": "* 1 FETCH (RFC822 {23}\nSubject: hello\n\nhello)\nOK done",
        "CLOSE": "OK closed",
        "NOOP": "OK done",
        "LOGOUT": "* BYE\nOK bye",
    },
    other="BAD no such command",
    more=("+",),
    tagged=True,
)

PROTOCOLS = {"smtp": SMTP, "ftp": FTP, "pop3": POP3, "imap": IMAP}
