/** Where a rollout's state is kept. */
@NullMarked
package io.github.rollstep.store;

import org.jspecify.annotations.NullMarked;
