// The views show every image twice, the second time mirrored.
#include <iostream>

#include "new_part.hpp"

int main() {
  const auto images = torch::rand({2, 3, 8, 8}) * 2 - 1;
  const auto shown = NewPart{}.show(images, {});
  const bool right = shown.size(0) == 4 && shown.narrow(0, 2, 2).flip(3).equal(images);
  std::cout << (right ? "right\n" : "wrong\n");
  return right ? 0 : 1;
}
