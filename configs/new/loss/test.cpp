// The term keeps the rules of terms, and equal images cost nothing.
#include <iostream>
#include <nada/checks/check_part.hpp>

#include "new_part.hpp"

int main() try {
  nada::check_part(NewPart{});
  const auto images = torch::rand({2, 3, 8, 8});
  const nada::Scene scene{images, images, {}, {}};
  nada::require(NewPart{}(scene).item<double>() == 0, "equal images cost something");
  std::cout << "right\n";
} catch (const nada::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
