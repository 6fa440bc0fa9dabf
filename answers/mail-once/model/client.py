"""Sends one mail, once, and says with its exit code what became of it."""

import os
import smtplib
import ssl
import sys
import time
from email.message import EmailMessage

TAKEN, REFUSED, UNKNOWN = 0, 1, 2
TRIES, TIMEOUT_S = 3, 1.5


class Unknown(Exception):
    """The server may have the message."""


def log_in(server):
    user, password = os.environ.get("LAB_USER"), os.environ.get("LAB_PASSWORD")
    server.ehlo()
    if not user or not server.has_extn("starttls"):
        return
    server.starttls(context=ssl.create_default_context())
    server.ehlo()
    if server.has_extn("auth"):
        server.login(user, password)


def send(message):
    """Send it over one connection. Unknown once the server may have it."""
    host, port = os.environ["LAB_HOST"], int(os.environ["LAB_PORT"])
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    try:
        log_in(server)
        code, said = server.mail(message["From"])
        if code == 250:
            code, said = server.rcpt(message["To"])
        if code != 250:
            raise smtplib.SMTPResponseException(code, said)
        try:
            code, said = server.data(message.as_string())
        except smtplib.SMTPDataError:
            raise
        except (OSError, smtplib.SMTPException) as error:
            raise Unknown from error
        if code != 250:
            raise smtplib.SMTPResponseException(code, said)
    finally:
        try:
            server.quit()
        except (OSError, smtplib.SMTPException):
            server.close()


def may_pass(error):
    return not isinstance(error, smtplib.SMTPResponseException) or 400 <= error.smtp_code < 500


def main():
    message = EmailMessage()
    message["From"] = os.environ["LAB_FROM"]
    message["To"] = os.environ["LAB_TO"]
    message["Subject"] = os.environ["LAB_SUBJECT"]
    message.set_content("hello\n")
    for number in range(TRIES):
        try:
            send(message)
            return TAKEN
        except Unknown:
            return UNKNOWN
        except OSError as error:
            if not may_pass(error):
                return REFUSED
        time.sleep(0.1 * (number + 1))
    return REFUSED


sys.exit(main())
