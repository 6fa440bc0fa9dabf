"""Sends one mail, once, and says with its exit code what became of it: see README.md."""

import os
import smtplib
from email.message import EmailMessage

message = EmailMessage()
message["From"] = os.environ["LAB_FROM"]
message["To"] = os.environ["LAB_TO"]
message["Subject"] = os.environ["LAB_SUBJECT"]
message.set_content("hello\n")

with smtplib.SMTP(os.environ["LAB_HOST"], int(os.environ["LAB_PORT"])) as server:
    server.send_message(message)
