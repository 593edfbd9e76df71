// A queue of objects that the audio thread no longer needs, for another thread to delete.
#pragma once

#include <array>
#include <atomic>

namespace astfx {

struct Disposable {
  virtual ~Disposable() = default;
};

// One thread throws objects in, another one deletes them. Neither waits.
class Trash {
 public:
  ~Trash() { empty(); }
  // For the first thread.
  bool has_room() const {
    return end_.load(std::memory_order_relaxed) - begin_.load(std::memory_order_acquire) <
           slots_.size();
  }
  // Returns false, and keeps nothing, if there is no room.
  bool throw_in(Disposable* object) {
    if (!has_room()) return false;
    const unsigned end = end_.load(std::memory_order_relaxed);
    slots_[end % slots_.size()] = object;
    end_.store(end + 1, std::memory_order_release);
    return true;
  }
  void empty() {
    unsigned begin = begin_.load(std::memory_order_relaxed);
    while (begin != end_.load(std::memory_order_acquire)) {
      delete slots_[begin % slots_.size()];
      begin_.store(++begin, std::memory_order_release);
    }
  }

 private:
  std::array<Disposable*, 64> slots_{};
  std::atomic<unsigned> begin_{0}, end_{0};
};

}  // namespace astfx
