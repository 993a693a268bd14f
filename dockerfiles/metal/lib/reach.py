"""Prints why the other side of a participant's connection does not answer as it must; nothing if it does.

    reach.py STARTUP TYPE HOST PORT SECURITY IDENTITY
"""

import os
import socket
import ssl
import sys


def reach(startup, kind, host, port, security, identity):
    try:
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            if security == "clear":
                return ""
            context = ssl.create_default_context(cafile=os.path.join(startup, "rootCA.pem"))
            # Certificates of NVFLARE 2.6 and older lack key identifiers, which Python 3.13 demands and NVFLARE does not.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            context.check_hostname = False
            if security == "mtls":
                stem = os.path.join(startup, "server" if kind == "server" else "client")
                context.load_cert_chain(stem + ".crt", stem + ".key")
            with context.wrap_socket(connection) as encrypted:
                subject = encrypted.getpeercert()["subject"]
    except ssl.SSLCertVerificationError as error:
        return "TLS: the server's certificate does not verify (%s)" % error.verify_message
    except ssl.SSLError as error:
        return "TLS: %s" % (error.reason or error)
    except socket.gaierror:
        return "name: %s does not resolve" % host
    except ConnectionRefusedError:
        return "port: nobody listens on port %s of %s" % (port, host)
    except (TimeoutError, socket.timeout):
        return "route: no answer from port %s of %s" % (port, host)
    except OSError as error:
        return "route: %s: %s" % (host, error.strerror or error)
    name = next((value for part in subject for key, value in part if key == "commonName"), "")
    return "" if not identity or name == identity else "%s:%s is answered by %r, not by %r" % (host, port, name, identity)


print(reach(*sys.argv[1:]))
