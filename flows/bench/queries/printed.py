"""How is a campaign of questions shown?"""

from flows.bench.queries.campaign import Outcome, Row

HEAD = (
    "| question | runs | copy p50 ms | p95 | points p50 ms | p95 | times longer | answer, copy | answer, points |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
)


def lines(outcomes: list[Outcome]) -> list[str]:
    """A table for each size as Markdown, and the verdict."""
    shown: list[str] = []
    for outcome in outcomes:
        built = outcome.built
        shown += [
            f"{built.vans:,} vans, {built.days} days:"
            f" {built.point_count:,} points ({built.points_mb:,.0f} MB of Parquet),"
            f" {built.run_count:,} rows of the ledger ({built.published_mb:,.0f} MB published copy),"
            f" built in {outcome.built_s:.0f} s",
            "",
            *HEAD,
            *(_row(row) for row in outcome.rows),
            "",
            "driving seconds of every van, from the points per time and from the copy: "
            + ("equal" if outcome.proof_holds else "DIFFERENT"),
            "",
        ]
    wrong = [
        f"{row.question.name} ({outcome.built.vans} vans)"
        for outcome in outcomes
        for row in outcome.rows
        if row.is_same is False
    ]
    holds = all(outcome.holds for outcome in outcomes)
    return [*shown, "holds: what must be equal is" if holds else f"FAILS: {', '.join(wrong) or 'see above'}"]


def _row(row: Row) -> str:
    figures = [f"{side.figure:.{0 if row.question.figure == 'rows' else 2}f}" for side in (row.ours, row.raw)]
    said = "equal" if row.is_same else "DIFFERENT" if row.is_same is False else figures[1]
    unit = "vans" if row.question.figure == "rows" else row.question.figure
    return (
        f"| {row.question.name} | {row.runs} | {row.ours.p50_ms:.1f} | {row.ours.p95_ms:.1f} | {row.raw.p50_ms:.1f} |"
        f" {row.raw.p95_ms:.1f} | {row.ratio:.1f} | {figures[0]} {unit} | {said} |"
    )
