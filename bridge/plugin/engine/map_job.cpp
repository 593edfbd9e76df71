#include "map_job.hpp"

#include <algorithm>

namespace astfx {

MapJob::MapJob(const SquareMatrix& style, int n)
    : n_(n), style_(style), own_work_(make_monge_work()), shared_work_(make_monge_work()) {
  // Touched here, so that the audio thread never meets a page for the first time.
  SquareMatrix covariance = style_, map;
  monge_map(n_, covariance, style_, *own_work_, map);
  monge_map(n_, covariance, style_, *shared_work_, map);
  shared_input_ = own_input_ = shared_output_ = covariance;
}

MapJob::~MapJob() {
  free_monge_work(own_work_);
  free_monge_work(shared_work_);
}

void MapJob::reset() {
  if (!pending_) return;
  pending_ = false;
  int expected = kPosted;
  if (!posted_ || state_.compare_exchange_strong(expected, kIdle)) return;
  expected = kTaken;
  if (!state_.compare_exchange_strong(expected, kAbandoned)) state_.store(kIdle);
}

void MapJob::post(const double* covariance) {
  std::copy(covariance, covariance + n_ * n_, own_input_.values);
  pending_ = true;
  // A worker that is still busy with an abandoned map keeps the shared buffers.
  posted_ = state_.load(std::memory_order_acquire) == kIdle;
  if (!posted_) return;
  std::copy(covariance, covariance + n_ * n_, shared_input_.values);
  state_.store(kPosted, std::memory_order_release);
}

void MapJob::collect(SquareMatrix& map) {
  pending_ = false;
  if (posted_) {
    int expected = kPosted;
    if (!state_.compare_exchange_strong(expected, kIdle)) {
      if (expected == kDone) {
        std::copy(shared_output_.values, shared_output_.values + n_ * n_, map.values);
        state_.store(kIdle, std::memory_order_release);
        return;
      }
      expected = kTaken;
      if (!state_.compare_exchange_strong(expected, kAbandoned)) {  // done in this moment
        std::copy(shared_output_.values, shared_output_.values + n_ * n_, map.values);
        state_.store(kIdle, std::memory_order_release);
        return;
      }
    }
  }
  n_own_.fetch_add(1, std::memory_order_relaxed);
  monge_map(n_, own_input_, style_, *own_work_, map);
}

void MapJob::work() {
  int expected = kPosted;
  if (!state_.compare_exchange_strong(expected, kTaken)) return;
  monge_map(n_, shared_input_, style_, *shared_work_, shared_output_);
  expected = kTaken;
  if (!state_.compare_exchange_strong(expected, kDone)) state_.store(kIdle);  // abandoned
}

}  // namespace astfx
