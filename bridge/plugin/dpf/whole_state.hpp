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

  // Whether it is what DPF writes: states and parameters, each a key and a value, between marks.
  bool is_whole() const {
    size_t at = 0;
    return follows(at, "__dpf_state_begin__") && pairs(at, "__dpf_state_end__") &&
           follows(at, "__dpf_parameters_begin__") && pairs(at, "__dpf_parameters_end__") &&
           at < bytes_.size() && bytes_[at] == '\xfe';
  }

  // Read on, as from a stream.
  int take(char* to, size_t most) {
    const size_t n = std::min(most, bytes_.size() - taken_);
    std::memcpy(to, bytes_.data() + taken_, n);
    taken_ += n;
    return static_cast<int>(n);
  }

 private:
  // The next text, which ends with a null; null if there is none.
  const char* next(size_t& at) const {
    const size_t end = bytes_.find('\0', at);
    if (end == std::string::npos) return nullptr;
    const char* text = bytes_.data() + at;
    at = end + 1;
    return std::strchr(text, '\xfe') == nullptr ? text : nullptr;
  }
  bool follows(size_t& at, const char* mark) const {
    const char* text = next(at);
    return text != nullptr && std::strcmp(text, mark) == 0;
  }
  bool pairs(size_t& at, const char* mark) const {
    for (;;) {
      const char* key = next(at);
      if (key == nullptr) return false;
      if (std::strcmp(key, mark) == 0) return true;
      if (std::strncmp(key, "__dpf_", 6) == 0) return false;
      const char* value = next(at);
      if (value == nullptr || std::strncmp(value, "__dpf_", 6) == 0) return false;
    }
  }

  static constexpr size_t kMostBytes = size_t{64} << 20;
  std::string bytes_;
  size_t taken_ = 0;
};

}  // namespace astfx
