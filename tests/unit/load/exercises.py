"""An exercise that is right, for tests to change, and the catalogue that it is read with."""

from __future__ import annotations

from pathlib import Path

from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.load.exercise import Exercises, load_exercise
from labctl.model.exercise import Exercise
from tests.unit.load.texts import write

EXERCISE = """\
name: mine
title: Tell why
text: It does not work. Why?
level: 2
python: "3.13"
limits: {tries: 3, time: 5s}
predict:
  about:
    gone: {scenario: refused-port, attempt: socket}
  questions:
    which:
      about: gone
      ask: exception
      text: Which exception is raised?
clients:
  tell:
    file: client.py
    text: The program.
    runs:
      works:
        title: It works
        services: [mail]
        target: {host: mail.lab, port: 25}
        env: {LAB_TO: "bob@{host}"}
        argv: ["{nonce}"]
        checks:
          - {served: "mail message to=bob@{host}", times: {min: 1, max: 1}, points: 2}
          - {exit: 0}
      refused:
        title: Nobody listens
        scenario: refused-port
        hidden: true
        checks:
          - {wire: "tcp {host}:{port} refused"}
scenarios:
  own:
    file: my.yaml
    text: Write one.
    raises: ConnectionResetError
"""
COMPOSE = bundled_compose()


def known() -> Catalogue:
    return Catalogue([bundled_folder("scenarios")], COMPOSE)


def load(text: str, name: str = "mine/exercise.yaml") -> Exercise:
    """The exercise with that text, in a file of the current folder, which is the test's own."""
    return load_exercise(write(name, text), scenarios=known(), builtin_compose=COMPOSE)


def exercises(*folders: str) -> Exercises:
    return Exercises([Path(one) for one in folders or (".",)], known(), COMPOSE)
