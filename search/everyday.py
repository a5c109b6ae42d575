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
        "what",
        "which",
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
    "featuring", "from", "who", "has", "have", "not", "no", "and", "or", "show", "shows", "taken",
    "uploaded", "longer", "shorter", "over", "under", "don't", "doesn't", "in", "at", "on",
    "contain", "include", "made", "captured", "recorded", "filmed", "since", "last", "this",
))
# fmt: on
OPERATORS: dict[tuple[str, ...], tuple[Sign, ...]] = {
    **dict.fromkeys(
        (
            *(("and", "then"), ("and", "afterwards"), ("and", "later"), ("afterwards",)),
            *(("and", "later", "on"), ("and", "next"), ("right", "before"), ("shortly", "before")),
        ),
        (Sign.THEN,),
    ),
    **dict.fromkeys(
        (("right", "after"), ("shortly", "after"), ("soon", "after"), ("directly", "after")),
        (Sign.AFTER,),
    ),
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
    ("nor",): (Sign.AND, Sign.NOT),
    ("other", "than"): (Sign.AND, Sign.NOT),
    ("apart", "from"): (Sign.AND, Sign.NOT),
    **dict.fromkeys(
        (
            *(("not",), ("neither",), ("never",), ("don't",), ("doesn't",), ("isn't",)),
            *(("aren't",), ("hasn't",), ("haven't",), ("didn't",), ("wasn't",), ("weren't",)),
            *(("not", "any"), ("don't", "have", "any"), ("can't",), ("cannot",)),
        ),
        (Sign.NOT,),
    ),
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
    "same", "time", "also", "wear", "wears", "wearing", "contain", "contains", "include",
    "includes", "including", "show", "shows", "feature", "features", "first", "around", "behind",
    "what", "which", "lots", "lot", "many", "group", "groups", "one", "us", "if", "than", "each",
    "other", "both", "through", "across", "along", "inside", "outside", "between", "am", "been",
))
# Ordinary words that are no labels. They are never taken for a mistyped one.
ORDINARY = frozenset((
    "about", "above", "again", "ago", "another", "anything", "arrive", "arrives", "arriving",
    "back", "because", "become", "becomes", "begin", "begins", "below", "best", "better", "big",
    "bring", "brings", "call", "came", "clearly", "close", "come", "comes", "cover", "covered",
    "covers", "day", "days", "different", "during", "early", "else", "end", "enough", "even",
    "ever", "every", "everything", "few", "finally", "five", "four", "front", "full", "get",
    "gets", "give", "go", "goes", "going", "gone", "good", "got", "great", "half", "happen",
    "happens", "here", "hold", "holding", "holds", "how", "keep", "kind", "know", "large", "last",
    "later", "least", "leave", "less", "like", "little", "live", "long", "longer", "look",
    "looking", "looks", "made", "make", "makes", "making", "maybe", "minute", "minutes", "month",
    "months", "more", "most", "move", "moves", "much", "must", "need", "never", "new", "next",
    "none", "nothing", "now", "often", "old", "once", "open", "opens", "our", "ours", "part",
    "parts", "perhaps", "point", "put", "quite", "ready", "real", "really", "right", "said",
    "saw", "say", "second", "seconds", "see", "seen", "several", "short", "shorter", "since",
    "six", "small", "somewhere", "soon", "sort", "start", "starts", "still", "stop", "stops",
    "such", "take", "taken", "takes", "tell", "ten", "then", "thing", "things", "think", "three",
    "today", "told", "too", "took", "toward", "towards", "try", "turn", "turns", "two", "until",
    "up", "upon", "use", "used", "uses", "using", "want", "way", "week", "weeks", "well", "went",
    "were", "what", "while", "why", "will", "within", "work", "would", "year", "years", "yes",
    "yesterday", "yet", "young", "your", "lasting", "parked", "percent", "confidence",
))
# One word for two: "nobody" is "no person".
COMPOUNDS = dict.fromkeys(("nobody", "noone"), ("no", "person"))
# fmt: on
