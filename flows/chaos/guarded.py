"""A broker of ours that knows who may write what: each tenant's gateway, and the collectors.

The rules are those of `odograph broker-config`. Names are believed without a certificate or password, on loopback only;
that a name cannot be borrowed is what tests/flows/test_broker_security.py proves.
"""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from ingest.access import access_rules, collector, gateway
from ingest.broker import MosquittoChild
from ingest.collector import client_id
from ingest.topics import FOREIGN_SUBSCRIPTIONS


class GuardedBroker(MosquittoChild):
    """mosquitto with rules for tenants and collectors, and an outsider who has none."""

    def __init__(self, folder: Path, tenants: Sequence[str], collectors: Sequence[str]) -> None:
        super().__init__(folder)
        self._rules = access_rules(
            [
                *(gateway(tenant, f"gateway-{tenant}", "password") for tenant in tenants),
                *(collector(tenants, FOREIGN_SUBSCRIPTIONS, client_id(name), "password") for name in collectors),
            ]
        )

    def url_of(self, user: str) -> str:
        """Where it listens, for one of its users."""
        return self.url.replace("//", f"//{quote(user)}@", 1)

    def access(self) -> str:
        """Everybody by name, and to each what the rules say."""
        rules = self.folder.resolve() / "acl"
        rules.write_text(self._rules)
        return f"{super().access()}\nacl_file {rules}"
