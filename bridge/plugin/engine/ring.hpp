// The memory that an audio thread shares with the Python process that runs its effect. It has the layout
// of bridge/astfx_bridge/live/ring_file.py, which describes it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

namespace astfx {

// A number that one side writes and the other reads, alone in its cache line.
struct alignas(64) SharedCount {
  std::atomic<uint64_t> value{0};

  uint64_t get() const { return value.load(std::memory_order_acquire); }
  void set(uint64_t number) { value.store(number, std::memory_order_release); }
};
static_assert(std::atomic<uint64_t>::is_always_lock_free, "processes share atomic numbers");

struct RingHeader {
  char magic[8];
  uint32_t version, sample_rate, channels, frames, latency, event_places;
  SharedCount n_input, n_output, has_ended, first_output, stream, ready, n_events, heartbeat, waits;
  SharedCount renders;
  char unused[320];
  char message[1024];
};
static_assert(sizeof(RingHeader) == 2048, "the layout is that of ring_file.py");

// Where the bytes of a preset lie in the file.
struct PresetPlace {
  uint64_t place = 0, size = 0;
};

struct RingEvent {
  uint64_t frame;
  float strength, mix, morph;
  uint32_t renders;  // 1 where the input is part of a region to render
  PresetPlace first, second;
  uint64_t reserved;
};
static_assert(sizeof(RingEvent) == 64, "the layout is that of ring_file.py");

// The memory is a file without a name, which only this process and those that it starts can open. It
// cannot be made shorter, so no process can make another one fail.
class Ring {
 public:
  // Throws std::system_error where the system refuses the memory.
  Ring(int sample_rate, int channels, int frames, int latency);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  int descriptor() const { return descriptor_; }
  RingHeader& header() { return *header_; }
  uint64_t frames() const { return frames_; }
  // Place of a frame in a ring, for its first channel.
  float* input(uint64_t frame) { return input_ + (frame & (frames_ - 1)) * channels_; }
  const float* output(uint64_t frame) { return output_ + (frame & (frames_ - 1)) * channels_; }

  // The audio thread, or another one while it does not run.
  void add(const RingEvent& event);

  // One other thread: keep a preset for the other process. The same bytes are kept once.
  PresetPlace keep(const std::string& sha256, const std::string& bytes);
  // The text of the other process's last error.
  std::string message() const;
  void forget_message();

 private:
  int descriptor_ = -1;
  uint64_t channels_, frames_;
  size_t size_;
  RingHeader* header_ = nullptr;
  float* input_ = nullptr;
  float* output_ = nullptr;
  RingEvent* events_ = nullptr;
  uint64_t end_;
  std::map<std::string, PresetPlace> kept_;
};

}  // namespace astfx
