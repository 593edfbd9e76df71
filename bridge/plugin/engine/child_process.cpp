#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "library.hpp"
#include "renders.hpp"

namespace astfx {

namespace {

constexpr int kRingDescriptor = 3;
constexpr const char* kRingName = "/proc/self/fd/3";
constexpr const char* kInterpreterFile = "python.txt";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool can_run(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

std::vector<std::string> module_of(const std::string& python) {
  // -P: the folder in which the host runs has no modules of ours.
  return {python, "-P", "-m", "astfx_bridge.live.backend"};
}

// The host's own Python must not lead ours astray. Threads would compete with the host's. Where the renders
// are is looked up here alone, because the window shows it too.
std::vector<std::string> variables() {
  std::vector<std::string> kept{"OMP_NUM_THREADS=1", kRendersVariable + ("=" + renders_folder())};
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string text = *each;
    const std::string name = text.substr(0, text.find('='));
    if (name != "PYTHONHOME" && name != "PYTHONPATH" && name != "OMP_NUM_THREADS" && name != kRendersVariable)
      kept.push_back(text);
  }
  return kept;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> found;
  for (std::string& word : words) found.push_back(word.data());
  found.push_back(nullptr);
  return found;
}

}  // namespace

std::optional<std::vector<std::string>> backend_command() {
  const std::string chosen = variable("ASTFX_PYTHON");
  if (!chosen.empty())
    return can_run(chosen) ? std::optional(module_of(chosen)) : std::nullopt;
  std::ifstream file(bundle_folder() + "/" + kInterpreterFile);
  std::string python;
  if (std::getline(file, python) && can_run(python)) return module_of(python);
  std::istringstream folders(variable("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty() && can_run(folder + "/astfx"))
      return std::vector<std::string>{folder + "/astfx", "plugin", "backend"};
  return std::nullopt;
}

bool open_folder(const std::string& folder) {
  // setsid starts it in a session of its own and ends at once, so nobody need wait for a file manager.
  std::vector<std::string> words{"setsid", "--fork", "xdg-open", folder};
  std::vector<char*> arguments = pointers(words);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (const int standard : {0, 1, 2})
    posix_spawn_file_actions_addopen(&files, standard, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  pid_t id = -1;
  const int error = posix_spawnp(&id, words[0].c_str(), &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return false;
  while (waitpid(id, nullptr, 0) < 0 && errno == EINTR) {
  }
  return true;
}

int ChildProcess::start(const std::vector<std::string>& command, int descriptor) {
  std::vector<std::string> words = command, kept = variables();
  words.push_back(kRingName);
  words.push_back(std::to_string(getpid()));
  std::vector<char*> arguments = pointers(words), environment = pointers(kept);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&files, descriptor, kRingDescriptor);
  const bool is_quiet = variable("ASTFX_DEBUG").empty();
  for (const int standard : {0, 1, 2})
    if (is_quiet || standard == 0)
      posix_spawn_file_actions_addopen(&files, standard, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_addclosefrom_np(&files, kRingDescriptor + 1);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  end_.clear();
  const int error =
      posix_spawn(&id_, words[0].c_str(), &files, &attributes, arguments.data(), environment.data());
  if (error != 0) id_ = -1;
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return error;
}

bool ChildProcess::runs() {
  if (id_ < 0) return false;
  int status = 0;
  const pid_t found = waitpid(id_, &status, WNOHANG);
  if (found == 0 || (found < 0 && errno == EINTR)) return true;
  end_ = "";
  // A host may let the system forget its children, which leaves no status.
  if (found > 0 && WIFEXITED(status)) end_ = " with status " + std::to_string(WEXITSTATUS(status));
  if (found > 0 && WIFSIGNALED(status)) end_ = " by signal " + std::to_string(WTERMSIG(status));
  id_ = -1;
  return false;
}

void ChildProcess::kill() {
  if (!runs()) return;
  ::kill(id_, SIGKILL);
  while (waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
  }
  end_ = " by signal 9";
  id_ = -1;
}

}  // namespace astfx
