// Sentences for the user in the terminal or the log of the host. Never from the audio thread.
#pragma once

#include <cstdio>
#include <string>

namespace astfx {

inline void say(const std::string& sentence) { std::fprintf(stderr, "astfx: %s\n", sentence.c_str()); }

}  // namespace astfx
