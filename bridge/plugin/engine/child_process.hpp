// A Python process that runs the effect of a plugin.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace astfx {

// The words of the command that starts the process, without the two that `start` adds: ASTFX_PYTHON, or
// the interpreter that `astfx plugin build` has written into the plugin's bundle, or else the command
// `astfx`. Nothing if there is none of them on this machine.
std::optional<std::vector<std::string>> backend_command();

// Show a folder in the user's file manager, without waiting for it. Returns whether that could be started.
bool open_folder(const std::string& folder);

class ChildProcess {
 public:
  ChildProcess() = default;
  ~ChildProcess() { kill(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Start a command, which gets a file as its only open one but for the null device. Its last words will
  // be the file's name and the number of this process. Returns 0, or the error's number.
  int start(const std::vector<std::string>& command, int descriptor);
  // Whether it runs. Not any more, if it has ended.
  bool runs();
  // End it, and wait until it is gone.
  void kill();
  pid_t id() const { return id_; }
  // How it ended, for a sentence: " with status 1", " by signal 9"; empty if that is not known.
  const std::string& end() const { return end_; }

 private:
  pid_t id_ = -1;
  std::string end_;
};

}  // namespace astfx
