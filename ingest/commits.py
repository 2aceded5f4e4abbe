"""When is a commit to the lake good? On top of the version it was decided on, and never on another."""

from deltalake import CommitProperties, Transaction


class LakeChanged(Exception):
    """Another machine wrote the lake while we were at it; nothing of ours is in it, and the next run goes on."""

    def __init__(self, where: str) -> None:
        super().__init__(f"another machine is writing {where}: nothing was changed there, the next run goes on")


def only_on_top(transactions: list[Transaction] | None = None) -> CommitProperties:
    """Let a commit fail where the table is no longer as its handle knows it.

    delta-rs would otherwise put an append on top of whatever came meanwhile, the same segments included.
    """
    return CommitProperties(app_transactions=transactions, max_commit_retries=0)
