"""Reads the words of one search from left to right and puts tokens with a meaning in their place.

The longest words that are a label come first; explicit syntax stays as it is. Pure; what the whole
search then means is `search.understand`'s matter.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from search import everyday, spoken
from search import words as words_of
from search.fields import Modifier
from search.lexicon import (
    MAX_WINDOW,
    NEAR_ENOUGH,
    NEAR_TO_SUGGEST,
    Lexicon,
    Meaning,
    Nearest,
)
from search.names import category_named, label_named
from search.query import Category, Dates, Kind, Label, Length, Phrase, print_duration
from search.results import Understood
from search.text import tokens
from search.tokens import Sign, Token

# Stands where a word was left out, so that a NOT before it goes with it.
GONE = Token(Sign.END, "", -1)


@dataclass(slots=True)
class Reader:
    """Reads the tokens of one search from left to right."""

    text: str
    lexicon: Lexicon
    seen_words: frozenset[str]
    keep_unknown: bool = False
    # The day on which "last year" is said; None: such words are words like others.
    today: datetime.date | None = None
    # None: words that are in no label and in no text have no meaning.
    nearest: Nearest | None = None
    chips: list[Understood] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)
    left_out: bool = False
    out: list[Token] = field(default_factory=list)
    # Per open bracket, whether a NOT stands before it.
    _negations: list[bool] = field(default_factory=list)
    # "3 seconds later" is said before what follows, WITHIN is written behind it.
    _promised: Token | None = None

    def read(self, given: list[Token]) -> list[Token]:
        """Give the tokens with a meaning in place of every word."""
        at = 0
        given = [token for one in given for token in words_of.taken_apart(one)]
        while given[at].sign is not Sign.END:
            if given[at].sign is not Sign.WORD:
                self._explicit(given[at])
                at += 1
                continue
            end = at
            while given[end].sign is Sign.WORD:
                end += 1
            words = given[at:end]
            single = at > 0 and given[at - 1].sign is Sign.NOT and given[at - 1].text == "-"
            if single:
                # A minus speaks of the one word behind it.
                self._run(words[:1], opens=False)
                at += 1
            else:
                self._run(words, opens=at == 0, closes=given[end].sign is Sign.END)
                at = end
        self._keep_promise()
        return [*self.out, given[-1]]

    def as_text(self, given: list[Token]) -> list[Token]:
        """Take every word as a word of a text."""
        for token in given:
            if token.sign is Sign.WORD and tokens(words_of.word_of(token).text):
                self._phrase(token, "looked for in titles, keywords, file names, descriptions")
        return [*self.out, given[-1]]

    # ---- explicit syntax -----------------------------------------------------------------------

    def _explicit(self, token: Token) -> None:
        if token.sign is Sign.OPEN:
            self._negations.append(self._negated())
        elif token.sign is Sign.CLOSE and self._negations:
            self._negations.pop()
        if token.sign in (Sign.LEAF, Sign.MODIFIER):
            token = self._known(token)
            self._chip(token.text, words_of.type_of(token), words_of.value_of(token), "")
        elif token.sign in (Sign.THEN, Sign.AFTER, Sign.WITHIN):
            self._relation(token)
        # parse() has accepted the syntax: what words leave behind may be tidied away from now on.
        self.out.append(replace(token, soft=True))

    def _known(self, token: Token) -> Token:
        vocabulary, value = self.lexicon.vocabulary, token.value
        if isinstance(value, Label):
            name = label_named(value.name, vocabulary, position=token.position)
            return replace(token, value=Label(name, value.confidence, value.count))
        if isinstance(value, Category):
            name = category_named(value.name, vocabulary, position=token.position)
            return replace(token, value=Category(name))
        return token

    def _relation(self, token: Token) -> None:
        if token.sign is Sign.WITHIN:
            self._chip(
                token.text, "relation", f"within {print_duration(cast(int, token.value))}", ""
            )
        else:
            value = "then" if token.sign is Sign.THEN else "after"
            reason = "one after the other; within 10s unless you write WITHIN"
            self._chip(token.text, "relation", value, reason)

    # ---- words ---------------------------------------------------------------------------------

    def _run(self, words: list[Token], *, opens: bool, closes: bool = False) -> None:
        at = self._opening(words) if opens else 0
        if closes and len(words) - at > 1 and self._kind(words[-1]):
            # "dog videos": the kind stands last.
            words = words[:-1]
        while at < len(words):
            at += (
                self._date(words, at)
                or self._count(words, at)
                or self._known_window(words, at)
                or self._measure(words, at)
                or self._operator(words, at)
                or self._stop_word(words, at)
                or self._left_over(words, at)
            )

    def _opening(self, words: list[Token]) -> int:
        """Skip a request and note a kind: "please show me all photos of"."""
        plain = [words_of.folded(word) for word in words]
        at = 0
        while fit := max(
            (len(r) for r in everyday.REQUESTS if tuple(plain[at : at + len(r)]) == r), default=0
        ):
            if at + fit >= len(words):
                break
            at += fit
        following = plain[at + 1] if at + 1 < len(plain) else ""
        connected = not following or following in everyday.CONNECTORS
        if plain[at] in everyday.CONTAINERS and following in everyday.CONNECTORS:
            return at + 1
        if connected and self._kind(words[at]):
            return at + 1
        return at

    def _kind(self, word: Token) -> bool:
        kind = everyday.KINDS.get(words_of.folded(word))
        if kind is None:
            return False
        value = Kind("photo" if kind == "photo" else "video")
        self.out.append(replace(word, sign=Sign.LEAF, value=value))
        self._chip(word.text, "filter", str(value), "")
        return True

    def _count(self, words: list[Token], at: int) -> int:
        """Take "two dogs" or "at least three cars": a label and how many of it at once."""
        said = spoken.count([words_of.folded(word) for word in words[at : at + 4]])
        if said is None or words_of.limited(words[at : at + said[0]]):
            return 0
        size, many = said
        taken = self._known_window(words, at + size, counted=(size, many))
        return size + taken if taken else 0

    def _known_window(
        self, words: list[Token], at: int, *, counted: tuple[int, int] = (0, 1)
    ) -> int:
        """Take the longest words from here on that are a label or a category.

        `counted` says how many words before them say how many are meant.
        """
        for size in range(min(MAX_WINDOW, len(words) - at), 0, -1):
            window = words[at : at + size]
            if words_of.limited(window[:-1]):
                continue
            # A word of order alone is never a label, even where one has such a form.
            if size == 1 and (words_of.folded(window[0]),) in everyday.OPERATORS:
                continue
            if size == 1 and words_of.folded(window[0]) in everyday.STOP_WORDS:
                continue
            meaning = self.lexicon.find_loosely([words_of.word_of(word).text for word in window])
            if meaning is not None and (counted[0] == 0 or meaning.type == "label"):
                self._mean(meaning, window, many=counted[1], said=words[at - counted[0] : at])
                return size
        return 0

    def _mean(
        self,
        meaning: Meaning,
        window: Sequence[Token],
        *,
        many: int = 1,
        said: Sequence[Token] = (),
    ) -> None:
        last = words_of.word_of(window[-1])
        limit, count = last.confidence, last.count or spoken.kept_count(many)
        text, named = self._text_of([*said, *window]), self._text_of(window)
        at = window[0].position
        negated = self._negated()
        if meaning.type == "category":
            leaves = [Token(Sign.LEAF, text, at, Category(meaning.names[0]))]
        else:
            leaves = [
                Token(Sign.LEAF, text, at, Label(name, limit, count)) for name in meaning.names
            ]
        if len(leaves) > 1:
            either = Token(Sign.OR, "or", at, soft=True)
            inside = [part for leaf in leaves for part in (either, leaf)][1:]
            leaves = [
                Token(Sign.OPEN, "(", at, soft=True),
                *inside,
                Token(Sign.CLOSE, ")", at, soft=True),
            ]
        self.out += leaves
        for name in meaning.names:
            reasons = [self.lexicon.explain(meaning, name, named), spoken.count_said(many, count)]
            reason = "; ".join(filter(None, reasons))
            self._chip(text, meaning.type, name, reason, negated=negated)

    def _operator(self, words: list[Token], at: int) -> int:
        plain = tuple(words_of.folded(word) for word in words[at : at + 5])
        for size in range(len(plain), 0, -1):
            signs = everyday.OPERATORS.get(plain[:size])
            if signs is None:
                continue
            text = self._text_of(words[at : at + size])
            if signs[0] in (Sign.THEN, Sign.AFTER):
                self._keep_promise()
            for sign in signs:
                token = Token(sign, text, words[at].position, soft=True)
                self.out.append(token)
                if sign in (Sign.THEN, Sign.AFTER):
                    self._relation(token)
            return size
        return 0

    def _date(self, words: list[Token], at: int) -> int:
        """Read "in june 2025" and "last week"."""
        plain = [words_of.folded(word) for word in words[at : at + 4]]
        said = spoken.dates(plain, today=self.today)
        if said is None or words_of.limited(words[at : at + said[0]]):
            return 0
        self._filter(words[at : at + said[0]], said[1])
        return said[0]

    def _measure(self, words: list[Token], at: int) -> int:
        """Read "within 10 seconds", "3 seconds later", "longer than a minute", "over 90 %"."""
        plain = [words_of.folded(word) for word in words[at : at + 6]]
        window = words[at:]
        if later := spoken.later(plain):
            self._later(window[: later[0]], later[1])
            return later[0]
        if gap := spoken.gap(plain):
            self._within(window[: gap[0]], gap[1])
            return gap[0]
        if span := spoken.span(plain):
            kinds = any(isinstance(token.value, Kind) for token in self.out)
            length = Length(span[1]) if kinds else Modifier("dur", span[1])
            self._filter(window[: span[0]], length)
            return span[0]
        percent = spoken.percent(plain, position=words[at].position)
        if percent is None:
            return 0
        self._filter(window[: percent[0]], Modifier("conf", percent[1]))
        return percent[0]

    def _filter(self, window: list[Token], value: Dates | Length | Modifier) -> None:
        """Take words for a filter; of two that hold for the whole search the first counts."""
        text, sign = self._text_of(window), Sign.LEAF
        shown = str(value)
        if isinstance(value, Modifier):
            sign, shown = Sign.MODIFIER, f"{value.name}:{words_of.printed(value)}"
            given = (token.value for token in self.out)
            if any(isinstance(one, Modifier) and one.name == value.name for one in given):
                return
        self.out.append(Token(sign, text, window[0].position, value))
        self._chip(text, "filter", shown, "")

    def _later(self, window: list[Token], gap_ms: int) -> None:
        text, position = self._text_of(window), window[0].position
        self._keep_promise()
        self.out.append(Token(Sign.THEN, text, position, soft=True))
        self._chip(text, "relation", "then", "one after the other")
        self._promised = Token(Sign.WITHIN, text, position, gap_ms, soft=True)

    def _within(self, window: list[Token], gap_ms: int) -> None:
        self._promised = None
        token = Token(Sign.WITHIN, self._text_of(window), window[0].position, gap_ms, soft=True)
        if any(other.sign in (Sign.THEN, Sign.AFTER) for other in self.out):
            self._relation(token)
            self.out.append(token)

    def _keep_promise(self) -> None:
        if self._promised is not None:
            self._relation(self._promised)
            self.out.append(self._promised)
            self._promised = None

    def _stop_word(self, words: list[Token], at: int) -> int:
        return int(words_of.folded(words[at]) in everyday.STOP_WORDS)

    def _left_over(self, words: list[Token], at: int) -> int:
        """Read a word that is in no label: a typing mistake, a word in texts, or nothing."""
        word = words[at]
        text = words_of.word_of(word).text
        cut = tokens(text)
        if cut and all(token in self.seen_words for token in cut):
            self._phrase(word, "in the title, keywords, file name or description")
            return 1
        if size := self._typo(words, at):
            return size
        if self._near(word):
            return 1
        if self.keep_unknown and cut:
            self._phrase(word, "in no label and in no text that you may see")
            return 1
        self.left_out = True
        self._chip(text, "text", text, "left out: in no label and in no text that you may see")
        self.out.append(GONE)
        return 1

    def _phrase(self, word: Token, reason: str) -> None:
        text = words_of.word_of(word).text
        self._chip(text, "text", text, reason)
        self.out.append(Token(Sign.LEAF, word.text, word.position, Phrase(text)))

    def _typo(self, words: list[Token], at: int) -> int:
        """Take the nearest form if there is only one that near; suggest the others."""
        for size in (3, 2, 1):
            window = words[at : at + size]
            if len(window) < size or any(words_of.is_order(word) for word in window):
                continue
            if size == 1 and words_of.folded(window[0]) in everyday.ORDINARY:
                continue
            near = self.lexicon.near([words_of.word_of(word).text for word in window])
            if not near:
                continue
            start, end = window[0].position, window[-1].position + len(window[-1].text)
            meanings = [self.lexicon.named(form) for form, _ in near]
            for meaning in meanings:
                self.suggestions.append(f"{self.text[:start]}{meaning.names[0]}{self.text[end:]}")
            nearest_ones = {
                m.names for m, (_, far) in zip(meanings, near, strict=True) if far == near[0][1]
            }
            if len(nearest_ones) == 1:
                self._mean(meanings[0], window)
                return size
            return 0
        return 0

    def _near(self, word: Token) -> bool:
        """Take the label nearest in meaning if it is near enough; suggest those that nearly are."""
        if self.nearest is None or words_of.folded(word) in everyday.ORDINARY:
            return False
        near = self.nearest(words_of.word_of(word).text, self.lexicon.vocabulary)
        if near and near[0].cosine >= NEAR_ENOUGH:
            self._mean(Meaning((near[0].name,), "near", cosine=near[0].cosine), [word])
            return True
        start, end = word.position, word.position + len(word.text)
        self.suggestions += [
            f"{self.text[:start]}{label.name}{self.text[end:]}"
            for label in near
            if label.cosine >= NEAR_TO_SUGGEST
        ]
        return False

    # ---- chips ---------------------------------------------------------------------------------

    def _negated(self) -> bool:
        nots = 0
        for token in reversed(self.out):
            if token.sign is not Sign.NOT:
                break
            nots += 1
        return (nots % 2 == 1) != (bool(self._negations) and self._negations[-1])

    def _chip(
        self, text: str, kind: str, value: str, reason: str, *, negated: bool | None = None
    ) -> None:
        if negated is None:
            negated = kind not in ("relation",) and self._negated()
        self.chips.append(Understood(text, kind, value, negated, reason))

    def _text_of(self, window: Sequence[Token]) -> str:
        return self.text[window[0].position : window[-1].position + len(window[-1].text)]
