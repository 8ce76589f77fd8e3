"""`make run`: camera and node as two processes, a live status, an overlay video, and a summary at the end."""
