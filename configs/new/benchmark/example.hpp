// Input of both ways.
#pragma once
#include <nada/generators/stylegan2_ops.hpp>

/// A layer of 64 channels and a batch of 8, with fixed random numbers.
struct Example {
  explicit Example(std::int64_t side) {
    torch::manual_seed(0);
    x = torch::randn({8, 64, side, side});
    w = torch::randn({8, 128});
    weight = torch::randn({64, 64, 3, 3});
    affine_weight = torch::randn({64, 128});
  }
  nada::stylegan2::Convolution layer() const { return {weight, bias, strength, affine_weight, affine_bias}; }

  torch::Tensor x, w, weight, affine_weight;
  torch::Tensor bias = torch::zeros({64}), strength = torch::zeros({1}), affine_bias = torch::ones({64});
};
