"""Who may read and write which topics on the broker?

A user is a login: a device, a bridge, a depot's planner, a collector, or a person's tool.
Each has literal rules and nothing else; what no rule allows is denied, whoever asks.
Tenants are always named, also for the collector, which hears every tenant there is.

    device      writes tm/v1/{tenant}/{device}/pos|evt|sta|his    reads its cmd and ack
    provider    writes fc/v1/{tenant}/{provider}/txn              reads its ack
    depot       writes rt/v1/{tenant}/{depot}/plan                reads its ack
    reader      reads a tenant's positions, events, status and plans; no card records, they hold card numbers
    dispatcher  writes a tenant's commands
    forwarder   writes the topics listed for it, such as Traccar's
    gateway     writes what all senders of a tenant write         reads their ack
    collector   reads what it subscribes to and the broker's figures, writes receipts
"""

import logging
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from ingest.broker_watch import read_conf
from ingest.topics import (
    ACK,
    ACK_SUBSCRIPTIONS,
    KINDS,
    OUR_TREES,
    SUBSCRIPTIONS,
    SYSTEM_SUBSCRIPTIONS,
    covers,
    overlaps,
)

logger = logging.getLogger(__name__)

Identity = Literal["certificate", "password"]
Sender = Literal["device", "provider", "depot"]

FAMILY: dict[Sender, str] = {"device": "tm", "provider": "fc", "depot": "rt"}
COMMAND = "cmd"
READABLE = ("tm", "rt")
# Names become levels of topics, lines of files and names in certificates, so we list what is good, not what is bad.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,255}")
# Of a forwarder: `+` stands for one whole level, and the first may be empty (`/+/report`).
TOPIC = re.compile(r"(?=.{1,256}\Z)/?([A-Za-z0-9._-]+|\+)(/([A-Za-z0-9._-]+|\+))*")


class AccessRefused(Exception):
    """Some names would open what is not theirs; `problems` holds one line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(("no access rules written:", *problems)))


class Rule(NamedTuple):
    """One line of the rules: `may` is what is allowed on topics that `topic` matches."""

    may: Literal["read", "write"]
    topic: str


class User(NamedTuple):
    """A login and all it may do; `identity` is how it proves who it is."""

    name: str
    rules: tuple[Rule, ...]
    identity: Identity
    about: str


def sender(kind: Sender, tenant: str, name: str, user: str, identity: Identity) -> User:
    """A device, a provider's bridge or a depot's planner: its own topics and nobody else's."""
    _check(kind, tenant=tenant, name=name)
    family = FAMILY[kind]
    own = f"{family}/v1/{tenant}/{name}"
    answers = (COMMAND, ACK) if kind == "device" else (ACK,)
    writes = (Rule("write", f"{own}/{topic}") for topic in KINDS[family])
    return User(
        user, (*writes, *(Rule("read", f"{own}/{topic}") for topic in answers)), identity, f"{kind} of {tenant}"
    )


def reader(tenant: str, user: str, identity: Identity) -> User:
    """A tool that watches one tenant."""
    _check("reader", tenant=tenant)
    rules = (Rule("read", f"{family}/v1/{tenant}/+/{kind}") for family in READABLE for kind in KINDS[family])
    return User(user, tuple(rules), identity, f"reader of {tenant}")


def dispatcher(tenant: str, user: str, identity: Identity) -> User:
    """A tool that sends commands to the devices of one tenant."""
    _check("dispatcher", tenant=tenant)
    return User(user, (Rule("write", f"tm/v1/{tenant}/+/{COMMAND}"),), identity, f"dispatcher of {tenant}")


def forwarder(topics: Sequence[str], user: str, identity: Identity) -> User:
    """A gateway with topics of its own format."""
    bad = [
        topic
        for topic in topics
        if not TOPIC.fullmatch(topic)
        or topic.split("/")[0] in KINDS
        or any(overlaps(topic, tree) for tree in OUR_TREES)
    ]
    if bad or not topics:
        wrong = ", ".join(map(repr, bad)) or "none given"
        raise AccessRefused(
            [f"{user}: a forwarder's topics are written out but for + levels, and not of our own tree: {wrong}"]
        )
    return User(user, tuple(Rule("write", topic) for topic in topics), identity, "forwarder")


def gateway(tenant: str, user: str, identity: Identity) -> User:
    """A bridge that speaks for every device, provider and depot of one tenant; the simulator is one."""
    _check("gateway", tenant=tenant)
    rules = []
    for family, kinds in KINDS.items():
        rules += [Rule("write", f"{family}/v1/{tenant}/+/{kind}") for kind in kinds]
        rules.append(Rule("read", f"{family}/v1/{tenant}/+/{ACK}"))
    return User(user, tuple(rules), identity, f"gateway of {tenant}")


