"""
One lock for the first use of native libraries: whoever imports, sets up or first calls one of them
holds it, so that no two threads meet there.

Such libraries set themselves up at their first call, once, behind a lock of their own (a static of a
C++ function). Where that setting up calls Python, it may let go of the interpreter's lock (the GIL)
in the middle. A second thread then takes the GIL and waits for the library's lock with the GIL in
its hands: neither can go on, no other thread of the process runs any more, and no signal is heard.
OpenVINO does this with its tables of numpy types; two embedding threads met there in most runs of
a busy machine. Imports have the milder form of it: of modules that import each other, a second
thread sees names that are not there yet.
"""

from __future__ import annotations

import threading

# Held while another first use is under way in the same thread, so it may be taken twice.
FIRST_USE = threading.RLock()
