"""A certificate authority in a folder, by the commands of docs/deployment.md."""

import shutil
import subprocess
from pathlib import Path

from tests.ingest.running import PROJECT

EXPIRED = ("-startdate", "20250101000000Z", "-enddate", "20250201000000Z")
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")


class Authority:
    """Makes certificates in `folder`: `name`.crt and `name`.key."""

    def __init__(self, folder: Path, name: str = "Fleet CA") -> None:
        self.folder = folder
        (folder / "issued").mkdir(parents=True)
        (folder / "index.txt").touch()
        (folder / "serial").write_text("1000\n")
        shutil.copy(PROJECT / "deploy" / "certificates.cnf", folder)
        self._openssl(
            *("req", "-x509", *NEW_KEY, "-keyout", "ca.key", "-out", "ca.crt", "-days", "3650"),
            *("-subj", f"/CN={name}", "-extensions", "authority"),
        )

    def broker(self, names: str) -> None:
        """The broker's own certificate, for the names and addresses that clients use."""
        request = ("req", *NEW_KEY, "-keyout", "broker.key", "-out", "broker.csr", "-subj", "/CN=broker")
        self._openssl(*request, "-addext", f"subjectAltName={names}")
        self._openssl(
            *("x509", "-req", "-in", "broker.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "365"),
            *("-extfile", "certificates.cnf", "-extensions", "broker", "-copy_extensions", "copy"),
            *("-out", "broker.crt"),
        )

    def client(self, user: str, *more: str, file: str | None = None) -> None:
        """A user's certificate; it says who it is and nothing else."""
        name = file or user
        self._openssl("req", *NEW_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={user}")
        self._openssl(
            "ca", "-batch", "-notext", "-extensions", "client", "-in", f"{name}.csr", "-out", f"{name}.crt", *more
        )

    def revoke(self, *names: str) -> None:
        """Write the list of revoked certificates anew, with these in it."""
        for name in names:
            self._openssl("ca", "-revoke", f"{name}.crt")
        self._openssl("ca", "-gencrl", "-out", "revoked.pem")

    def _openssl(self, command: str, *arguments: str) -> None:
        config = () if command == "x509" else ("-config", "certificates.cnf")
        subprocess.run(["openssl", command, *config, *arguments], cwd=self.folder, check=True, capture_output=True)
