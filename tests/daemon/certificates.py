# SPDX-License-Identifier: LGPL-2.1-or-later
"""A certification authority for a test, made with openssl."""

import subprocess


class Authority:
    """A CA in DIRECTORY; `certificate` is its own."""

    def __init__(self, directory, name="ca"):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.name = directory, name
        self.certificate, self.key = directory / f"{name}.pem", directory / f"{name}.key"
        _openssl("req", "-x509", *_NEW_KEY, "-keyout", self.key, "-out", self.certificate, "-subj", f"/CN={name}",
                 "-days", "2", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, *, address="127.0.0.1", days=2):
        """A certificate for an address, and its key: two paths.  Negative DAYS: it has expired."""
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName=IP:{address},DNS:localhost\n", encoding="ascii")
        _openssl("req", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                 "-out", certificate, "-days", str(days), "-extfile", extensions)
        key.chmod(0o600)
        return certificate, key


_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
