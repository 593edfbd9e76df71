// Drags a file out of the window into another program, by XDND, which file managers and hosts on X11 know.
// While a mouse button is held, X11 reports the mouse to the plugin's window alone. So the window says when
// the pointer moves and when the button is released, and a connection of its own talks to the other program.
#pragma once

#include <memory>
#include <string>

namespace astfx::window {

class FileDrag {
 public:
  FileDrag();
  ~FileDrag();
  FileDrag(const FileDrag&) = delete;
  FileDrag& operator=(const FileDrag&) = delete;

  // Begin to drag a file. Returns whether that is possible here.
  bool begin(const std::string& path);
  // The pointer has moved.
  void move();
  // The button has been released.
  void drop();
  // Answer other programs. Call it often.
  void work();

 private:
  class Talk;
  std::unique_ptr<Talk> talk_;
};

}  // namespace astfx::window
