"""Ranks passages by the words that they share with a question; forms of a word count as one.

The real service compares meanings, with embeddings. Words are enough to tell whether a document is
found, and whether one that only looks similar is left out.
"""

# ruff: noqa: RUF001 - the endings of Russian words

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SHORTEST_WORD = 3
SHORTEST_STEM = 3
SUPPORTING_COVERAGE = 0.4
"""Share of a question's weight that a passage must have to support an answer. Our own choice."""
SUPPORTING_SHARE = 0.8
"""Share of the best passage's score that another one must have. Our own choice."""

_SATURATION = 1.2  # as k1 of BM25: how little further occurrences of a word count
_WORD = re.compile(r"[^\W_]+")
_IDEOGRAPHS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_HIRAGANA = re.compile("[\u3040-\u309f]+")  # particles and endings
_ENDINGS = """
    ing ings ed er ers es s e ly ies y en em ern et ons ent os as a o i ia
    ами ями ов ев ей ия ии ой ый ая ое ые ам ям ах ях ы и а я у ю о е
"""
_SUFFIXES = sorted(_ENDINGS.split(), key=len, reverse=True)
_COMMON = """
    about and any are can could did does for from had has have how into its long many may much one
    our say says she should such tell than that the their them then there these they this those use
    used was were what when where which who whom whose why will with would you your
    aus das dem den der des die ein eine einem einer hat ist man mit und von war warum welche
    welcher welches wer wie wird zum zur
    aux avec cette comment dans elle est les leur pour quand que quel quelle quelles qui sont sur
    une com como cual cuando del donde las los para por quais qual quando quantas quantos quem son
    sus uma una
"""
_STOP_WORDS = frozenset(_COMMON.split())


def terms(text: str) -> list[str]:
    """Return the stems of a text's words; of Chinese, Japanese and Korean, pairs of characters."""
    return list(_terms(text))


def _terms(text: str) -> Iterator[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    for word in _WORD.findall(folded):
        for run in _IDEOGRAPHS.findall(word):
            pairs = (run[i : i + 2] for i in range(max(len(run) - 1, 1)))
            yield from (pair for pair in pairs if not _HIRAGANA.fullmatch(pair))
        for plain in _IDEOGRAPHS.split(word):
            if len(plain) >= SHORTEST_WORD and plain not in _STOP_WORDS:
                yield _stem(plain)


def _stem(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word)
    bare = "".join(each for each in decomposed if not unicodedata.combining(each))
    for suffix in _SUFFIXES:
        if bare.endswith(suffix) and len(bare) - len(suffix) >= SHORTEST_STEM:
            return bare.removesuffix(suffix)
    return bare


@dataclass(frozen=True, slots=True)
class Rank:
    """How well a passage fits: `coverage` is the share of the question's weight that it has."""

    score: float
    coverage: float


class Ranking:
    """Ranks passages for one question; words that few of them have weigh more."""

    def __init__(self, question: str, passages: Sequence[Sequence[str]]) -> None:
        """Take the question, and the terms of every passage that is searched."""
        count = len(passages)
        asked = dict.fromkeys(terms(question))
        having: Counter[str] = Counter()
        for passage in passages:
            having.update(asked.keys() & set(passage))
        self._weights = {term: math.log(1 + (count + 1) / (having[term] + 1)) for term in asked}

    def rank(self, passage: Sequence[str]) -> Rank:
        """Return how well a passage, or a sentence of it, fits."""
        found = Counter(term for term in passage if term in self._weights)
        score = sum(
            self._weights[term] * hits * (1 + _SATURATION) / (hits + _SATURATION)
            for term, hits in found.items()
        )
        whole = sum(self._weights.values())
        matched = sum(self._weights[term] for term in found)
        return Rank(score, matched / whole if whole else 0.0)


def supports(rank: Rank, best: Rank) -> bool:
    """Return whether a passage of this rank supports an answer, given the best one's rank."""
    return rank.coverage >= SUPPORTING_COVERAGE and rank.score >= SUPPORTING_SHARE * best.score
