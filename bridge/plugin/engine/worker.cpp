#include "worker.hpp"

#include <algorithm>

#include "denormals.hpp"

namespace astfx {

namespace {

constexpr std::chrono::microseconds kPauseOfMaps{1500}, kPauseOfPresets{10000},
    kPauseOfBackends{20000};

}  // namespace

std::shared_ptr<Worker> Worker::of_maps() {
  static Shared shared;
  return shared.get(kPauseOfMaps);
}

std::shared_ptr<Worker> Worker::of_presets() {
  static Shared shared;
  return shared.get(kPauseOfPresets);
}

std::shared_ptr<Worker> Worker::of_backends() {
  static Shared shared;
  return shared.get(kPauseOfBackends);
}

std::shared_ptr<Worker> Worker::Shared::get(std::chrono::microseconds pause) {
  const std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<Worker> worker = present.lock();
  if (!worker) present = worker = std::shared_ptr<Worker>(new Worker(pause));
  return worker;
}

Worker::Worker(std::chrono::microseconds pause) : pause_(pause), thread_([this] { run(); }) {}

Worker::~Worker() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Worker::add(Task* task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  tasks_.push_back(task);
  changed_.notify_all();
}

void Worker::remove(Task* task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  tasks_.erase(std::remove(tasks_.begin(), tasks_.end(), task), tasks_.end());
}

void Worker::run() {
  const FlushDenormals flush;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ends_) {
    for (Task* task : tasks_) task->work();
    if (tasks_.empty())
      changed_.wait(lock);
    else
      changed_.wait_for(lock, pause_);
  }
}

}  // namespace astfx
