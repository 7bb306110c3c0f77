# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks a running ipmid by way of a handler with tests/plugins/asker.c."""

import itertools
import json
import os

from waiting import wait_for

INVALID, NOT_ALLOWED, NOT_FOUND, CONFLICT, FAILED, UNAVAILABLE = 400, 403, 404, 409, 500, 503
HANDLER = """[handler asker]
plugin = asker
questions = {questions}
replies = {replies}
required = no
"""


class Refused(Exception):
    """The answer was an error."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def _variant(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"int64 {value}"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


class Asker:
    """The other end of the handler, whose group is `config`."""

    def __init__(self, directory):
        self.questions, self.replies = directory / "questions", directory / "replies"
        os.mkfifo(self.questions)
        # Held open, also while nobody reads: what is in it would be gone with the last who has it.
        self.fifo = open(self.questions, "r+b", buffering=0)        # pylint: disable=consider-using-with
        self.config = HANDLER.format(questions=self.questions, replies=self.replies)
        self.tags = itertools.count()

    def send(self, method, arguments):
        """Ask, and return the tag of the answer."""
        tag = f"t{next(self.tags)}"
        text = ", ".join(f"{json.dumps(key)}: <{_variant(value)}>" for key, value in arguments.items())
        line = f"{tag} {method} {{{text}}}\n" if text else f"{tag} {method}\n"
        self.fifo.write(line.encode())
        return tag

    def answers(self, tag):
        """What came for this tag: one, or none yet."""
        if not self.replies.exists():
            return []
        lines = self.replies.read_bytes().split(b"\n")[:-1]
        return [answer for answer in map(json.loads, lines) if answer["tag"] == tag]

    def ask(self, method, *, deadline=20, **arguments):
        """The reply; `for_` is the argument `for`."""
        tag = self.send(method, {key.rstrip("_"): value for key, value in arguments.items()})
        wait_for(lambda: self.answers(tag), deadline, f"an answer to {method}")
        (answer,) = self.answers(tag)
        if "reply" not in answer:
            raise Refused(answer["code"], answer["message"])
        return answer["reply"]

    def refused(self, code, method, **arguments):
        """The words with which it is refused."""
        try:
            reply = self.ask(method, **arguments)
        except Refused as refusal:
            assert refusal.code == code, refusal
            return refusal.message
        raise AssertionError(f"{method} was not refused: {reply}")
