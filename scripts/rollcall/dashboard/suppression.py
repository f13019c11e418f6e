"""Which counts of students are not shown, so that none of a few children can be read or worked out.

A *family* is a table of counts by school and grade whose totals are shown too: the students with use in a month, those of one product,
those of one day. Of a family, four kinds of sums can be asked for: all, some schools, some grades, some grades of some schools.

1. A sum from 1 to below the threshold is hidden.
2. So that a hidden school is not the total less the others, hidden schools have company: the next larger ones are hidden with them until
   one of them is large enough. The same for grades. What is then known of hidden schools (or grades) is their sum.
3. Known sums of schools and grades are the equations of the cells. Draw a line for each cell between its school and its grade, all
   hidden schools being one point, and all hidden grades: a cell can be worked out exactly if its line is a bridge, without which its
   ends are no longer connected. Where a small cell is a bridge, or a bridge leaves few at one of its ends, further grades or schools are
   hidden until it is none.
4. Of the cells themselves, the small ones are hidden, and of the others as many as it takes for the same to hold among the hidden.
   (`coarse`: all of them. There is no time to look for the fewest in each of thousands of families.)

5. Figures of several days (access, the students active on an average day) are sums of days, too. In each week of a month, the days of a
   few go together with the next larger ones until they are more than a few (`hide_days`): these days are hidden, and so is any figure of
   custom dates or of one day that parts them, or whose ends lie at such a part of a week with only a few. Weeks, months and school years part none.

A sum is shown if it is made of shown cells, or of whole rows or columns whose totals are known. So all that is shown together says no more
than the known totals and the shown cells do; the tests solve that system of equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_NEVER = np.iinfo(np.int64).min // 2


@dataclass
class Cells:
    """Counts by family, school and grade: the nonzero ones, as numbers from 0, with the totals of schools, grades and families."""

    family: np.ndarray
    school: np.ndarray
    grade: np.ndarray
    count: np.ndarray
    by_school: np.ndarray  # families by schools
    by_grade: np.ndarray  # families by grades
    total: np.ndarray  # families


@dataclass
class Hidden:
    """What is hidden of some families: schools and grades as families by schools (grades), cells as a mask of those given."""

    cells: Cells
    threshold: int
    schools: np.ndarray
    grades: np.ndarray
    cell: np.ndarray

    def sums(self, schools: list[int], grades: list[int]) -> np.ndarray:
        """By family, whether the sum over these schools and grades is hidden; an empty list means all of them."""
        cells = self.cells
        if not schools and not grades:
            return _is_small(cells.total, self.threshold)
        if not grades:
            return _parts(self.schools, schools) | _is_small(cells.by_school[:, schools].sum(axis=1), self.threshold)
        if not schools:
            return _parts(self.grades, grades) | _is_small(cells.by_grade[:, grades].sum(axis=1), self.threshold)
        in_schools, in_grades = np.isin(cells.school, schools), np.isin(cells.grade, grades)
        families = len(cells.total)

        def any_of(mask: np.ndarray) -> np.ndarray:
            return np.bincount(cells.family[mask], minlength=families) > 0

        inside = in_schools & in_grades
        small = np.bincount(cells.family[inside], cells.count[inside], minlength=families)
        hidden = any_of(self.cell & inside)
        by_rows = any_of(self.cell & in_schools & (~in_grades | self.schools[cells.family, cells.school]))
        by_columns = any_of(self.cell & in_grades & (~in_schools | self.grades[cells.family, cells.grade]))
        return (hidden & by_rows & by_columns) | _is_small(small, self.threshold)


def hide(cells: Cells, threshold: int, coarse: bool = False) -> Hidden:
    """What to hide of these families."""
    schools, grades = _company(cells.by_school, threshold), _company(cells.by_grade, threshold)
    small, family = _is_small(cells.count, threshold), cells.family
    few = _is_small(cells.total, threshold)
    schools[few], grades[few] = cells.by_school[few] > 0, cells.by_grade[few] > 0
    # A total that is itself hidden gives nothing away.
    cell = small | few[family]
    touched = np.bincount(family[small], minlength=len(cells.total)) > 0
    every = touched[family]
    open_ = small & ~few[family]
    while True:
        bridges = _giving_away(cells, threshold, schools, grades, every, open_)
        if not len(bridges):
            break
        before = grades.sum() + schools.sum()
        for each in bridges:
            _join(cells, each, schools, grades, every)
        if grades.sum() + schools.sum() == before:
            # Nothing is left to be joined: one line alone between all schools and all grades is the total itself.
            break
    cell = every | cell if coarse else _complement(cells, threshold, cell, open_, every, schools, grades)
    return Hidden(cells, threshold, schools, grades, cell)


def pieces(days: np.ndarray) -> np.ndarray:
    """The first day of the part of a week in one month that each day is in (`filters.piece_of`, of many days)."""
    weeks = days - (days.astype(np.int64) + 3) % 7  # 1970 began on a Thursday
    return np.maximum(weeks, days.astype("datetime64[M]").astype("datetime64[D]"))


def hide_days(table: np.ndarray, day: np.ndarray, count: np.ndarray, threshold: int) -> np.ndarray:
    """Which days, given as counts by table (a product, a place) and day, are hidden. Of equal counts the earlier day goes first."""
    order, _, _, hidden = _by_piece(table, day, count, threshold)
    found = np.empty(len(count), dtype=bool)
    found[order] = hidden
    return found


def _by_piece(
    table: np.ndarray, day: np.ndarray, count: np.ndarray, threshold: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The days in the order of their table, piece, count and date; and in this order where a piece begins, the number of each day's piece,
    and whether the day is hidden."""
    piece = pieces(day)
    # Count and date as one number: each key costs a sort of its own.
    order = np.lexsort((count.astype(np.int64) * 100_000 + day.astype(np.int64), piece, table))
    table, piece, count = table[order], piece[order], count[order]
    begins = np.ones(len(count), dtype=bool)
    begins[1:] = (table[1:] != table[:-1]) | (piece[1:] != piece[:-1])
    starts, group = np.flatnonzero(begins), np.cumsum(begins) - 1
    before = np.cumsum(count) - count
    before -= before[starts][group]
    return order, starts, group, (count < threshold) | ((count[starts] < threshold)[group] & (before < threshold))


