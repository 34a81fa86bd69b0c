"""What claims.py takes and what it refuses, on a page made for it."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PAGE = """# Results
<!-- losses -->

Means:

| variant | found | frechet |
|---|---|---|
| both | 0.99 (0.95 to 1.00) | 364 ± 78 |
| global | 0.99 ± 0.02 | 856 ± 130 |

Differences to `both` on the same target and seed; * marks what stands:

| variant | found | frechet | empty |
|---|---|---|---|
| global | 0.001 ± 0.002 | 492 ± 98* | |
| share | -0.03 (-0.08 to -0.01) | 1 ± 1 | 0 ± 0 |

<!-- end of losses -->

"""


def check(text):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "docs").mkdir()
        (Path(folder) / "docs/results.md").write_text(PAGE + text)
        done = subprocess.run([sys.executable, Path(__file__).parent / "claims.py", folder], capture_output=True, text=True)
        return done.returncode, done.stderr


class Claims(unittest.TestCase):
    def holds(self, claim):
        self.assertEqual(check(f"So it is. <!-- claim: docs/results.md#losses {claim} -->\n"), (0, ""))

    def fails(self, claim, why):
        code, said = check(f"So it is. <!-- claim: docs/results.md#losses {claim} -->\n")
        self.assertEqual(code, 1)
        self.assertIn(why, said)

    def test_an_interval_beside_0_holds_in_its_direction_alone(self):
        self.holds("global frechet > both")
        self.holds("both frechet < global")
        self.holds("share found < both")
        self.fails("global frechet < both", "the difference is 394 to 590")
        self.fails("both frechet > global", "the difference is -590 to -394")
        self.fails("global frechet = both", "the difference is")

    def test_an_interval_around_0_shows_no_difference(self):
        self.holds("global found = both")
        self.fails("global found > both", "the difference is -0.001 to 0.003")
        self.fails("share frechet > both", "the difference is 0 to 2")

    def test_numbers_are_compared_with_the_first_table(self):
        self.holds("both found > 0.9")
        self.holds("global frechet > 700")
        self.fails("global frechet > 800", "the difference is -74 to 186")

    def test_what_is_missing_is_named(self):
        self.fails("local frechet > both", "there is no row 'local'; the rows are global, share")
        self.fails("global speed > both", "there is no column 'speed'")
        self.fails("global frechet > share", "there is no table of differences to 'share' or 'global'")
        self.fails("share empty > 5", "there is no row 'share'")
        self.fails("global empty > both", "'' is no number with an interval")
        self.fails("global frechet better both", "expected `ROW COLUMN > OTHER`")
        self.assertIn("has no section 'layers'", check("<!-- claim: docs/results.md#layers a b > c -->")[1])
        self.assertIn("there is no page docs/none.md", check("<!-- claim: docs/none.md#layers a b > c -->")[1])

    def test_one_of_several_claims_is_enough_to_fail(self):
        self.holds("global frechet > both; global found = both")
        self.fails("global frechet > both; global found < both", "global found < both: the difference")

    def test_a_comparison_among_what_the_numbers_show_needs_its_claim(self):
        claim = "<!-- claim: docs/results.md#losses global frechet > both -->"
        self.assertEqual(check(f"What the numbers show: it is farther than both. {claim}\nNo more is said.\n")[0], 0)
        code, said = check(f"What the numbers show: it is there. {claim} It is better than both.\nNo more is said.\n")
        self.assertEqual(code, 1)
        self.assertIn("a comparison without a claim: It is better than both.", said)
        self.assertEqual(check(f"What was done is better than nothing.\n\nSo it is. {claim}\n")[0], 0)

    def test_a_documentation_without_claims_is_no_success(self):
        self.assertEqual(check("Nothing is claimed.\n")[0], 1)


if __name__ == "__main__":
    unittest.main()
