"""Nobody who reads all that is shown can work out a small count: the attacker solves the system of equations."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from rollcall.dashboard.suppression import Cells, hide

THRESHOLD = 10


def cells_of(tables: list[np.ndarray]) -> Cells:
    counts = np.array(tables)
    family, school, grade = np.nonzero(counts)
    return Cells(family, school, grade, counts[family, school, grade], counts.sum(2), counts.sum(1), counts.sum((1, 2)))


def selections(schools: int, grades: int):
    """Every selection of some schools and some grades: none of either means all."""
    for some in itertools.chain.from_iterable(itertools.combinations(range(schools), k) for k in range(schools)):
        for few in itertools.chain.from_iterable(itertools.combinations(range(grades), k) for k in range(grades)):
            yield list(some), list(few)


def worked_out(table: np.ndarray, shown) -> list[tuple]:
    """The small cells, schools and grades that follow from the sums shown. That a count is zero, everybody knows."""
    known = table.ravel() > 0
    if not known.any():
        return []

    def equation(some: list[int], few: list[int]) -> np.ndarray:
        row = np.zeros(table.shape)
        row[np.ix_(some or range(table.shape[0]), few or range(table.shape[1]))] = 1
        return row.ravel()[known]

    every = [(each, equation(*each)) for each in selections(*table.shape)]
    given = np.array([row for each, row in every if shown(*each)]).reshape(-1, known.sum())
    _, sizes, basis = np.linalg.svd(given, full_matrices=False)
    basis = basis[: (sizes > 1e-9).sum()]
    found = []
    for each, row in every:
        if len(each[0]) > 1 or len(each[1]) > 1:
            continue
        value = row @ table.ravel()[known]
        rest = row - (row @ basis.T) @ basis
        if 0 < value < THRESHOLD and np.abs(rest).max() < 1e-9:
            found.append((each, value))
    return found


def random_tables(rng: random.Random, count: int) -> list[np.ndarray]:
    size = rng.randint(1, 4), rng.randint(1, 4)
    density = rng.choice([0.4, 0.8, 1.0])
    counts = rng.choice([[1, 3, 9, 10, 12, 30, 60], [2, 40, 50, 60, 70, 80], [1, 2, 3]])
    return [np.array([[rng.choice(counts) if rng.random() < density else 0 for _ in range(size[1])] for _ in range(size[0])]) for _ in range(count)]  # fmt: skip


@pytest.mark.parametrize("coarse", [False, True])
def test_no_small_count_can_be_worked_out_from_all_that_is_shown(coarse):
    rng, shown = random.Random(5), 0
    for _ in range(150):
        tables = random_tables(rng, 3)
        hidden = hide(cells_of(tables), THRESHOLD, coarse)
        for number, table in enumerate(tables):

            def is_shown(some, few, of=hidden, n=number):
                return not of.sums(some, few)[n]

            assert worked_out(table, is_shown) == [], (table.tolist(), coarse)
            shown += sum(is_shown(*each) for each in selections(*table.shape))
            # The total stays true.
            assert is_shown([], []) == (not 0 < table.sum() < THRESHOLD)
    assert shown > 3000, "hiding everything is no art"


def test_the_attacker_finds_what_is_hidden_alone():
    """What hides small counts only is no match for subtraction: the attacker above is a real one."""
    table = np.array([[3, 40], [50, 60]])
    assert worked_out(table, lambda some, few: not 0 < table[np.ix_(some or [0, 1], few or [0, 1])].sum() < THRESHOLD)


def test_a_pupil_alone_in_a_grade_costs_one_rectangle():
    table = np.full((12, 6), 40)
    table[4, 2] = 1
    hidden = hide(cells_of([table]), THRESHOLD)
    assert hidden.cell.sum() == 4
    assert not hidden.schools.any() and not hidden.grades.any()
    assert hidden.sums([4], [2])[0] and not hidden.sums([4], [])[0] and not hidden.sums([], [2])[0]
    # Everybody of the school but that pupil is that pupil's count, too.
    assert hidden.sums([4], [0, 1, 3, 4, 5])[0]


def test_a_school_of_a_few_is_hidden_with_the_next_larger_one():
    table = np.array([[4, 2], [20, 30], [50, 60], [11, 15]])
    hidden = hide(cells_of([table]), THRESHOLD)
    assert hidden.schools.tolist() == [[True, False, False, True]]
    assert not hidden.sums([0, 3], [])[0] and hidden.sums([0, 1], [])[0] and not hidden.sums([1, 2], [])[0]


def test_a_threshold_of_zero_hides_nothing():
    table = np.array([[1, 2], [3, 400]])
    hidden = hide(cells_of([table]), 0)
    assert not hidden.cell.any() and not any(hidden.sums(*each)[0] for each in selections(2, 2))
