#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ring.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

namespace astfx {

namespace {

constexpr size_t kHeaderBytes = 4096;
constexpr uint32_t kVersion = 3;
constexpr uint64_t kEventPlaces = 1024;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Ring::Ring(int sample_rate, int channels, int frames, int latency)
    : channels_(static_cast<uint64_t>(channels)), frames_(1) {
  while (frames_ < static_cast<uint64_t>(frames)) frames_ *= 2;
  const size_t ring_bytes = frames_ * channels_ * sizeof(float);
  size_ = kHeaderBytes + 2 * ring_bytes + kEventPlaces * sizeof(RingEvent);
  end_ = size_;
  descriptor_ = memfd_create("astfx", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor_ < 0) fail("shared memory cannot be made");
  void* map = MAP_FAILED;
  if (ftruncate(descriptor_, static_cast<off_t>(size_)) == 0 &&
      fcntl(descriptor_, F_ADD_SEALS, F_SEAL_SHRINK) == 0)
    map = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor_, 0);
  if (map == MAP_FAILED) {
    const int error = errno;
    close(descriptor_);
    errno = error;
    fail("shared memory cannot be made");
  }
  // Users may lock only some memory. What is not locked is there too, unless the machine runs short.
  (void)!mlock(map, size_);
  char* bytes = static_cast<char*>(map);
  header_ = new (bytes) RingHeader{};
  std::memcpy(header_->magic, "ASTFXRNG", 8);
  header_->version = kVersion;
  header_->sample_rate = static_cast<uint32_t>(sample_rate);
  header_->channels = static_cast<uint32_t>(channels);
  header_->frames = static_cast<uint32_t>(frames_);
  header_->latency = static_cast<uint32_t>(latency);
  header_->event_places = kEventPlaces;
  input_ = reinterpret_cast<float*>(bytes + kHeaderBytes);
  output_ = input_ + frames_ * channels_;
  events_ = reinterpret_cast<RingEvent*>(bytes + kHeaderBytes + 2 * ring_bytes);
}

Ring::~Ring() {
  munmap(header_, size_);
  close(descriptor_);
}

void Ring::add(const RingEvent& event) {
  const uint64_t n = header_->n_events.get();
  events_[n % kEventPlaces] = event;
  header_->n_events.set(n + 1);
}

PresetPlace Ring::keep(const std::string& sha256, const std::string& bytes) {
  const auto known = kept_.find(sha256);
  if (known != kept_.end()) return known->second;
  const PresetPlace place{end_, bytes.size()};
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                             static_cast<off_t>(end_ + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail("a preset cannot be passed on");
    done += static_cast<size_t>(n);
  }
  end_ += bytes.size();
  kept_[sha256] = place;
  return place;
}

std::string Ring::message() const {
  char text[sizeof header_->message];
  std::memcpy(text, header_->message, sizeof text);
  text[sizeof text - 1] = '\0';
  return text;
}

void Ring::forget_message() { header_->message[0] = '\0'; }

}  // namespace astfx
