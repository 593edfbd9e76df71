// Base64 (RFC 4648).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace astfx {

inline std::string base64(const std::string& bytes) {
  static const char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j)
      text += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

// Nothing if the text is not base64.
inline std::optional<std::string> from_base64(const std::string& text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  uint32_t group = 0;
  size_t n_digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    uint32_t digit = 0;
    if (c >= 'A' && c <= 'Z') digit = static_cast<uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z') digit = static_cast<uint32_t>(c - 'a' + 26);
    else if (c >= '0' && c <= '9') digit = static_cast<uint32_t>(c - '0' + 52);
    else if (c == '+') digit = 62;
    else if (c == '/') digit = 63;
    else if (c == '=' && i + 2 >= text.size()) continue;
    else return std::nullopt;
    if (i > 0 && text[i - 1] == '=') return std::nullopt;
    group = group << 6 | digit;
    if (++n_digits % 4 == 0) {
      bytes += {static_cast<char>(group >> 16), static_cast<char>(group >> 8), static_cast<char>(group)};
      group = 0;
    }
  }
  if (n_digits % 4 == 1) return std::nullopt;
  if (n_digits % 4 == 2) bytes += static_cast<char>(group >> 4);
  if (n_digits % 4 == 3) bytes += {static_cast<char>(group >> 10), static_cast<char>(group >> 2)};
  return bytes;
}

}  // namespace astfx