def parted(
    table: np.ndarray, day: np.ndarray, count: np.ndarray, first: np.datetime64, last: np.datetime64, threshold: int
) -> np.ndarray:
    """The tables whose hidden days of a piece lie partly in these dates and partly outside, or that have only a few in a piece at an end
    of several days."""
    order, starts, group, hidden = _by_piece(table, day, count, threshold)
    table, day, count = table[order], day[order], count[order]
    inside = (day >= first) & (day <= last)
    ins, outs, sums = (np.bincount(group, each, len(starts)) for each in (hidden & inside, hidden & ~inside, count))
    found = (ins > 0) & (outs > 0)
    if first < last:
        ends = pieces(np.array([first - 1, first, last, last + 1]))
        found |= _is_small(sums, threshold) & np.isin(pieces(day[starts]), ends)
    of = table[starts][found]  # in order
    return of[np.flatnonzero(np.diff(of, prepend=of[:1] - 1))]


def _is_small(counts: np.ndarray, threshold: int) -> np.ndarray:
    return (counts > 0) & (counts < threshold)


def _parts(hidden: np.ndarray, chosen: list[int]) -> np.ndarray:
    """Whether some, but not all, of the hidden are among the chosen."""
    inside = hidden[:, chosen].sum(axis=1)
    return (inside > 0) & (inside < hidden.sum(axis=1))


def _company(counts: np.ndarray, threshold: int) -> np.ndarray:
    """The small ones of each row, and the smallest of the others, if there are small ones at all."""
    small = _is_small(counts, threshold)
    large = np.where(counts >= threshold, counts, np.iinfo(np.int64).max)
    if not counts.shape[1]:
        return small
    next_, rows = large.argmin(axis=1), np.arange(len(counts))
    small[rows, next_] |= small.any(axis=1) & (counts[rows, next_] >= threshold)
    return small


