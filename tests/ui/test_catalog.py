"""The numbers of lessons: those that follow the notes first, then those that go beyond them."""

from gradviz.ui import catalog


def test_lessons_of_the_notes_are_numbered_before_those_beyond_them():
    notes = [entry for entry in catalog.LESSONS if entry.section]
    beyond = [entry for entry in catalog.LESSONS if entry.after]
    assert [entry.number for entry in notes] == list(range(1, 12))
    assert [entry.number for entry in beyond] == list(range(12, 12 + len(beyond)))
    assert not set(notes) & set(beyond)
    assert catalog.find("lab").number is None and catalog.find("lab").source() == ""


def test_a_lesson_beyond_the_notes_says_so():
    entry = catalog.find("shattered")
    assert entry.source() == "Lesson 12 · beyond the notes, after their §3.5"
    assert catalog.find("residual").source().startswith("Lesson 11 of 11 · §3.5")
    assert entry in catalog.parts()["Beyond the notes"]
