/** Containers of a Docker Engine as instances, and the engine's own health checks. */
@NullMarked
package io.github.rollstep.docker;

import org.jspecify.annotations.NullMarked;
