/** Ready-made gates: by what the host's own meters count, and by asking a service over HTTP. */
@NullMarked
package io.github.rollstep.gate;

import org.jspecify.annotations.NullMarked;
