# It tries again after whatever goes wrong: after a "no" for good, and after the last dot.
import os
import smtplib
import sys
import time
from email.message import EmailMessage

message = EmailMessage()
message["From"] = os.environ["LAB_FROM"]
message["To"] = os.environ["LAB_TO"]
message["Subject"] = os.environ["LAB_SUBJECT"]
message.set_content("hello\n")

for number in range(3):
    try:
        with smtplib.SMTP(os.environ["LAB_HOST"], int(os.environ["LAB_PORT"]), timeout=2) as server:
            server.send_message(message)
        sys.exit(0)
    except OSError:
        time.sleep(0.1)
sys.exit(1)
