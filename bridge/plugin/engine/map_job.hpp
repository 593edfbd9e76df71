// A Monge map that is asked for in one hop and needed a few hops later.
#pragma once

#include <atomic>

#include "monge.hpp"
#include "worker.hpp"

namespace astfx {

// The audio thread asks for a map with `post` and takes it with `collect`, some hops later. In between,
// a worker thread may compute it (`work`). If it has not, the audio thread does so itself. The result
// is the same, bit for bit, so the output never depends on the speed of the worker, and no thread
// ever waits for another one.
class MapJob : public Task {
 public:
  explicit MapJob(const SquareMatrix& style, int n);
  ~MapJob() override;
  MapJob(const MapJob&) = delete;
  MapJob& operator=(const MapJob&) = delete;

  // For the audio thread.
  void reset();
  void post(const double* covariance);
  bool pending() const { return pending_; }
  void collect(SquareMatrix& map);

  // For the worker thread: compute what is asked for, if anything.
  void work() override;

  // How many maps the audio thread had to compute itself.
  int n_own() const { return n_own_.load(std::memory_order_relaxed); }

 private:
  enum State : int { kIdle, kPosted, kTaken, kDone, kAbandoned };

  int n_;
  SquareMatrix style_;
  SquareMatrix own_input_, shared_input_, shared_output_;
  MongeWork* own_work_;
  MongeWork* shared_work_;
  std::atomic<int> state_{kIdle}, n_own_{0};
  bool pending_ = false, posted_ = false;
};

}  // namespace astfx
