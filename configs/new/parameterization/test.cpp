// The parameterization keeps the rules of parameterizations.
#include <iostream>
#include <nada/checks/check_part.hpp>

#include "new_part.hpp"

int main() try {
  nada::check_part(NewPart{});
  std::cout << "right\n";
} catch (const nada::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
