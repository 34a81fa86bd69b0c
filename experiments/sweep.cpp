// Question: which options of an adaptation do best, on the same targets and seeds?
// Run:      sweep FILE [--jobs 2] [--list]      FILE: lr = 0.001 | 0.002, global = uniform(0.5, 4), samples = 20 ...
// Writes:   runs/sweep-<file>/: results.md  results.csv  best.cfg  sweep.cfg, and what ablations write
#include "nada/experiment/sweep.hpp"
#include "nada/experiment/program.hpp"

int main(int argc, char** argv) { return nada::run_tool<nada::SweepOptions>(argc, argv, nada::sweep); }
