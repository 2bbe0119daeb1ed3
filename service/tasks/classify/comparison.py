"""Where several models' labels of the same texts differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.tasks.classify.reply import ClassifyReply
from service.tasks.classify.schemas import ComparedLabels

__all__ = ["compare_labels"]


def compare_labels(replies: Sequence[ClassifyReply]) -> Iterator[ComparedLabels]:
    """Each text's labels side by side, and how far apart the scores of each label are.

    Args:
        replies: To one request, at least one.
    """
    names = [reply.variant.name for reply in replies]
    for index, results in enumerate(zip(*(reply.results for reply in replies), strict=True)):
        labels = [result.label for result in results]
        scores = [result.scores for result in results]
        shared = [label for label in scores[0] if all(label in each for each in scores)]
        yield ComparedLabels(
            index=index,
            labels=dict(zip(names, labels, strict=True)),
            same=len(set(labels)) == 1,
            spreads={
                label: max(each[label] for each in scores) - min(each[label] for each in scores)
                for label in shared
            },
        )
