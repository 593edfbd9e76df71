#include "monge.hpp"

#include <Eigen/Dense>
#include <algorithm>

namespace astfx {

namespace {

// All inputs and outputs are symmetric, so the order of rows and columns does not matter.
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, kBands, kBands>;
using View = Eigen::Map<const Eigen::MatrixXd>;

void regularise(Matrix& covariance) {
  const double mean = std::max(covariance.diagonal().mean(), 1e-6);
  covariance.diagonal().array() += kRegularisation * mean;
}

}  // namespace

struct MongeWork {
  Matrix content, style, inverse, inner, root, product;
  Eigen::LLT<Matrix> cholesky;
  Eigen::SelfAdjointEigenSolver<Matrix> eigen;
};

MongeWork* make_monge_work() { return new MongeWork; }

void free_monge_work(MongeWork* work) { delete work; }

void monge_map(int n, const SquareMatrix& content, const SquareMatrix& style, MongeWork& work,
               SquareMatrix& map) {
  work.content = View(content.values, n, n);
  work.style = View(style.values, n, n);
  regularise(work.content);
  regularise(work.style);
  work.cholesky.compute(work.content);
  work.inverse.setIdentity(n, n);
  work.cholesky.matrixL().solveInPlace(work.inverse);
  work.content = work.cholesky.matrixL();  // from here on the lower triangle L
  work.product.noalias() = work.style * work.content;
  work.inner.noalias() = work.content.transpose() * work.product;
  work.eigen.compute(work.inner);
  const Matrix& vectors = work.eigen.eigenvectors();
  work.product = vectors;
  for (int i = 0; i < n; ++i)
    work.product.col(i) *= std::sqrt(std::max(work.eigen.eigenvalues()[i], kLeastEigenvalue));
  work.root.noalias() = work.product * vectors.transpose();
  work.product.noalias() = work.root * work.inverse;
  work.root.noalias() = work.inverse.transpose() * work.product;
  Eigen::Map<Eigen::MatrixXd>(map.values, n, n) = work.root;
}

}  // namespace astfx
