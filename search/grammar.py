"""Turns tokens into the query tree by recursive descent. Gives words no meaning.

then  := or ((THEN | AFTER) or [WITHIN time])*
or    := and (OR and)*
and   := not ([AND] not)*            juxtaposition is AND
not   := (NOT | -) not | "(" then ")" | words | field | phrase
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from search.fields import Modifier
from search.query import (
    DEFAULT_GAP_MS,
    MAX_DEPTH,
    MAX_TERMS,
    And,
    InvalidQuery,
    Leaf,
    Node,
    Not,
    Or,
    Query,
    Span,
    Then,
    Word,
    Words,
)
from search.tokens import Sign, Token, tokenise

_TERMS = (Sign.WORD, Sign.LEAF)
_STARTS = (*_TERMS, Sign.NOT, Sign.OPEN)
_BINARY = (Sign.AND, Sign.OR, Sign.THEN, Sign.AFTER)


def parse(text: str) -> Query:
    """Read a search; raise InvalidQuery, with position and cure, and nothing else."""
    return build(tokenise(text))


def build(tokens: list[Token]) -> Query:
    """Make the tree of a whole search from its tokens (the last one is END)."""
    terms = sum(token.sign in _TERMS for token in tokens)
    if terms > MAX_TERMS:
        last = [token for token in tokens if token.sign in _TERMS][MAX_TERMS]
        raise InvalidQuery(
            f"A search has at most {MAX_TERMS} terms; this one has {terms}.",
            position=last.position,
            cure="Leave some out.",
            code="too_many_terms",
        )
    query, rest = _take_modifiers(tokens)
    if rest[0].sign is Sign.END:
        return query
    descent = _Descent(rest)
    tree = descent.then(0)
    descent.expect_end()
    return replace(query, tree=tree)


def _take_modifiers(tokens: list[Token]) -> tuple[Query, list[Token]]:
    found: dict[str, Modifier] = {}
    rest: list[Token] = []
    depth = 0
    for before, token in zip([tokens[-1], *tokens], tokens, strict=False):
        depth += (token.sign is Sign.OPEN) - (token.sign is Sign.CLOSE)
        if token.sign is not Sign.MODIFIER:
            rest.append(token)
            continue
        modifier = cast(Modifier, token.value)
        if depth > 0 or before.sign is Sign.NOT:
            raise InvalidQuery(
                f"{modifier.name}: holds for the whole search.",
                position=token.position,
                cure="Write it outside brackets, with nothing before it that negates it.",
            )
        if modifier.name in found and found[modifier.name] != modifier:
            raise InvalidQuery(
                f"{modifier.name}: is given twice.", position=token.position, cure="Keep one."
            )
        found[modifier.name] = modifier
    values = {name: modifier.value for name, modifier in found.items()}
    return (
        Query(
            None,
            cast("float | None", values.get("conf")),
            values.get("within") is not None,
            cast("Span | None", values.get("dur")),
            cast("int | None", values.get("count")),
            cast("int | None", values.get("join")),
        ),
        rest,
    )


@dataclass(slots=True)
class _Descent:
    """Where the reading of the tokens stands."""

    tokens: list[Token]
    at: int = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def _sign(self) -> Sign:
        return self.token.sign

    def _skip(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def then(self, depth: int) -> Node:
        left = self._or(depth)
        chain: list[Node] = [left]
        gaps: list[int] = []
        while self._sign() in (Sign.THEN, Sign.AFTER):
            after = self._skip().sign is Sign.AFTER
            right = self._or(depth)
            gap = cast(int, self._skip().value) if self._sign() is Sign.WITHIN else None
            gap = DEFAULT_GAP_MS if gap is None else gap
            if after:
                chain, gaps = [Then((right, _chained(chain, gaps)), (gap,))], []
            else:
                chain.append(right)
                gaps.append(gap)
        if self._sign() is Sign.WITHIN:
            raise InvalidQuery(
                "WITHIN belongs behind A THEN B.",
                position=self.token.position,
                cure="Write for instance dog THEN car WITHIN 10s, or within:asset.",
            )
        return _chained(chain, gaps)

    def _or(self, depth: int) -> Node:
        parts = [self._and(depth)]
        while self._sign() is Sign.OR:
            self._skip()
            parts.append(self._and(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self, depth: int) -> Node:
        parts = [self._not(depth)]
        while self._sign() in (Sign.AND, *_STARTS):
            if self._sign() is Sign.AND:
                self._skip()
            parts.append(self._not(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self, depth: int) -> Node:
        negated = False
        while self._sign() is Sign.NOT:
            self._skip()
            negated = not negated
            if self._sign() is Sign.WORD:
                # A minus speaks of the one word behind it.
                word = cast(Word, self._skip().value)
                return Not(Words((word,))) if negated else Words((word,))
        part = self._primary(depth)
        return Not(part) if negated else part

    def _primary(self, depth: int) -> Node:
        token = self.token
        if token.sign is Sign.LEAF:
            return cast(Leaf, self._skip().value)
        if token.sign is Sign.WORD:
            words = []
            while self._sign() is Sign.WORD:
                words.append(cast(Word, self._skip().value))
            return Words(tuple(words))
        if token.sign is Sign.OPEN:
            return self._bracket(depth)
        raise _missing_term(token, self.tokens[self.at - 1] if self.at else None)

    def _bracket(self, depth: int) -> Node:
        opened = self._skip()
        if depth >= MAX_DEPTH:
            raise InvalidQuery(
                f"Brackets go at most {MAX_DEPTH} deep.",
                position=opened.position,
                cure="Use fewer brackets.",
                code="too_deep",
            )
        node = self.then(depth + 1)
        if self._sign() is not Sign.CLOSE:
            raise InvalidQuery(
                "A bracket is opened and never closed.",
                position=opened.position,
                cure="Close it with ).",
            )
        self._skip()
        return node

    def expect_end(self) -> None:
        if self._sign() is not Sign.END:
            raise InvalidQuery(
                "A bracket is closed that was never opened.",
                position=self.token.position,
                cure="Take this ) away, or open it with ( before.",
            )


def _chained(chain: list[Node], gaps: list[int]) -> Node:
    return chain[0] if len(chain) == 1 else Then(tuple(chain), tuple(gaps))


def _missing_term(token: Token, before: Token | None) -> InvalidQuery:
    if token.sign in _BINARY or token.sign is Sign.WITHIN:
        detail = f"There is nothing before “{token.text}”."
    elif before is not None and before.sign is Sign.OPEN:
        detail = "There is nothing between these brackets."
    else:
        detail = f"There is nothing after “{before.text if before else ''}”."
    return InvalidQuery(detail, position=token.position, cure="Write what you look for there.")
