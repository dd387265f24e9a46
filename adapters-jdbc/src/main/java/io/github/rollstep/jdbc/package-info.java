/** The records of rollouts in PostgreSQL, for several controllers. */
@NullMarked
package io.github.rollstep.jdbc;

import org.jspecify.annotations.NullMarked;
