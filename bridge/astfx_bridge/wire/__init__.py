"""How packets come and go: OSC messages over UDP and TCP, and who may send them."""
