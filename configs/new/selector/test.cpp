// The selector keeps the rules of selectors.
#include <iostream>
#include <nada/checks/check_part.hpp>

#include "new_part.hpp"

int main() try {
  nada::check_part(NewPart{2});
  std::cout << "right\n";
} catch (const nada::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
