"""The made-up facts."""

from agentsys.evaluation.facts import CORPUS_SIZE, corpus, facts, passages


def test_same_seed_gives_same_facts() -> None:
    """Facts depend on seed and split alone."""
    assert facts(30, 1, held_out=False) == facts(30, 1, held_out=False)
    assert facts(30, 1, held_out=False) != facts(30, 2, held_out=False)


def test_the_passage_states_the_answer() -> None:
    """The answer stands in the text, and the words of the query lead to it."""
    for fact in facts(200, 3, held_out=True):
        assert fact.answer in fact.text
        assert fact.query.split()[-1] in fact.text


def test_facts_do_not_contradict_each_other() -> None:
    """A question is asked once."""
    found = facts(500, 4, held_out=True)
    assert len({fact.question for fact in found}) == len(found)


def test_the_corpus_file_is_what_the_generator_writes() -> None:
    """`facts.jsonl` holds the facts of seed 0, held out of training."""
    assert passages() == tuple(fact.text for fact in corpus())
    assert len(passages()) == CORPUS_SIZE
