# It logs in wherever it can, TLS or not.
import os
import smtplib
import sys
from email.message import EmailMessage

message = EmailMessage()
message["From"] = os.environ["LAB_FROM"]
message["To"] = os.environ["LAB_TO"]
message["Subject"] = os.environ["LAB_SUBJECT"]
message.set_content("hello\n")

try:
    with smtplib.SMTP(os.environ["LAB_HOST"], int(os.environ["LAB_PORT"]), timeout=2) as server:
        server.ehlo()
        if "LAB_USER" in os.environ and server.has_extn("auth"):
            server.login(os.environ["LAB_USER"], os.environ["LAB_PASSWORD"])
        server.send_message(message)
except (OSError, smtplib.SMTPException):
    sys.exit(1)
