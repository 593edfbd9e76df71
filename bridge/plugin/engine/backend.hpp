// Looks after the Python process of a relay: starts it, watches it, and starts it again.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "backend_state.hpp"
#include "child_process.hpp"
#include "relay.hpp"
#include "worker.hpp"

namespace astfx {

class Backend : private Task {
 public:
  // The relay must outlive the backend.
  explicit Backend(Relay& relay);
  // Ends the process.
  ~Backend() override;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  BackendState state() const { return static_cast<BackendState>(state_.load()); }
  // A sentence about what is wrong; empty if nothing is.
  std::string problem();
  // The number of the process; -1 if none runs.
  int process_id() const { return process_id_.load(); }

 private:
  using Clock = std::chrono::steady_clock;

  void work() override;
  void start();
  void watch();
  void ended(const std::string& how);
  void note(const std::string& sentence);
  bool is_ready();

  Relay& relay_;
  std::shared_ptr<Worker> worker_;
  ChildProcess process_;
  std::string program_;
  std::atomic<int> state_{kBackendStarts}, process_id_{-1};
  Clock::time_point next_start_{}, last_beat_{}, last_progress_{};
  uint64_t beats_ = 0, n_output_ = 0;
  int n_failures_ = 0;  // since it last processed audio

  std::mutex mutex_;
  std::string problem_;
};

}  // namespace astfx
