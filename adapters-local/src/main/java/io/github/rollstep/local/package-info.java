/**
 * Operating-system processes as instances, and an embedded reverse proxy as their router: what needs nothing installed.
 */
@NullMarked
package io.github.rollstep.local;

import org.jspecify.annotations.NullMarked;
