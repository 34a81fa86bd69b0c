// Question: what differs between runs, in their options and in what came of them?
// Run:      compare runs/a-zombie-1 runs/a-zombie-2 runs/sweep-rates [--group] [--csv]
// Writes:   nothing; prints a row a run: options that differ, steps, last losses, measures, seconds, code
#include "nada/experiment/program.hpp"
#include "nada/experiment/run_comparison.hpp"

int main(int argc, char** argv) { return nada::run_tool<nada::CompareOptions>(argc, argv, nada::compare); }