def collector(tenants: Iterable[str], foreign: Sequence[str], user: str, identity: Identity) -> User:
    """The collector: reads what it subscribes to, `foreign` topics and those of the tenants, and writes receipts."""
    rules = []
    for tenant in sorted(set(tenants)):
        _check("collector", tenant=tenant)
        for family, kinds in KINDS.items():
            rules += [Rule("read", f"{family}/v1/{tenant}/+/{kind}") for kind in kinds]
            rules.append(Rule("write", f"{family}/v1/{tenant}/+/{ACK}"))
    rules += [Rule("read", topic) for topic in (*foreign, *SYSTEM_SUBSCRIPTIONS)]
    return User(user, tuple(rules), identity, "collector")


def access_rules(users: Iterable[User]) -> str:
    """The text of mosquitto's `acl_file`; raise AccessRefused where two users would share a name."""
    known = sorted(users)
    problems = [f"{user.name!r} is not a name for a user" for user in known if not USER.fullmatch(user.name)]
    for earlier, later in pairwise(known):
        if earlier.name == later.name:
            problems.append(f"{later.name} would be {earlier.about} and {later.about}: one login would open both")
    if problems:
        raise AccessRefused(problems)
    blocks = (
        "\n".join((f"# {user.about}", f"user {user.name}", *(f"topic {may} {topic}" for may, topic in user.rules)))
        for user in known
    )
    return "\n\n".join(("# Written by `odograph broker-config`: what is not allowed here is denied.", *blocks, ""))


def read_rules(path: Path) -> dict[str, tuple[Rule, ...]]:
    """The rules of each user in an `acl_file`; raise OSError where it cannot be read."""
    rules: dict[str, tuple[Rule, ...]] = {}
    user = ""
    for line in path.read_text(errors="replace").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "user":
            user = rest.strip()
            rules.setdefault(user, ())
        elif word == "topic":
            may, _, topic = rest.strip().partition(" ")
            if may not in ("read", "write", "readwrite", "deny"):
                may, topic = "readwrite", rest.strip()
            kinds: tuple[Literal["read", "write"], ...] = ("read", "write")
            rules[user] = (*rules.get(user, ()), *(Rule(kind, topic) for kind in kinds if kind in may))
    return rules


def rules_of_broker(conf: Path) -> dict[str, tuple[Rule, ...]] | None:
    """The rules that a mosquitto.conf names; None where it has none, or its clients are not named by their users.

    In a container the broker has them elsewhere, and here they lie beside the configuration. Raises OSError.
    """
    options = read_conf(conf)
    if "acl_file" not in options or options.get("use_username_as_clientid") != "true":
        return None
    path = Path(options["acl_file"])
    return read_rules(path if path.exists() else conf.parent / path.name)


def may_hear(rules: Sequence[Rule], subscription: str) -> bool:
    """Whether rules let a user hear all that it subscribes to.

    Our own clients ask for more at once: a collector for all tenants, a publisher for its tenant's or all receipts.
    """
    asked = subscription.split("/", 2)[-1] if subscription.startswith("$share/") else subscription
    reads = [rule.topic for rule in rules if rule.may == "read"]
    if any(covers(receipts, asked) for receipts in ACK_SUBSCRIPTIONS) and asked.endswith(f"/+/{ACK}"):
        tenant = asked.split("/")[2]
        return any(topic.endswith(f"/{ACK}") and tenant in ("+", topic.split("/")[2]) for topic in reads)
    if asked in SUBSCRIPTIONS and any(rule.may == "write" and rule.topic.endswith(f"/+/{ACK}") for rule in rules):
        return True
    return any(covers(topic, asked) for topic in reads)


def warn_of_withheld(conf: Path, user: str, foreign: Sequence[str]) -> None:
    """Warn where the rules of a broker whose configuration is here withhold foreign topics: it grants them in silence.

    Where no rules name the user, as with another certificate, it is enough that somebody may hear them.
    """
    try:
        known = rules_of_broker(conf)
    except OSError as error:
        logger.info("could not learn what the broker lets us hear: %s: %s", error.filename, error.strerror)
        return
    if known is None:
        return
    ours = known.get(user) or tuple(rule for rules in known.values() for rule in rules)
    withheld = [topic for topic in foreign if not may_hear(ours, topic)]
    if withheld:
        logger.warning(
            "the broker's rules withhold %s: run `odograph broker-config` again and have it reload", ", ".join(withheld)
        )


def _check(about: str, **names: str) -> None:
    problems = [f"{about} {name!r}: not a name for a topic" for name in names.values() if not NAME.fullmatch(name)]
    if problems:
        raise AccessRefused(problems)
