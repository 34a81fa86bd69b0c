#!/usr/bin/env python3
"""Holds the sentences of the documentation against the rows of its tables.

    claims.py [ROOT]        checks README.md and docs/*.md below ROOT; default: the repository of this file

A sentence that says of one thing that it is better, nearer or faster than another names its row behind it:

    The global term alone is farther from the pictures. <!-- claim: docs/results.md#losses global frechet > both -->

PAGE#SECTION is the part of a page between <!-- SECTION --> and <!-- end of SECTION -->. `ROW COLUMN > OTHER` holds where
the table of differences to OTHER (or to ROW, with the other sign) has an interval above 0, `<` below 0, `=` around 0: "is
not seen to differ". With a number in the place of OTHER the row of the first table is compared with that number. Further
claims of one comment stand behind semicolons and are of the same section.

In paragraphs that begin with "What the numbers show" a sentence that compares must have its claim.
"""
import re
import sys
from pathlib import Path

CLAIM = re.compile(r"<!-- claim: (.*?) -->", re.S)
COMPARES = re.compile(r"\b(than|as often as|better|worse|nearer|farther|faster|slower|longer|not seen to differ)\b")


class Wrong(Exception):
    pass


def interval(cell):
    """Returns (low, high) of a cell such as `0.5 ± 0.1`, `0.98 (0.95 to 1)`, each with a `*` perhaps."""
    text = cell.replace("\\*", "").replace("*", "").strip()
    number = r"(-?[0-9.]+(?:e[-+]?[0-9]+)?)"
    if match := re.fullmatch(number + r" ± " + number, text):
        value, half = map(float, match.groups())
        return value - half, value + half
    if match := re.fullmatch(number + r" \(" + number + " to " + number + r"\)", text):
        return float(match[2]), float(match[3])
    raise Wrong(f"'{cell.strip()}' is no number with an interval")


def tables_of(text):
    """Returns the tables of a text as (the last line before it, columns, rows by their first cell)."""
    out, before, lines = [], "", text.splitlines()
    at = 0
    while at < len(lines):
        if not lines[at].startswith("|"):
            before = lines[at] if lines[at].strip() else before
            at += 1
            continue
        rows = []
        while at < len(lines) and lines[at].startswith("|"):
            rows.append([cell.strip() for cell in lines[at].strip().strip("|").split("|")])
            at += 1
        out.append((before, rows[0], {row[0]: row for row in rows[2:]}))
    return out


def section_of(root, where):
    page, _, name = where.partition("#")
    if not (root / page).is_file():
        raise Wrong(f"there is no page {page}")
    match = re.search(rf"<!-- {re.escape(name)} -->\n(.*?)<!-- end of {re.escape(name)} -->", (root / page).read_text(), re.S)
    if not name or not match:
        raise Wrong(f"{page} has no section '{name}'")
    return tables_of(match[1])


def cell_of(table, row, column):
    _, columns, rows = table
    if row not in rows:
        raise Wrong(f"there is no row '{row}'; the rows are {', '.join(rows)}")
    if column not in columns:
        raise Wrong(f"there is no column '{column}'; the columns are {', '.join(columns)}")
    return interval(rows[row][columns.index(column)])


def difference(tables, row, column, other):
    for control, variant, sign in ((other, row, 1), (row, other, -1)):
        for table in tables:
            if re.search(rf"[Dd]ifferences to `{re.escape(control)}`", table[0]):
                low, high = cell_of(table, variant, column)
                return (low, high) if sign > 0 else (-high, -low)
    raise Wrong(f"there is no table of differences to '{other}' or '{row}'")


def check_claim(tables, claim):
    match = re.fullmatch(r"(\S+) (\S+) ([<>=]) (\S+)", claim.strip())
    if not match:
        raise Wrong("expected `ROW COLUMN > OTHER`, with <, > or =")
    row, column, sign, other = match.groups()
    if re.fullmatch(r"-?[0-9.]+", other):
        if not tables:
            raise Wrong("the section has no table")
        low, high = (end - float(other) for end in cell_of(tables[0], row, column))
    else:
        low, high = difference(tables, row, column, other)
    holds = {">": low > 0, "<": high < 0, "=": low <= 0 <= high}[sign]
    if not holds:
        raise Wrong(f"the difference is {low:.4g} to {high:.4g}")


def check_comment(root, text):
    """Returns what is wrong with the claims of a comment, a sentence each."""
    where, _, claims = " ".join(text.split()).partition(" ")
    try:
        tables = section_of(root, where)
    except Wrong as wrong:
        return [f"claim: {where}: {wrong}"]
    out = []
    for claim in claims.split(";"):
        try:
            check_claim(tables, claim)
        except Wrong as wrong:
            out.append(f"claim: {where} {claim.strip()}: {wrong}")
    return out


def sentences(paragraph):
    """Returns the sentences of a paragraph, each with the comments that follow it."""
    paragraph = paragraph.removeprefix("What the numbers show:")
    return re.findall(r".+?[.](?:\s*<!--.*?-->)*(?=\s|$)", paragraph, re.S)


def check_page(root, page):
    """Returns (number of claims, what is wrong)."""
    text = (root / page).read_text()
    text = re.sub(r"^```.*?^```$", lambda m: "\n" * m[0].count("\n"), text, flags=re.S | re.M)
    text = re.sub(r"^ {4}.*$", "", text, flags=re.M)  # code
    comments = CLAIM.findall(text)
    wrong = [f"{page}: {what}" for comment in comments for what in check_comment(root, comment)]
    for paragraph in re.split(r"\n\s*\n", text):
        if not paragraph.startswith("What the numbers show"):
            continue
        for sentence in sentences(paragraph):
            words = re.sub(r"<!--.*?-->", "", sentence, flags=re.S)
            if COMPARES.search(words) and not CLAIM.search(sentence):
                wrong.append(f"{page}: a comparison without a claim: {' '.join(words.split())}")
    return len(comments), wrong


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    pages = ["README.md"] + sorted(f"docs/{page.name}" for page in (root / "docs").glob("*.md"))
    count, wrong = 0, []
    for page in pages:
        if not (root / page).is_file():
            continue
        found, problems = check_page(root, page)
        count += found
        wrong += problems
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    print(f"{count} comments with claims, {len(wrong)} problems")
    return 1 if wrong or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
