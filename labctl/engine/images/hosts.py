"""The names of labctl's own servers. The certificates in the lab image are for these."""

HOSTS = ("tls.lab", "smtp.lab", "http.lab", "ftp.lab", "imap.lab", "pop3.lab", "firewall.lab")
