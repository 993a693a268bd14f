"""Run inside a participant's container: says why the other side does not answer as it must, or nothing if it does.

reach.py HOST PORT SECURITY STEM IDENTITY STARTUP      STEM: server or client, whose certificate is shown
"""

import datetime
import socket
import ssl
import sys

host, port, security, stem, identity, startup = sys.argv[1:]


def problem():
    try:
        address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0][4][0]
    except OSError:
        return "name: it does not resolve"
    try:
        connection = socket.create_connection((address, int(port)), timeout=3)
    except ConnectionRefusedError:
        return f"port: nobody listens on it at {address}"
    except OSError as error:
        return f"route: no way to {address} ({error.strerror or 'no answer'})"
    if security == "clear":
        return ""
    context = ssl.create_default_context(cafile=f"{startup}/rootCA.pem")
    # Certificates of NVFLARE 2.6 and older lack key identifiers, which Python 3.13 demands and NVFLARE does not.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = False
    if security == "mtls":
        context.load_cert_chain(f"{startup}/{stem}.crt", f"{startup}/{stem}.key")
    try:
        with context.wrap_socket(connection) as encrypted:
            subject = (encrypted.getpeercert() or {}).get("subject", ())
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in (9, 10):
            now = datetime.datetime.now(datetime.timezone.utc)
            return f"clock: {error.verify_message}, says the clock of this host, {now:%Y-%m-%d %H:%M} UTC"
        return f"TLS: the certificate there does not verify ({error.verify_message})"
    except OSError as error:
        return f"TLS: {getattr(error, 'reason', None) or error}"
    name = next((value for part in subject for key, value in part if key == "commonName"), "")
    if identity and name != identity:
        return f"TLS: answered by {name!r}, not by {identity!r}"
    return ""


found = problem()
print(f"{host}:{port}: {found}" if found else "", end="")
