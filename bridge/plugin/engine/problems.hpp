// What can be wrong with a preset, for the host's controls and the window.
#pragma once

namespace astfx {

enum PresetProblem : int {
  kNoProblem,
  kPresetIsMissing,
  kPresetIsDamaged,
  kPresetHasChanged,
  kPresetProblemCount,
};

struct ProblemText {
  const char* label;
  const char* sentence;
};

constexpr ProblemText kPresetProblems[kPresetProblemCount] = {
    {"none", ""},
    {"missing", "A preset is not on this machine. Choose another one."},
    {"damaged", "A preset is damaged and cannot be used. Choose another one."},
    {"changed", "A preset has changed since the project was saved."},
};

}  // namespace astfx
