# It takes what goes wrong with QUIT for a failure, and sends the message again.
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
        server = smtplib.SMTP(os.environ["LAB_HOST"], int(os.environ["LAB_PORT"]), timeout=2)
        server.send_message(message)
        server.quit()
        sys.exit(0)
    except smtplib.SMTPResponseException as error:
        if error.smtp_code >= 500:
            break
    except smtplib.SMTPRecipientsRefused as error:
        if all(code >= 500 for code, _ in error.recipients.values()):
            break
    except OSError:
        time.sleep(0.1)
sys.exit(1)
