"""Both kinds of candidates in one dock: what is asked, which come, what is counted, and the first look."""

import pytest
from mce_landcover.plugin.review.first_look import N_EACH, first_look, first_results, result_words
from mce_landcover.plugin.review.order import Order
from mce_landcover.plugin.review.records import Verdict
from mce_landcover.plugin.review.store import ReviewStore
from review_files import make_file, name_of, rows_of


@pytest.fixture
def path(tmp_path, qgis_app):
    """Every third of 150 is a doubtful place."""
    return make_file(tmp_path / "candidates.gpkg", 150, doubtful=3)


@pytest.fixture
def reviewer(window, path):
    reviewer = window.review(path)
    yield reviewer
    reviewer.close()


@pytest.fixture
def store(path):
    store = ReviewStore.open(path, "me")
    yield store
    store.close()


def do(reviewer, *names):
    for name in names:
        reviewer.keys.action(name).trigger()


def choose(box, value):
    """Choose an entry as the user does."""
    box.setCurrentIndex(box.findData(value))
    box.activated.emit(box.currentIndex())


def test_the_question_follows_the_kind(reviewer):
    panel, buttons = reviewer.dock.candidate, reviewer.dock.buttons
    name = reviewer.session.current.class_name
    assert panel.question.text() == f"Was {name} overlooked here?"
    assert buttons.effects.text() == f"A: becomes {name}   R: stays bedrock"
    do(reviewer, "skip", "skip")
    name = reviewer.session.current.class_name
    assert panel.question.text() == f"Is this really {name}?"
    assert panel.flagged.text() == f"{name}: doubtful, the map says so"
    assert panel.other.text() == "else mostly bedrock"
    assert panel.score.text().startswith("The map is wrong here with a probability of ")
    assert "(IoU): 35%" in panel.evidence.text()
    assert buttons.effects.text() == "A: keep   R: becomes bedrock"
    accept, reject = (buttons._verdicts[verdict] for verdict in ("accept", "reject"))
    assert accept.toolTip() == f"The map is right: {name} stays here. (A)"
    assert "next best class, mostly bedrock" in reject.toolTip()


def test_the_words_beside_the_keys_are_of_the_users_own_keys(reviewer):
    reviewer.keys.action("reject").setShortcut("Q")
    assert reviewer.dock.buttons.effects.text().endswith("   Q: stays bedrock")


def test_one_kind_alone(reviewer):
    queue = reviewer.session.queue
    for kind, n in (("doubtful", 50), ("missed", 100), ("", 150)):
        choose(reviewer.dock.queue.kind, kind)
        assert len(queue) == n
        assert not kind or queue.current.kind == kind
    choose(reviewer.dock.queue.kind, "doubtful")
    reviewer.dock.queue.reset.click()
    assert len(queue) == 150 and reviewer.dock.queue.kind.currentData() == ""


def test_a_file_of_one_kind_offers_no_other(window, tmp_path):
    reviewer = window.review(make_file(tmp_path / "old.gpkg", old=True))
    assert not reviewer.dock.queue.kind.isEnabled()
    reviewer.close()


def test_both_kinds_come_mixed_by_expected_gain(reviewer):
    choose(reviewer.dock.queue.order, Order.GAIN_AREA.value)
    queue = reviewer.session.queue
    queue.go_to(max(queue._store.candidates, key=lambda c: c.score * c.area_m2).uuid)
    gains, kinds = [], set()
    for _ in range(150):
        gains.append(queue.current.score * queue.current.area_m2)
        kinds.add(queue.current.kind)
        queue.skip()
    assert gains == sorted(gains, reverse=True) and kinds == {"missed", "doubtful"}


def test_progress_counts_by_kind_and_class(reviewer):
    do(reviewer, "accept", "reject", "reject", "accept", "accept", "accept")
    labels = {group: label.text() for group, label in reviewer.dock.progress.labels.items()}
    assert {group.kind for group in labels} == {"missed", "doubtful"}
    counted = "\n".join(labels.values())
    store = reviewer.store
    for group, text in labels.items():
        states = [store.state(c.uuid).status for c in store.candidates if (c.kind, c.class_id) == group]
        yes, no = states.count("accept"), states.count("reject")
        words = "{} kept, {} thrown out" if group.kind == "doubtful" else "{} found, {} not"
        assert words.format(yes, no) in text, counted


def test_a_first_look_is_spread_over_the_ranks_and_always_the_same(store):
    chosen = first_look(store.candidates)
    assert chosen == first_look(store.candidates)
    for group in {(c.kind, c.class_id) for c in store.candidates}:
        everyone = [c.uuid for c in store.candidates if (c.kind, c.class_id) == group]
        places = [i for i, uuid in enumerate(everyone) if uuid in chosen]
        assert len(places) == min(N_EACH, len(everyone))
        step = len(everyone) / len(places)
        assert all(abs(place - (i + 0.5) * step) <= 1 for i, place in enumerate(places))
    assert first_look([]) == frozenset()
    assert len(first_look(store.candidates, 1)) == 4


def test_a_first_look_is_counted_by_class_and_kind(store):
    chosen = first_look(store.candidates, 2)
    for c in store.candidates:
        if c.uuid in chosen:
            store.decide(c.uuid, Verdict.REJECT if c.class_id == 3 else Verdict.ACCEPT)
        elif c.class_id == 3:
            store.decide(c.uuid, Verdict.ACCEPT)
    results = first_results(store, chosen)
    assert [result_words(flags) for flags in results] == [
        "large blocks: of 2 places 0 were overlooked, 2 not, 0 unsure.",
        "large blocks with grass: of 2 places 2 were overlooked, 0 not, 0 unsure.",
        "large blocks: of 2 places of the map 0 were right, 2 false, 0 unsure.",
        "large blocks with grass: of 2 places of the map 2 were right, 0 false, 0 unsure.",
    ]


def test_a_first_look_ends_with_what_was_right_and_goes_on_with_all(reviewer, path):
    dock, queue = reviewer.dock, reviewer.session.queue
    dock.queue.first_look.click()
    n = len(queue)
    assert n == len(first_look(reviewer.store.candidates)) < 150
    assert dock.first_look.isHidden()
    for _ in range(n - 1):
        do(reviewer, "accept")
    assert dock.first_look.isHidden()
    do(reviewer, "reject")
    assert not dock.first_look.isHidden()
    said = dock.first_look.results.text().splitlines()
    assert said[0] == "The first look is done." and len(said) == 5
    do(reviewer, "undo")
    assert dock.first_look.isHidden()
    do(reviewer, "redo")
    dock.first_look.go_on_wanted.emit()
    assert dock.first_look.isHidden() and not dock.queue.first_look.isChecked()
    assert len(queue) == 150
    assert queue.state(queue.current.uuid).verdict is None
    assert len(rows_of(path, "SELECT * FROM decisions")) == n + 2


def test_a_first_look_of_one_kind(reviewer):
    reviewer.dock.queue.first_look.click()
    choose(reviewer.dock.queue.kind, "doubtful")
    while reviewer.dock.first_look.isHidden():
        do(reviewer, "accept")
    said = reviewer.dock.first_look.results.text().splitlines()[1:]
    assert len(said) == 2 and all("places of the map" in line for line in said)


def test_a_second_look_tells_nothing_of_the_first(reviewer, path):
    reviewer.dock.queue.first_look.click()
    for uuid in list(first_look(reviewer.store.candidates)):
        reviewer.store.decide(uuid, Verdict.ACCEPT)
    reviewer.session.set_second_look(frozenset({name_of(0)}))
    assert reviewer.dock.first_look.isHidden()
