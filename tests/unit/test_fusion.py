"""Two views of the same candidates made one score, and how far the vectors' view is trusted."""

import numpy as np
import pytest

from pipelines.embedder.model_files import bundled_model
from pipelines.embedder.tokens import TokenCounter, tokenizer_file
from pipelines.text.scoring.fusion import Reading, fuse, reordered, spread_alike, trust

# A Chinese, a Japanese and a Korean question for the term of a warranty.
CHINESE = "公司的产品保修期有多长时间"
JAPANESE = "この保証はどのくらいの期間有効ですか"
KOREAN = "보증 기간은 얼마나 됩니까"


@pytest.fixture(scope="module")
def counter():
    return TokenCounter(tokenizer_file(bundled_model()))


@pytest.mark.parametrize("question", [CHINESE, JAPANESE, KOREAN])
def test_a_model_that_does_not_read_chinese_japanese_or_korean_is_not_trusted(counter, question):
    """The words alone rank, as the handbook says: with this model's vectors they rank worse."""
    assert trust(question, counter.reading(question)) == 0


def test_a_model_that_reads_them_is_trusted():
    letters = sum(map(str.isalpha, CHINESE))
    # A multilingual vocabulary joins characters to words; a Chinese one has one token for each.
    assert trust(CHINESE, Reading(round(0.7 * letters), 0)) == 1
    assert trust(CHINESE, Reading(letters, 0)) == 1
    assert trust(CHINESE, Reading(letters, letters // 2)) == 0


def test_the_language_of_the_model_is_trusted_and_another_alphabet_is_not(counter):
    english, russian = "How long is the warranty period?", "Какой срок гарантии на изделие?"
    assert trust(english, counter.reading(english)) == 1
    assert trust(russian, counter.reading(russian)) == 0


def test_a_model_of_a_provider_is_trusted_in_every_language():
    assert trust(CHINESE, None) == trust("Какой срок гарантии на изделие?", None) == 1


def test_the_fused_score_by_hand():
    """Cosines of deviation 0.2 are halved; the share of the words is 0.6."""
    cosines, words = np.array([0.1, 0.5]), np.array([0.5, 0.25])
    assert np.allclose(fuse(cosines, words, 0.6), [0.4 * 0.05 + 0.3, 0.4 * 0.25 + 0.15])
    assert np.allclose(fuse(cosines, words, 0.6, trust=0.0), [0.3, 0.15])


def test_scores_of_late_interaction_are_brought_to_one_spread_by_hand():
    """Of 0.5, 0.7 and 0.9 the mean is 0.7 and the deviation 0.1633."""
    found = spread_alike(np.array([0.5, 0.7, 0.9]))
    assert np.allclose(found, [-0.12247, 0, 0.12247], atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_of_few_candidates_small_differences_stay_small(count):
    """The least deviation is 0.02, so a thousandth counts as a twentieth of the usual spread."""
    found = spread_alike(0.7 + 0.001 * np.arange(count))
    assert np.allclose(np.diff(found), 0.005)
    assert found.sum() == pytest.approx(0)


def test_a_candidate_without_codes_counts_as_the_mean():
    """Others are neither helped nor harmed by it."""
    found = spread_alike(np.array([0.5, np.nan, 0.9]))
    assert np.allclose(found, [-0.1, 0, 0.1])
    assert not spread_alike(np.full(3, np.nan)).any()


def test_candidates_beyond_the_first_stay_below_them_by_hand():
    """The lowest of the first falls from 0.5 to 0.2, so the others fall by 0.3 too."""
    scores, first = np.array([0.4, 0.9, 0.1, 0.5]), np.array([1, 3])
    assert np.allclose(reordered(scores, first, np.array([0.2, 0.6])), [0.1, 0.2, -0.2, 0.6])
    # Where it rises they stay.
    assert np.allclose(reordered(scores, first, np.array([0.7, 0.6])), [0.4, 0.7, 0.1, 0.6])
    assert reordered(np.zeros(0), np.zeros(0, dtype=np.intp), np.zeros(0)).tolist() == []
