#include "worker.hpp"

#include <algorithm>
#include <chrono>

#include "denormals.hpp"

namespace astfx {

namespace {
constexpr std::chrono::microseconds kPause{1500};
}

std::shared_ptr<Worker> Worker::shared() {
  static std::mutex mutex;
  static std::weak_ptr<Worker> present;
  const std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<Worker> worker = present.lock();
  if (!worker) present = worker = std::shared_ptr<Worker>(new Worker);
  return worker;
}

Worker::Worker() : thread_([this] { run(); }) {}

Worker::~Worker() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Worker::add(MapJob* job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  jobs_.push_back(job);
  changed_.notify_all();
}

void Worker::remove(MapJob* job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  jobs_.erase(std::remove(jobs_.begin(), jobs_.end(), job), jobs_.end());
}

void Worker::run() {
  const FlushDenormals flush;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ends_) {
    for (MapJob* job : jobs_) job->work();
    if (jobs_.empty())
      changed_.wait(lock);
    else
      changed_.wait_for(lock, kPause);
  }
}

}  // namespace astfx
