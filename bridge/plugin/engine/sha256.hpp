// SHA-256 (FIPS 180-4).
#pragma once

#include <cstdint>
#include <string>

namespace astfx {

class Sha256 {
 public:
  void update(const void* data, size_t size);
  void update(const std::string& text) { update(text.data(), text.size()); }
  std::string hex();

 private:
  void block(const uint8_t* data);

  uint32_t state_[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint8_t held_[64];
  size_t n_held_ = 0;
  uint64_t n_bytes_ = 0;
};

}  // namespace astfx
