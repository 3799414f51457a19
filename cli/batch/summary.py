"""What a batch prints at its end."""

from collections.abc import Iterator

from cli.batch.results import Results

_PROBLEMS, _EXAMPLES = 10, 5
"""Most problems that are printed, and most scans of each."""


def failures(results: Results) -> Iterator[str]:
    """Lines with the problems of failed scans: the most frequent first, with some of their ids."""
    by_problem: dict[str, list[str]] = {}
    for entry in results.entries:
        record = results.journal.record(entry.id)
        if record is not None and record.state == "failed":
            by_problem.setdefault(record.problem.get("text", ""), []).append(entry.id)
    order = sorted(by_problem.items(), key=lambda item: -len(item[1]))
    for text, ids in order[:_PROBLEMS]:
        more = f" and {len(ids) - _EXAMPLES:,} more" if len(ids) > _EXAMPLES else ""
        yield f"{text}\n  {', '.join(ids[:_EXAMPLES])}{more}"
    if len(order) > _PROBLEMS:
        yield f"{len(order) - _PROBLEMS:,} other problems are in the table."
