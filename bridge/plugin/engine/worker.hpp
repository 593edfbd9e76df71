// Threads that look after things for the audio threads of all instances in a process.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace astfx {

// Something that a worker does again and again.
struct Task {
  virtual ~Task() = default;
  virtual void work() = 0;
};

// It looks for work after each pause, because an audio thread may not wake it: that would be a system
// call.
class Worker {
 public:
  // The thread that computes Monge maps.
  static std::shared_ptr<Worker> of_maps();
  // The thread that loads presets.
  static std::shared_ptr<Worker> of_presets();
  // The thread that looks after Python processes.
  static std::shared_ptr<Worker> of_backends();
  ~Worker();

  void add(Task* task);
  // Returns when the task is no longer in use.
  void remove(Task* task);

 private:
  // A thread that exists as long as somebody uses it.
  struct Shared {
    std::mutex mutex;
    std::weak_ptr<Worker> present;
    std::shared_ptr<Worker> get(std::chrono::microseconds pause);
  };

  explicit Worker(std::chrono::microseconds pause);
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::chrono::microseconds pause_;
  std::vector<Task*> tasks_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace astfx
