// The thread that computes Monge maps for all instances of the plugin in a process.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "map_job.hpp"

namespace astfx {

// It looks for work every millisecond or two, because the audio thread may not wake it: that would be
// a system call.
class Worker {
 public:
  static std::shared_ptr<Worker> shared();
  ~Worker();

  void add(MapJob* job);
  // Returns when the job is no longer in use.
  void remove(MapJob* job);

 private:
  Worker();
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<MapJob*> jobs_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace astfx
