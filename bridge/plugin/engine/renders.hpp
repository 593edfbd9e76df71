// How the render of a region is, as the process of the engine `stream` says it and the window shows it. The
// numbers are those of bridge/astfx_bridge/live/renders.py.
#pragma once

#include <cstdint>
#include <string>

#include "problems.hpp"

namespace astfx {

enum RenderState : int {
  kRenderNone,
  kRenderRecording,
  kRenderRendering,
  kRenderReady,
  kRenderFailed,
  kRenderStateCount,
};

enum RenderProblem : int {
  kRenderHasNoProblem,
  kRenderIsLost,
  kRenderIsEmpty,
  kRenderHasNoFolder,
  kRenderHasNoServer,
  kRenderJobFails,
  kRenderProblemCount,
};

constexpr ProblemText kRenderProblems[kRenderProblemCount] = {
    {"none", ""},
    {"lost", "Part of the region was lost: its Python process stopped or was late."},
    {"empty", "The region ended before the host played anything."},
    {"no folder", "The folder of the renders cannot be written to, or the disk is full."},
    {"no server", "No server could be started to render the region."},
    {"job failed", "The render of the region has failed. Record it again."},
};

// The last region, and the number of the last file.
struct Renders {
  RenderState state = kRenderNone;
  RenderProblem problem = kRenderHasNoProblem;
  uint64_t number = 0;
  int percent = 0;  // of the region that is being rendered

  // When the process has ended: what was not finished is lost.
  Renders interrupted() const {
    const bool is_lost = state == kRenderRecording || state == kRenderRendering;
    return is_lost ? Renders{kRenderFailed, kRenderIsLost, number, 0} : *this;
  }

  // As one number in the memory that is shared. The other process may have written any.
  uint64_t packed() const {
    return static_cast<uint64_t>(state) | static_cast<uint64_t>(problem) << 8 |
           static_cast<uint64_t>(percent) << 16 | number << 24;
  }
  static Renders unpacked(uint64_t packed) {
    const uint64_t state = packed & 255, problem = packed >> 8 & 255, percent = packed >> 16 & 255;
    if (state >= kRenderStateCount || problem >= kRenderProblemCount || percent > 100) return {};
    return {static_cast<RenderState>(state), static_cast<RenderProblem>(problem), packed >> 24,
            static_cast<int>(percent)};
  }
};

constexpr const char* kRendersVariable = "ASTFX_RENDERS";

// Where the files are: ASTFX_RENDERS, or else the folder `astfx` in the user's music.
std::string renders_folder();
// The path of a file.
std::string render_path(uint64_t number);

}  // namespace astfx
