"""The records of the lab's name server, and the answers that a scenario gives it instead.

LAB_ZONE holds the lab's names: `closed.lab=198.18.0.11 mail.lab=198.18.0.13`. Every other name does
not exist (NXDOMAIN); a known name has an A record and no other data.

LAB_ANSWERS holds names that are answered otherwise: by one of the words of ODD, or with a record
for each of several names of the zone and of addresses, in that order. A number is the last one of
an address. An IPv6 address is an AAAA record, any other an A record. With a `delay`, in seconds,
the answer is late; without an `answer` beside it, it is the usual one.

    broken.lab: servfail
    two.lab: [closed.lab, tcp.lab]
    nobody.lab: [99]
    six.lab: ["2001:db8::6", mail.lab]
    late.lab: {delay: 0.5, answer: servfail}
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

from .settings import WrongScript, choice, mapping, seconds, within
from .settings import text as text_of

TTL_S = 60

_Odd = Callable[[dns.message.Message, bool], bytes]
"""Of a response without records, and whether it goes over TCP: the bytes to send, b"" for none."""


def _coded(code: dns.rcode.Rcode) -> _Odd:
    """Return a function that makes an answer with this error code."""

    def answer(response: dns.message.Message, _: bool) -> bytes:
        response.set_rcode(code)
        return response.to_wire()

    return answer


def _garbage(response: dns.message.Message, _: bool) -> bytes:
    """Return an answer that begins as a response does, and then is no DNS."""
    return response.to_wire()[:4] + b"\xff" * 20


def _truncated(response: dns.message.Message, stream: bool) -> bytes:
    """Return an answer that says to ask again over TCP; over TCP, one that says that it failed.
    Without any answer over TCP, glibc waits for ever.
    """
    if stream:
        return _coded(dns.rcode.SERVFAIL)(response, stream)
    response.flags |= dns.flags.TC
    return response.to_wire()


def _other_id(response: dns.message.Message, _: bool) -> bytes:
    """Return an answer with another query's id."""
    response.id ^= 0xFFFF
    return response.to_wire()


ODD: dict[str, _Odd] = {
    "servfail": _coded(dns.rcode.SERVFAIL),
    "refused": _coded(dns.rcode.REFUSED),
    "formerr": _coded(dns.rcode.FORMERR),
    "nodata": _coded(dns.rcode.NOERROR),
    "garbage": _garbage,
    "truncated": _truncated,
    "wrong-id": _other_id,
    "silent": lambda _response, _stream: b"",
}


Records = list[tuple[str, str]]
"""The records of a name, each with its type: `("A", "198.18.0.13")`."""


def _parsed(answers: str) -> dict[Any, Any]:
    """Return a scenario's answers by name. Raise WrongScript if they are no mapping."""
    if not answers:
        return {}
    from .yaml_text import load  # noqa: PLC0415 most labs have no answers, and start faster without

    return mapping(load(answers) or {})


class Zone:
    """The records of the lab."""

    def __init__(self, text: str, answers: str = "") -> None:
        """Take the names and addresses of the lab, and a scenario's answers. Raise WrongScript if
        these are wrong.
        """
        pairs = [item.split("=", 1) for item in text.split()]
        self._network = pairs[0][1].rpartition(".")[0] if pairs else ""
        self._records: dict[dns.name.Name, Records] = {
            dns.name.from_text(name): [("A", address)] for name, address in pairs
        }
        self._names = {
            dns.reversename.from_address(address): dns.name.from_text(name)
            for name, address in reversed(pairs)
        }
        self._odd: dict[dns.name.Name, str] = {}
        self._delays_s: dict[dns.name.Name, float] = {}
        for key, value in _parsed(answers).items():
            with within(str(key)):
                self._add(dns.name.from_text(text_of(key)), value)

    def _add(self, name: dns.name.Name, value: object) -> None:
        """Add a scenario's answer for a name. Raise WrongScript for a mistake."""
        if isinstance(value, dict):
            parts = mapping(value, ["delay", "answer"])
            with within("delay"):
                self._delays_s[name] = seconds(parts.get("delay"))
            if "answer" in parts:
                with within("answer"):
                    self._add_answer(name, parts["answer"])
        else:
            self._add_answer(name, value)

    def _add_answer(self, name: dns.name.Name, value: object) -> None:
        """Add what a name is answered with. Raise WrongScript for a mistake."""
        if isinstance(value, list):
            self._records[name] = [found for other in value for found in self._found(other)]
        else:
            choice(value, ODD)
            self._odd[name] = str(value)

    def _found(self, other: object) -> Records:
        """Return the records of an address, of the address with that last number, or of another
        name. Raise WrongScript for a mistake.
        """
        if type(other) is int:
            return [("A", f"{self._network}.{other}")] if self._network else []
        text = text_of(other)
        try:
            version = ipaddress.ip_address(text).version
        except ValueError:
            return self._records.get(dns.name.from_text(text), [])
        if "%" in text:
            raise WrongScript(f"an address has no scope in DNS, as {text} has")
        return [("A" if version == 4 else "AAAA", text)]  # noqa: PLR2004

    def odd(self, query: dns.message.Message) -> str:
        """Return how a query is answered if the answer is to be wrong: a word of ODD."""
        return self._odd.get(query.question[0].name, "") if query.question else ""

    def delay_s(self, query: dns.message.Message) -> float:
        """Return how many seconds late a query is answered."""
        return self._delays_s.get(query.question[0].name, 0.0) if query.question else 0.0

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """Return the response to a query with one question; FORMERR for any other."""
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= dns.flags.AA
        if len(query.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
            return response
        question = query.question[0]
        if question.name in self._records:
            records = self._records[question.name]
        elif question.name in self._names:
            records = [("PTR", self._names[question.name].to_text())]
        else:
            response.set_rcode(dns.rcode.NXDOMAIN)
            return response
        wanted = dns.rdatatype.to_text(question.rdtype)
        if values := [value for kind, value in records if kind == wanted]:
            response.answer.append(dns.rrset.from_text(question.name, TTL_S, "IN", wanted, *values))
        return response