def _ends(cells: Cells, schools: np.ndarray, grades: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two points of each cell's line: its school and its grade, or the one point that all hidden ones are."""
    n_schools, n_grades = schools.shape[1], grades.shape[1]
    width = n_schools + n_grades + 2
    school = np.where(schools[cells.family, cells.school], n_schools + n_grades, cells.school)
    grade = np.where(grades[cells.family, cells.grade], n_schools + n_grades + 1, n_schools + cells.grade)
    return cells.family * width + school, cells.family * width + grade


def _bridges(cells: Cells, schools: np.ndarray, grades: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Which of the cells among these are bridges, in all families at once.

    A spanning tree of each family, level by level; every other line gets a random number, which all lines of the tree on the way
    between its ends are marked with. A line of the tree that nothing marks is a bridge.
    """
    found = np.zeros(len(cells.count), dtype=bool)
    lines = np.flatnonzero(among)
    if not len(lines):
        return found
    left, right = (end[lines] for end in _ends(cells, schools, grades))
    points, ends = np.unique(np.concatenate([left, right]), return_inverse=True)
    left, right = ends[: len(lines)], ends[len(lines) :]
    n, family = len(points), points // (schools.shape[1] + grades.shape[1] + 2)
    level, parent, by_line = np.full(n, -1), np.full(n, -1), np.full(n, -1)
    while (unseen := np.flatnonzero(level < 0)).size:
        # One new root a family.
        level[unseen[np.unique(family[unseen], return_index=True)[1]]] = 0
        frontier = level == 0
        depth = 0
        while frontier.any():
            reached = np.zeros(n, dtype=bool)
            for a, b in ((left, right), (right, left)):
                go = np.flatnonzero(frontier[a] & (level[b] < 0))
                by_line[b[go]], parent[b[go]] = go, a[go]
                reached[b[go]] = True
            # A point that was reached over several lines keeps the last: its parent is set by the same line.
            level[reached] = depth + 1
            frontier, depth = reached, depth + 1
    is_tree = np.zeros(len(lines), dtype=bool)
    is_tree[by_line[by_line >= 0]] = True
    marks = np.zeros(n, dtype=np.uint64)
    others = np.flatnonzero(~is_tree)
    number = np.random.default_rng(0).integers(1, 2**63, len(others), dtype=np.uint64)
    np.bitwise_xor.at(marks, left[others], number)
    np.bitwise_xor.at(marks, right[others], number)
    for depth in range(level.max(), 0, -1):
        there = np.flatnonzero((level == depth) & (parent >= 0))
        np.bitwise_xor.at(marks, parent[there], marks[there])
    unmarked = np.flatnonzero((marks == 0) & (by_line >= 0))
    found[lines[by_line[unmarked]]] = True
    return found


def _giving_away(cells: Cells, threshold: int, schools, grades, among: np.ndarray, small: np.ndarray) -> np.ndarray:
    """The bridges that must not be any: those of small cells, and those that leave few others together at one of their ends."""
    bridge = _bridges(cells, schools, grades, among)
    found = bridge & small
    # The total of a few is no secret where it is hidden itself.
    affected = np.bincount(cells.family[small], minlength=len(cells.total)) > 0
    for points in _ends(cells, schools, grades):
        _, at = np.unique(points, return_inverse=True)
        rest = np.bincount(at, np.where(among & ~bridge, cells.count, 0))
        found |= bridge & _is_small(rest, threshold)[at] & affected[cells.family]
    return np.flatnonzero(found)


def _join(cells: Cells, each: int, schools: np.ndarray, grades: np.ndarray, among: np.ndarray) -> None:
    """Hides the grade of a bridge and another one of its school, so that two lines lead there; else two schools of its grade."""
    family, school, grade = cells.family[each], cells.school[each], cells.grade[each]
    left, right = _ends(cells, schools, grades)
    for point, names, hidden, own in ((left, cells.grade, grades, grade), (right, cells.school, schools, school)):
        beside = np.flatnonzero(among & (point == point[each]))
        beside = beside[(names[beside] != own)]
        if len(beside):
            other = beside[np.lexsort((names[beside], cells.count[beside]))[0]]
            hidden[family, own] = hidden[family, names[other]] = True
            return


def _complement(cells: Cells, threshold: int, cell, small, every, schools, grades) -> np.ndarray:
    """The cells to hide with the small ones.

    In each school and grade, as many as it takes for the hidden there to be more than a few together; for each small one that is a bridge,
    the cheapest rectangle, or its row and column where there is none.
    """
    cell = cell.copy()
    _fill(cells, threshold, cell, schools, grades)
    at = {
        key: i
        for i, key in enumerate(zip(cells.family.tolist(), cells.school.tolist(), cells.grade.tolist(), strict=True))
    }
    while True:
        before = cell.sum()
        for each in _giving_away(cells, threshold, schools, grades, cell, small).tolist():
            cell[_rectangle(cells, cell, at, each)] = True
        _fill(cells, threshold, cell, schools, grades)
        if cell.sum() == before and not _widen_cuts(cells, threshold, cell, schools, grades):
            break
    if len(_giving_away(cells, threshold, schools, grades, cell, small)):
        # It takes a longer way round.
        cell |= every
    return cell


def _rectangle(
    cells: Cells, cell: np.ndarray, at: dict[tuple[int, int, int], int], each: int
) -> list[int] | np.ndarray:
    """The other corners of the cheapest rectangle of cells with this one; where there is none, its row and column."""
    family, school, grade = int(cells.family[each]), cells.school[each], cells.grade[each]
    mine, best = cells.family == family, None
    row, column = np.flatnonzero(mine & (cells.school == school)), np.flatnonzero(mine & (cells.grade == grade))
    for i in row.tolist():
        for j in column.tolist():
            corner = at.get((family, int(cells.school[j]), int(cells.grade[i])))
            if i != each and j != each and corner is not None:
                cost = sum(int(cells.count[k]) for k in (i, j, corner) if not cell[k])
                if best is None or (cost, i, j) < best[0]:
                    best = (cost, i, j), [i, j, corner]
    return best[1] if best else np.concatenate([row, column])


def _widen_cuts(cells: Cells, threshold: int, cell: np.ndarray, schools: np.ndarray, grades: np.ndarray) -> bool:
    """Where a few hidden ones together part the hidden in two, which makes their sum known: hides one more between the parts, if there is one."""
    left, right = _ends(cells, schools, grades)
    hidden, widened = np.flatnonzero(cell), False
    for family in np.unique(cells.family[hidden]):
        mine = hidden[cells.family[hidden] == family]
        side = _smallest_cut(left[mine], right[mine], cells.count[mine], threshold)
        if side is None:
            continue
        inside = np.isin(left, side) != np.isin(right, side)
        rest = np.flatnonzero(inside & ~cell & (cells.family == family))
        if len(rest):
            cell[rest[np.argmin(cells.count[rest])]] = widened = True
    return widened


def _smallest_cut(left: np.ndarray, right: np.ndarray, weight: np.ndarray, below: int) -> list[int] | None:
    """The points on one side of a cut of less than this weight in a graph, if it has one (Stoer and Wagner)."""
    points, ends = np.unique(np.concatenate([left, right]), return_inverse=True)
    n = len(points)
    between = np.zeros((n, n), np.int64)
    np.add.at(between, (ends[: len(left)], ends[len(left) :]), weight)
    between += between.T
    groups, active = [[int(point)] for point in points], np.ones(n, dtype=bool)
    while active.sum() > 1:
        # Those that are in already, or no longer there, are never the tightest.
        tight = np.where(active, 0, _NEVER)
        before = last = -1
        for _ in range(active.sum()):
            before, last = last, int(tight.argmax())
            tight += between[last]
            tight[last] = _NEVER
        apart = int(between[last, active].sum() - between[last, last])
        # Parts that nothing connects say nothing of each other.
        if 0 < apart < below:
            return groups[last]
        groups[before] += groups[last]
        between[before] += between[last]
        between[:, before] += between[:, last]
        between[before, before] = 0
        active[last] = False
    return None


def _fill(cells: Cells, threshold: int, cell: np.ndarray, schools: np.ndarray, grades: np.ndarray) -> None:
    """Hides the next smallest cell of each school and grade in which the hidden ones are a few together, until none is left."""
    changed = True
    while changed:
        changed = False
        for points in _ends(cells, schools, grades):
            names, at = np.unique(points, return_inverse=True)
            sums = np.bincount(at, np.where(cell, cells.count, 0), minlength=len(names))
            for point in np.flatnonzero(_is_small(sums, threshold)):
                rest = np.flatnonzero((at == point) & ~cell)
                if len(rest):
                    cell[rest[np.argmin(cells.count[rest])]] = changed = True
