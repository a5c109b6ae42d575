"""Words of everyday requests: openings, containers, kinds, operators, stop words. Only tables."""

from __future__ import annotations

from search.tokens import Sign

# Openings that say nothing of what is looked for; the longest that fits is taken, again and again.
REQUESTS = tuple(
    tuple(phrase.split())
    for phrase in (
        "please",
        "can you",
        "could you",
        "would you",
        "will you",
        "i want to see",
        "i want to find",
        "i want",
        "i would like to see",
        "i'd like to see",
        "i am looking for",
        "i'm looking for",
        "im looking for",
        "i need",
        "looking for",
        "let me see",
        "show me",
        "show",
        "find me",
        "find",
        "search for",
        "search",
        "give me",
        "get me",
        "list",
        "display",
        "where can i see",
        "where do i see",
        "where is",
        "where are",
        "are there",
        "is there",
        "do i have",
        "do we have",
        "all",
        "all of",
        "any",
        "some",
        "every",
        "the",
        "my",
        "our",
        "a",
        "an",
    )
)
KINDS = {
    "photo": "photo",
    "photos": "photo",
    "photograph": "photo",
    "photographs": "photo",
    "picture": "photo",
    "pictures": "photo",
    "image": "photo",
    "images": "photo",
    "pic": "photo",
    "pics": "photo",
    "video": "video",
    "videos": "video",
    "clip": "video",
    "clips": "video",
    "movie": "video",
    "movies": "video",
    "footage": "video",
    "recording": "video",
    "recordings": "video",
}
# fmt: off
CONTAINERS = frozenset((
    "scene", "scenes", "moment", "moments", "shot", "shots", "part", "parts", "frame", "frames",
    "sequence", "sequences", "place", "places", "asset", "assets", "file", "files",
    "everything", "anything",
))
# fmt: on
# What may follow a kind or a container before what is looked for.
# fmt: off
CONNECTORS = frozenset((
    "of", "with", "without", "where", "in", "that", "which", "showing", "containing", "having",
    "featuring", "from", "who", "has", "have", "not", "no", "and", "or",
))
# fmt: on
OPERATORS: dict[tuple[str, ...], tuple[Sign, ...]] = {
    ("and", "then"): (Sign.THEN,),
    ("followed", "by"): (Sign.THEN,),
    ("and", "after", "that"): (Sign.THEN,),
    ("after", "that"): (Sign.THEN,),
    ("then",): (Sign.THEN,),
    ("before",): (Sign.THEN,),
    ("after",): (Sign.AFTER,),
    ("but", "not"): (Sign.AND, Sign.NOT),
    ("but", "no"): (Sign.AND, Sign.NOT),
    ("and", "no"): (Sign.AND, Sign.NOT),
    ("with", "no"): (Sign.AND, Sign.NOT),
    ("without", "any"): (Sign.AND, Sign.NOT),
    ("without",): (Sign.AND, Sign.NOT),
    ("not",): (Sign.NOT,),
    ("no",): (Sign.NOT,),
    ("except",): (Sign.AND, Sign.NOT),
    ("excluding",): (Sign.AND, Sign.NOT),
    ("together", "with"): (Sign.AND,),
    ("along", "with"): (Sign.AND,),
    ("as", "well", "as"): (Sign.AND,),
    ("next", "to"): (Sign.AND,),
    ("at", "the", "same", "time", "as"): (Sign.AND,),
    ("and",): (Sign.AND,),
    ("with",): (Sign.AND,),
    ("while",): (Sign.AND,),
    ("beside",): (Sign.AND,),
    ("near",): (Sign.AND,),
    ("plus",): (Sign.AND,),
    ("but",): (Sign.AND,),
    ("or",): (Sign.OR,),
}
# fmt: off
STOP_WORDS = frozenset((
    "a", "an", "the", "of", "in", "on", "at", "is", "are", "was", "were", "be", "being", "been",
    "there", "that", "which", "who", "whom", "whose", "some", "any", "all", "me", "my", "our",
    "your", "this", "these", "those", "to", "for", "it", "its", "their", "his", "her", "them",
    "they", "together", "only", "just", "please", "from", "into", "onto", "over", "under", "by",
    "as", "where", "when", "has", "have", "having", "had", "showing", "containing", "featuring",
    "can", "could", "you", "i", "we", "he", "she", "do", "does", "did", "s", "very", "so",
    "same", "time", "also",
))
# fmt: on
