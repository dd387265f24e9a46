/** Ready-made health checkers: by HTTP, by TCP, by what the provider says, and several of them together. */
@NullMarked
package io.github.rollstep.health;

import org.jspecify.annotations.NullMarked;
