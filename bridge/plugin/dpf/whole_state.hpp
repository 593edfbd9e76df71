// The bytes of a project, read whole before anything of them is used, so that a project that was cut off
// changes nothing.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

namespace astfx {

class WholeState {
 public:
  // Whether there is room for more.
  bool add(const char* bytes, size_t n) {
    if (bytes_.size() + n > kMostBytes) return false;
    bytes_.append(bytes, n);
    return true;
  }

  // Whether it begins and ends as DPF writes it.
  bool is_whole() const {
    const std::string begin("__dpf_state_begin__\0", 20), end("\0__dpf_parameters_end__\0\xfe", 25);
    const size_t at = bytes_.find('\xfe');
    return at != std::string::npos && at + 1 >= end.size() && bytes_.compare(0, begin.size(), begin) == 0 &&
           bytes_.compare(at + 1 - end.size(), end.size(), end) == 0;
  }

  // Read on, as from a stream.
  int take(char* to, size_t most) {
    const size_t n = std::min(most, bytes_.size() - taken_);
    std::memcpy(to, bytes_.data() + taken_, n);
    taken_ += n;
    return static_cast<int>(n);
  }

 private:
  static constexpr size_t kMostBytes = size_t{64} << 20;
  std::string bytes_;
  size_t taken_ = 0;
};

}  // namespace astfx
