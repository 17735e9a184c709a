"""Ranks the candidates of a file anew by a meta classifier; decisions stay."""

from dataclasses import dataclass
from pathlib import Path

from ..base.progress import Reporter
from ..base.results import JobResult
from .requests import RankRequest


@dataclass(frozen=True)
class RankResult(JobResult):
    """The file, how many candidates it holds, and what was done in words."""

    candidates: Path
    n: int
    message: str


def rank_candidates(request: RankRequest, reporter: Reporter) -> RankResult:
    """Write scores, ranks and expected IoU into the file."""
    raise NotImplementedError
