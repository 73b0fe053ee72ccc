"""
One lock for the first use of native libraries, so that no two threads meet there.

Hold it to import such a library, to set it up, or to call it for the first time.

Such libraries initialise themselves once, at their first call, behind a lock of their own (a static
of a C++ function). Initialisation that calls Python may release the interpreter's lock (the GIL) in
the middle. A second thread then takes the GIL and waits for the library's lock while it keeps the
GIL. Neither thread can continue, no other thread of the process runs any more, and signals are not
handled. OpenVINO initialises its tables of numpy types in this way, and two embedding threads
deadlocked there in most runs on a busy machine. Imports have a milder form of the problem: a second
thread may see a module whose names are not all defined yet.
"""

from __future__ import annotations

import threading

# Reentrant, because a first use may include another one in the same thread.
FIRST_USE = threading.RLock()
