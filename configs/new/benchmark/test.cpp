// Both ways give the same numbers.
#include <iostream>

#include "example.hpp"
#include "new_part.hpp"

int main() {
  const Example e(8);
  const bool same = new_part(e.x, e.w, e.layer())
                        .allclose(nada::stylegan2::modulated_convolution(e.x, e.w, e.layer(), {}, false), 1e-3, 1e-4);
  std::cout << (same ? "right\n" : "the two ways differ\n");
  return same ? 0 : 1;
}
