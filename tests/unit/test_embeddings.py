"""Words that are in no label are understood by their meaning, if that is switched on."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelling.taxonomy import Vocabulary
from medialib import checks
from search import embeddings
from search.embeddings import minilm
from search.embeddings.nearest import SHIPPED, nearest
from search.lexicon import NEAR_ENOUGH
from search.understand import understand

VOCABULARY = Vocabulary.from_csv()
network = pytest.fixture(scope="module")(lambda: minilm.load())


@dataclass(frozen=True)
class Label:
    name: str
    cosine: float


def understood(text, *near, seen=()):
    return understand(text, VOCABULARY, seen_words=seen, nearest=lambda word, vocabulary: near)


class TestTheNetwork:
    def test_it_gives_the_likeness_that_is_published_for_it(self, network):
        # https://sbert.net/docs/quickstart.html, the first example, to four places.
        sentences = [
            "The weather is lovely today.",
            "It's so sunny outside!",
            "He drove to the stadium.",
        ]
        vectors = network.embed(sentences)
        published = [[1, 0.6660, 0.1046], [0.6660, 1, 0.1411], [0.1046, 0.1411, 1]]
        assert np.allclose(vectors @ vectors.T, published, atol=2e-4)

    def test_company_changes_no_vector(self, network):
        words = ["kayaker", "a man on a horse", "dog", "fire engine", "cat"]
        together = network.embed(words)
        alone = np.vstack([network.embed([word]) for word in words])
        assert np.allclose(together, alone, atol=1e-5)

    @settings(deadline=None)
    @given(st.text(max_size=60))
    def test_any_text_has_a_vector_of_length_one(self, network, text):
        assert np.linalg.norm(network.embed([text])) == pytest.approx(1, abs=1e-4)

    def test_the_shipped_vectors_are_those_of_the_shipped_names(self, network):
        with np.load(SHIPPED) as shipped:
            names, vectors = shipped["names"].tolist(), shipped["vectors"].astype(np.float32)
        assert names == list(VOCABULARY.names.values())
        some = range(0, len(names), 97)
        assert np.allclose(vectors[some], network.embed([names[at] for at in some]), atol=1e-3)

    def test_foreign_weights_are_refused(self, monkeypatch):
        monkeypatch.setattr(minilm, "WEIGHTS_SHA256", "0" * 64)
        with pytest.raises(minilm.NoWeights, match="not those that are known"):
            minilm.load.__wrapped__()


class TestTheNearestLabels:
    @pytest.mark.parametrize(
        ("word", "label"),
        [("kayaker", "Kayak"), ("snowboarder", "Snowboarding"), ("saxophonist", "Saxophone")],
    )
    def test_a_word_that_is_no_label_is_near_to_one(self, word, label):
        first = nearest(word, VOCABULARY)[0]
        assert first.name == label
        assert first.cosine >= NEAR_ENOUGH

    def test_a_label_that_was_learnt_is_found_and_a_hidden_one_is_not(self):
        names = {**VOCABULARY.names, 99_999: "Glassblowing"}
        kayak = next(label for label, name in names.items() if name == "Kayak")
        changed = replace(VOCABULARY, version="other", names=names, hidden=frozenset({kayak}))
        assert nearest("glassblower", changed)[0].name == "Glassblowing"
        assert nearest("kayaker", changed)[0].name == "Kayaking"


class TestUnderstanding:
    def test_a_near_label_is_taken_and_the_chip_says_why(self):
        found = understood("barista", Label("Cafe", 0.83), Label("Coffee", 0.76))
        assert str(found.query) == "label:Cafe"
        (chip,) = found.understood
        assert (chip.text, chip.type, chip.value) == ("barista", "label", "Cafe")
        assert chip.reason.startswith("“barista” is near to Cafe in meaning (0.83 of 1)")

    def test_what_is_nearly_near_enough_is_suggested_only(self):
        found = understood("barrister car", Label("Attorney", 0.59), Label("Subway", 0.49))
        assert str(found.query) == "label:Car"
        assert found.suggestions == ("Attorney car",)
        assert "left out" in found.understood[0].reason

    def test_negations_hold_and_titles_typing_mistakes_and_plain_words_come_first(self):
        near = Label("Cafe", 0.9)
        assert str(understood("car without baristas", near).query) == "label:Car AND NOT label:Cafe"
        assert "label:Cafe" not in str(understood("barista", near, seen={"barista"}).query)
        assert str(understood("bicicle", near).query) == "label:Bicycle"
        assert str(understood("car maybe", near).query) == "label:Car"

    def test_nothing_is_looked_up_unless_it_is_switched_on(self):
        assert "label" not in str(understand("barista", VOCABULARY).query)


def test_switched_off_it_costs_no_process_anything():
    looked = (
        "import sys, django; django.setup(); import medialib.urls; "
        "print({'numpy', 'tokenizers'} & set(sys.modules))"
    )
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "medialib.settings"}
    done = subprocess.run(
        [sys.executable, "-c", looked], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_switched_on_without_its_packages_the_service_says_how_to_get_them(settings, monkeypatch):
    settings.MEDIALIB_EMBEDDINGS = True
    assert checks.check_embeddings() == []
    monkeypatch.setattr(embeddings, "PACKAGES", ("no_such_package",))
    (error,) = checks.check_embeddings()
    assert "pip install --no-deps -r search/embeddings/requirements.txt" in error.msg
    settings.MEDIALIB_EMBEDDINGS = False
    assert checks.check_embeddings() == []
