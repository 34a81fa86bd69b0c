// The encoder keeps the rules of encoders.
#include <iostream>
#include <nada/checks/check_part.hpp>

#include "new_part.hpp"

int main() try {
  nada::check_part(NewPart{}, {"a blue picture", "a red one"});
  std::cout << "right\n";
} catch (const nada::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
