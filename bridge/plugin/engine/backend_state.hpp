// How the Python process of the engine `stream` is.
#pragma once

namespace astfx {

enum BackendState : int {
  kBackendUnused,    // the engine `live` needs none
  kBackendStarts,    // it is being started, and the sound is dry
  kBackendRuns,      // it processes the audio
  kBackendIsAbsent,  // there is no Python to start
  kBackendFails,     // it has ended again and again
};

}  // namespace astfx
