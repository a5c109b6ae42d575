"""Takes operators away that words left without something beside them. Pure; adds no meaning."""

from __future__ import annotations

from collections.abc import Callable

from search.tokens import Sign, Token

_BINARY = (Sign.AND, Sign.OR, Sign.THEN, Sign.AFTER)
_LOOSE = (*_BINARY, Sign.NOT)
_WRITTEN = ("OR", "|", "||")


def tidy(tokens: list[Token], *, gone: Token) -> list[Token]:
    """Give the tokens so that every operator has what it needs on both sides.

    `gone` stands for a word that was left out: a NOT before it goes as well. Modifiers speak of
    the whole search and go to its end.
    """
    out: list[Token] = []
    modifiers: list[Token] = []
    for token in _grouped(tokens):
        if token is gone:
            _drop_loose(out, (Sign.NOT,))
        elif token.sign is Sign.MODIFIER:
            modifiers.append(token)
        else:
            _ADDERS.get(token.sign, list.append)(out, token)
    return [*out, *modifiers, tokens[-1]]


def _drop_loose(out: list[Token], signs: tuple[Sign, ...]) -> None:
    while out and out[-1].sign in signs:
        out.pop()


def _binary(out: list[Token], token: Token) -> None:
    _drop_loose(out, _LOOSE)
    if out and out[-1].sign is not Sign.OPEN:
        out.append(token)


def _close(out: list[Token], token: Token) -> None:
    _drop_loose(out, _LOOSE)
    if out and out[-1].sign is Sign.OPEN:
        # Nothing is left between these brackets, so nothing is negated by a NOT before them.
        out.pop()
        _drop_loose(out, (Sign.NOT,))
    else:
        out.append(token)


def _within(out: list[Token], token: Token) -> None:
    _drop_loose(out, _LOOSE)
    if _has_relation(out):
        out.append(token)


def _end(out: list[Token], _token: Token) -> None:
    _drop_loose(out, _LOOSE)


_ADDERS: dict[Sign, Callable[[list[Token], Token], None]] = {
    **dict.fromkeys(_BINARY, _binary),
    Sign.CLOSE: _close,
    Sign.WITHIN: _within,
    Sign.END: _end,
}


def _has_relation(out: list[Token]) -> bool:
    """Tell whether the THEN that a WITHIN speaks of stands before it, in the same brackets."""
    depth = 0
    for token in reversed(out):
        depth += (token.sign is Sign.CLOSE) - (token.sign is Sign.OPEN)
        if depth < 0:
            return False
        if depth == 0 and token.sign is Sign.WITHIN:
            return False
        if depth == 0 and token.sign in (Sign.THEN, Sign.AFTER):
            return True
    return False


def _grouped(tokens: list[Token]) -> list[Token]:
    """Put brackets around "people or dogs" in "without people or dogs"."""
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        end = _alternatives_end(tokens, at, spoken=True)
        if end > at:
            # "cats or dogs at night": what is said with "or" belongs together.
            out += _bracketed(tokens[at:end])
            at = end
            continue
        out.append(token)
        at += 1
        if token.sign is not Sign.NOT or not token.soft or token.text in ("NOT", "-"):
            continue
        end = _alternatives_end(tokens, at)
        if end > at:
            out += _bracketed(tokens[at:end])
            at = end
    return out


def _bracketed(tokens: list[Token]) -> list[Token]:
    at = tokens[0].position
    return [
        Token(Sign.OPEN, "(", at, soft=True),
        *tokens,
        Token(Sign.CLOSE, ")", at, soft=True),
    ]


def _alternatives_end(tokens: list[Token], at: int, *, spoken: bool = False) -> int:
    """Give the index behind `a or b or c`, or `at` if there is no such list.

    `spoken` leaves out lists that were written with OR, which keep the language's own order.
    """
    end = _operand_end(tokens, at)
    if end is None:
        return at
    listed = False
    while tokens[end].sign is Sign.OR and tokens[end].soft:
        if spoken and tokens[end].text in _WRITTEN:
            break
        following = _operand_end(tokens, end + 1)
        if following is None:
            break
        end, listed = following, True
    return end if listed else at


def _operand_end(tokens: list[Token], at: int) -> int | None:
    if tokens[at].sign is Sign.LEAF:
        return at + 1
    if tokens[at].sign is not Sign.OPEN:
        return None
    depth = 0
    for index in range(at, len(tokens)):
        depth += (tokens[index].sign is Sign.OPEN) - (tokens[index].sign is Sign.CLOSE)
        if depth == 0:
            return index + 1
    return None
