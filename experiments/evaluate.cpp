// Question: how near is a generator to a text or to real pictures, and what did it keep?
// Run:      evaluate --generator adapted.safetensors --real configs/avatars/targets/zombie.png --tile 64
// Writes:   <out>.md, <out>.csv and <out>.json; prints the table. Rows are generators, columns metrics
//           (docs/policies.md)
#include "nada/experiment/evaluation.hpp"

int main(int argc, char** argv) { return nada::run_evaluation(argc, argv); }
