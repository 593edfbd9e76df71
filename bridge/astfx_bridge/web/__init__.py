"""The server's door for browsers and OSCQuery clients: HTTP and WebSocket."""
