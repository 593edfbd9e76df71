// Monge map between two Gaussians, as in astfx/features/monge.py.
#pragma once

#include "constants.hpp"

namespace astfx {

// A square matrix of up to kBands rows, stored in place.
struct SquareMatrix {
  alignas(64) double values[kBands * kBands];
};

// The symmetric T with T C T = S, where each covariance first gets a twentieth of its mean variance
// added to its diagonal. Allocates nothing, and gives the same bits in every thread.
//
// content, style, map: (n, n), one row after the other. `work` is overwritten.
struct MongeWork;
MongeWork* make_monge_work();
void free_monge_work(MongeWork* work);
void monge_map(int n, const SquareMatrix& content, const SquareMatrix& style, MongeWork& work,
               SquareMatrix& map);

}  // namespace astfx
